/** A JSON body on its way to a model server. */
import { invalidRequest } from '../../wire/errors/errors.ts';
import { malformedJson } from '../../wire/errors/http-errors.ts';
import type { SplitBody, SplitProblem, TextSample } from './split-body.ts';
import type { Passage } from './upstream.ts';

export type AskedBody = {
  /** The fields that name something; not checked. */
  names: SplitBody['names'];
  /** What is sent, with `model` as the server calls it; '' leaves out what the caller left out. */
  write: (model: string) => Pick<Passage, 'headers' | 'body'> & { texts?: TextSample };
};

/** @throws ApiError 400 */
export function askedJson(split: SplitBody | SplitProblem): AskedBody {
  if (typeof split === 'string') throw problemOf(split);
  const { names, rest, texts } = split;
  return {
    names,
    write: (name) => ({
      headers: { 'content-type': 'application/json' },
      body: withModel(rest, name === '' ? names.model : name),
      texts,
    }),
  };
}

function problemOf(problem: SplitProblem) {
  switch (problem) {
    case 'not JSON':
      return malformedJson();
    case 'not an object':
      return invalidRequest('Invalid request body: expected an object.');
    case 'too deep':
      return invalidRequest('Invalid request body: arrays and objects are nested too deep.');
  }
}

function withModel(rest: Uint8Array, model: unknown): Buffer {
  const isEmpty = rest.length === '{}'.length;
  if (model === undefined) return Buffer.from(rest);
  const named = `{"model":${JSON.stringify(model)}${isEmpty ? '' : ','}`;
  return Buffer.concat([Buffer.from(named), rest.subarray(1)]);
}
