/**
 * Citations: `【4:0†notes.txt】` in an answer names result 0 of the file_search call that the model knows as 4. The model
 * reads its results under the same marks. A mark that names no result of the run is text like any other.
 */
import type { FileSearchResult, RunStepRow } from './rows.ts';
import { countCharacters } from './text.ts';

/** `text` is the mark as the model wrote it; `start` and `end` count code points of the message's text. */
export type Citation = { fileId: string; text: string; start: number; end: number };

/** A piece of an answer: plain text, or one mark with the citation it is. */
export type AnswerPiece = { text: string; citation?: Citation };

/** Finds the file that a mark names. */
export type Sources = ReadonlyMap<string, string>;

/** Longest mark that is waited for, in UTF-16 units. */
const LONGEST_MARK = 400;
const MARK = /【(\d{1,9}):(\d{1,4})†([^【】\r\n]*)】/g;
/** Text that may still become a mark. */
const BEGUN = /【(?:\d{1,9}(?::(?:\d{1,4}(?:†[^【】\r\n]*)?)?)?)?$/;

/** What the model is to write after a statement that this result supports. */
export function markOf(call: number, result: number, filename: string): string {
  return `【${call}:${result}†${filename.replaceAll(/[【】†\r\n]/g, '_').slice(0, 300)}】`;
}

/**
 * The number of every file_search call of a run that has results. It begins with that of the message the run answers, so
 * that marks in the answers of earlier runs of the thread name nothing in this one.
 */
export function numberSearches(
  steps: readonly RunStepRow[],
  messageNumber: number,
): Map<string, number> {
  const calls = steps
    .filter(({ status }) => status === 'completed')
    .flatMap((step) => step.tool_calls)
    .filter(({ type }) => type === 'file_search');
  return new Map(calls.map(({ id }, place) => [id, messageNumber + place]));
}

/** Every mark of the run's results, by its two numbers. */
export function sourcesOf(steps: readonly RunStepRow[], messageNumber: number): Sources {
  const numbers = numberSearches(steps, messageNumber);
  const sources = new Map<string, string>();
  for (const { id, result } of steps.flatMap((step) => step.tool_calls)) {
    const call = numbers.get(id);
    if (call === undefined) continue;
    for (const [place, { file_id }] of (result?.search?.results ?? []).entries()) {
      sources.set(`${call}:${place}`, file_id);
    }
  }
  return sources;
}

/** Results as the model reads them, each under the mark to cite it by. */
export function describeResults(call: number, results: readonly FileSearchResult[]): string {
  if (results.length === 0) return '(nothing was found)';
  return results
    .map(({ file_name, content }, place) => {
      const text = content.map((part) => part.text).join('\n');
      return `${markOf(call, place, file_name)}\n${text}`;
    })
    .join('\n\n');
}

/** Finds marks in an answer that arrives in pieces of any size. Only what may become a mark is held back. */
export class CitationReader {
  readonly #sources: Sources;
  #held = '';
  /** Text since the last citation, whose code points are counted when the next one needs them. */
  #uncounted = '';
  #codePoints = 0;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  push(text: string): AnswerPiece[] {
    if (this.#sources.size === 0) return [{ text }];
    const all = this.#held + text;
    const begun = BEGUN.exec(all.slice(-LONGEST_MARK));
    const cut = all.length - (begun?.[0].length ?? 0);
    this.#held = all.slice(cut);
    return this.#split(all.slice(0, cut));
  }

  /** What was held back, once the answer has ended. */
  end(): AnswerPiece[] {
    const text = this.#held;
    this.#held = '';
    return text === '' ? [] : [{ text }];
  }

  #split(text: string): AnswerPiece[] {
    const pieces: AnswerPiece[] = [];
    let from = 0;
    const plain = (to: number) => {
      if (to > from) pieces.push({ text: text.slice(from, to) });
      this.#uncounted += text.slice(from, to);
    };
    for (const match of text.matchAll(MARK)) {
      const fileId = this.#sources.get(`${Number(match[1])}:${Number(match[2])}`);
      if (fileId === undefined) continue;
      plain(match.index);
      from = match.index + match[0].length;
      pieces.push({ text: match[0], citation: this.#cite(match[0], fileId) });
    }
    plain(text.length);
    return pieces;
  }

  #cite(text: string, fileId: string): Citation {
    const start = this.#codePoints + countCharacters(this.#uncounted);
    this.#uncounted = '';
    this.#codePoints = start + countCharacters(text);
    return { fileId, text, start, end: this.#codePoints };
  }
}
