/**
 * What of a model's text its user sees. Blank text before the first word is held back: in front of a tool call it is no
 * message. A `<think>` block that opens the answer is the model's own. Pure.
 */
import { splitHalf } from '../../../wire/text.ts';

const OPENING = /^\s*<(think|thinking|thought)>/i;
/** The longest text that can still become an opening tag. */
const MAYBE_OPENING = /^\s*(<(t(h(i(n(k(i(n(g)?)?)?)?)?)?)?|thou(g(h(t)?)?)?|tho)?)?$/i;

export class AnswerText {
  readonly #strip: boolean;
  #place: 'start' | 'thought' | 'text' = 'start';
  #held = '';
  #closing = '';
  /** What was left out, as the model wrote it: its server may want it back. */
  thought = '';

  constructor(thinking: 'strip' | 'keep') {
    this.#strip = thinking === 'strip';
  }

  /** Takes the next piece of text; returns what may be shown now. */
  push(piece: string): string {
    this.#held += piece;
    if (this.#place === 'text') return this.#show(this.#held);
    return this.#place === 'thought' ? this.#readThought() : this.#readStart();
  }

  #readStart(): string {
    const [opening, tag] = (this.#strip && OPENING.exec(this.#held)) || [];
    if (opening !== undefined) {
      this.#place = 'thought';
      this.#closing = `</${tag!.toLowerCase()}>`;
      return this.#readThought();
    }
    if (this.#held.trim() === '' || (this.#strip && MAYBE_OPENING.test(this.#held))) return '';
    return this.#show(this.#held);
  }

  #readThought(): string {
    const end = this.#held.toLowerCase().indexOf(this.#closing);
    if (end === -1) return '';
    const rest = this.#held.slice(end + this.#closing.length);
    this.thought += this.#held.slice(0, end + this.#closing.length);
    this.#held = rest.trimStart();
    this.#place = 'start';
    return this.#readStart();
  }

  #show(text: string): string {
    const begins = this.#place === 'start' && this.thought !== '';
    const [whole, half] = splitHalf(begins ? text.trimStart() : text);
    this.#place = 'text';
    this.#held = half;
    return whole;
  }

  /**
   * What is left when the text ends: nothing if only blanks are. A thought that was never closed is taken for the answer
   * when the model wrote nothing else.
   */
  end(nothingElse: boolean): string {
    const left = this.#held;
    this.#held = '';
    if (this.#place !== 'thought') return left.trim() === '' ? '' : left;
    if (nothingElse) return left.replace(OPENING, '').trimStart();
    this.thought += left;
    return '';
  }
}
