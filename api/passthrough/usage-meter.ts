/**
 * Reads what an answer says of its tokens while it passes by. Nothing is parsed as a whole: an answer may be tens of
 * megabytes of vectors. Inside a JSON string every quote is escaped, so `"usage":{` is never a part of a text.
 */
import { readUsage } from '../../wire/reported-usage.ts';
import { jsonOr } from '../../wire/text.ts';

type TokenCounts = { promptTokens: number; completionTokens: number; totalTokens: number };

export type UsageMeter = {
  read(chunk: Uint8Array): void;
  /** The id of the response that the server keeps, once it was seen. */
  responseId(): string | undefined;
  /** Once the answer has ended or was cut: what the server reported last, and the text as far as it was seen. */
  end(): {
    reported: TokenCounts | undefined;
    text: string;
    /** Of a span: undefined without `isTraced`. */
    model: string | undefined;
    finishReasons: string[] | undefined;
  };
};

/** Of one event, or of the whole answer when it is not a stream: its beginning and its end are kept. */
const HEAD = 1024 * 1024;
const TAIL = 64 * 1024;
/** Longer than any report of usage. */
const REPORT = 2_000;

const MODEL = /"model"\s*:\s*"([^"\\]{1,1000})"/;
const FINISH_REASON = /"finish_reason"\s*:\s*"(\w+)"/g;
const RESPONSE_ID = /"id"\s*:\s*"(resp[^"\\]{1,1000})"/;
/** Events of a response that repeat what deltas said. */
const REPEATS = /"type"\s*:\s*"response\.[\w.]+\.(?:done|added)"/;
const TEXTS =
  /"(?:content|text|delta|arguments|reasoning|reasoning_content|refusal)"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")/g;

export function createUsageMeter(isStream: boolean, isTraced = false): UsageMeter {
  const decoder = new TextDecoder();
  let head = '';
  let tail = '';
  let reported: TokenCounts | undefined;
  let responseId: string | undefined;
  const texts: string[] = [];
  let model: string | undefined;
  const finishReasons: string[] | undefined = isTraced ? [] : undefined;

  const inspect = () => {
    const part = head + tail;
    head = '';
    tail = '';
    if (finishReasons !== undefined) {
      model ??= MODEL.exec(part)?.[1];
      finishReasons.push(...[...part.matchAll(FINISH_REASON)].map(([, reason]) => reason!));
    }
    const counts = countsIn(part);
    if (counts !== undefined) reported = counts;
    else if (!REPEATS.test(part)) texts.push(...textsIn(part));
  };

  return {
    read(chunk) {
      const text = decoder.decode(chunk, { stream: true });
      for (const [index, piece] of (isStream ? text.split('\n') : [text]).entries()) {
        if (index > 0) inspect();
        if (head.length >= HEAD) {
          tail = (tail + piece).slice(-TAIL);
          continue;
        }
        head += piece;
        responseId ??= RESPONSE_ID.exec(head)?.[1];
      }
    },
    responseId: () => responseId,
    end() {
      inspect();
      return { reported, text: texts.join(''), model, finishReasons };
    },
  };
}

function countsIn(part: string): TokenCounts | undefined {
  const found = [...part.matchAll(/"usage"\s*:\s*(?=\{)/g)].at(-1);
  if (found === undefined) return undefined;
  const counts = readUsage(objectAt(part, found.index + found[0].length));
  return {
    promptTokens: counts.prompt_tokens,
    completionTokens: counts.completion_tokens,
    totalTokens: counts.total_tokens,
  };
}

/** The object that begins there; empty when it does not end. */
function objectAt(part: string, start: number): Record<string, unknown> {
  const report = part.slice(start, start + REPORT);
  for (const { index } of report.matchAll(/\}/g)) {
    // Or else it is the end of an object in it.
    const object = jsonOr(report.slice(0, index + 1), undefined);
    if (object !== undefined) return object as Record<string, unknown>;
  }
  return {};
}

function textsIn(part: string): string[] {
  return [...part.matchAll(TEXTS)].map(([, text = '']) => jsonOr(text, text) as string);
}
