/** Follows the text of one JSON object as it arrives, and finds where it ends. Pure. */
export class JsonObjectScanner {
  /** The text so far ends inside a string. */
  inString = false;
  #depth = 0;
  #escaped = false;
  /** `other`: the text does not begin as an object does. */
  state: 'blank' | 'open' | 'complete' | 'other' = 'blank';

  /** Takes the next fragment; returns how much of it belongs to the object. */
  push(fragment: string): number {
    for (let at = 0; at < fragment.length; at++) {
      if (this.state === 'complete') return at;
      if (this.state === 'other') return fragment.length;
      this.#step(fragment[at]!);
    }
    return fragment.length;
  }

  #step(character: string): void {
    if (this.state === 'blank') {
      if (character === '{') {
        this.state = 'open';
        this.#depth = 1;
      } else if (!/\s/.test(character)) this.state = 'other';
    } else if (this.inString) {
      if (this.#escaped) this.#escaped = false;
      else if (character === '\\') this.#escaped = true;
      else if (character === '"') this.inString = false;
    } else if (character === '"') this.inString = true;
    else if (character === '{' || character === '[') this.#depth += 1;
    else if (character === '}' || character === ']') {
      this.#depth -= 1;
      if (this.#depth === 0) this.state = 'complete';
    }
  }
}
