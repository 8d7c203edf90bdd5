/** Follows the text of one JSON object as it arrives, and finds where it ends. Pure. */
const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
const OPEN_BRACE = '{'.charCodeAt(0);
const CLOSE_BRACE = '}'.charCodeAt(0);
const OPEN_BRACKET = '['.charCodeAt(0);
const CLOSE_BRACKET = ']'.charCodeAt(0);

export class JsonObjectScanner {
  /** The text so far ends inside a string. */
  inString = false;
  #depth = 0;
  #escaped = false;
  /** `other`: the text does not begin as an object does. */
  state: 'blank' | 'open' | 'complete' | 'other' = 'blank';

  /** Takes the next fragment; returns how much of it belongs to the object. */
  push(fragment: string): number {
    let at = this.state === 'blank' ? this.#begin(fragment) : 0;
    while (this.state === 'open' && at < fragment.length) {
      at = this.inString ? this.#readString(fragment, at) : this.#readBetween(fragment, at);
    }
    return this.state === 'complete' ? at : fragment.length;
  }

  #begin(fragment: string): number {
    const at = fragment.search(/\S/);
    if (at === -1) return fragment.length;
    const isObject = fragment.charCodeAt(at) === OPEN_BRACE;
    this.state = isObject ? 'open' : 'other';
    this.#depth = 1;
    return at + 1;
  }

  /** By numbers and in a loop of its own: a fragment may have megabytes. */
  #readString(fragment: string, from: number): number {
    let escaped = this.#escaped;
    let at = from;
    for (; this.inString && at < fragment.length; at++) {
      const code = fragment.charCodeAt(at);
      if (escaped) escaped = false;
      else if (code === BACKSLASH) escaped = true;
      else if (code === QUOTE) this.inString = false;
    }
    this.#escaped = escaped;
    return at;
  }

  #readBetween(fragment: string, from: number): number {
    for (let at = from; at < fragment.length; at++) {
      const code = fragment.charCodeAt(at);
      if (code === OPEN_BRACE || code === OPEN_BRACKET) this.#depth += 1;
      else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) this.#depth -= 1;
      this.inString = code === QUOTE;
      if (this.#depth === 0) this.state = 'complete';
      if (this.inString || this.#depth === 0) return at + 1;
    }
    return fragment.length;
  }
}
