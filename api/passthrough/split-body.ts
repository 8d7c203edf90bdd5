/** What is needed of a JSON body to pass it on. Pure: a long body is split in a thread. */

/** Fields whose strings are not read by the model: names, and sounds and images as base64. */
const NO_TEXT = new Set(['model', 'data', 'encrypted_content']);
/** Longer texts are judged by their beginning. UTF-16 units. */
export const SAMPLE = 100_000;

/** The beginning of a text, and the length of the whole in UTF-16 units. */
export type TextSample = { sample: string; length: number };

export type SplitBody = {
  /** The fields that this server reads; not checked. */
  names: { model?: unknown; previous_response_id?: unknown; stream?: unknown };
  /**
   * The JSON of the other fields. Always written anew: where a field comes twice, the server reads the value that was read
   * here.
   */
  rest: Uint8Array<ArrayBuffer>;
  texts: TextSample;
};

/** Why a body cannot be split. */
export type SplitProblem = 'not JSON' | 'not an object' | 'too deep';

/** An empty text is an empty object. */
export function splitBody(text: string): SplitBody | SplitProblem {
  let body: unknown;
  try {
    body = text === '' ? {} : JSON.parse(text);
  } catch {
    return 'not JSON';
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'not an object';
  const { model, ...others } = body as SplitBody['names'];
  const { previous_response_id, stream } = others;
  const names = { model, previous_response_id, stream };
  const texts: TextSample = { sample: '', length: 0 };
  try {
    const written = JSON.stringify(others, (key, value: unknown) => {
      if (typeof value === 'string' && !NO_TEXT.has(key) && !value.startsWith('data:')) {
        addLine(texts, value);
      }
      return value;
    });
    return { names, rest: new TextEncoder().encode(written), texts };
  } catch {
    return 'too deep';
  }
}

function addLine(texts: TextSample, line: string): void {
  const left = SAMPLE - texts.sample.length;
  const added = texts.length === 0 ? line : `\n${line}`;
  if (left > 0) texts.sample += added.slice(0, left);
  texts.length += added.length;
}
