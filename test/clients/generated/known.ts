/** Generated tests that cannot pass here, with the reason. A test that fails and is not of these is a fault of the server. */
export type Known = { tests: RegExp; failures: number; why: string };

export const KNOWN: Known[] = [
  {
    tests: /^test_models\.py::.*::test_(method|raw_response|streaming_response)_delete\[/,
    failures: 15,
    why: 'there are no fine-tuned models that could be deleted; the answer is the one recorded for a model that is not there',
  },
  {
    tests: /^test_vector_stores\.py::.*::test_(method|raw_response|streaming_response)_create\[/,
    failures: 15,
    why: 'the name of a store that has none is null, as the hosted service sent it; the types know only text',
  },
];
