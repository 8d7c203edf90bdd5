/**
 * Finds the code in a code_interpreter call's arguments, `{"code": "…"}`, while the JSON is still arriving, so that
 * clients see the code as the model writes it. Fragments may end anywhere, also inside an escape.
 */

const ESCAPES: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  '"': '"',
  '\\': '\\',
  '/': '/',
};

export class CodeDecoder {
  #raw = '';
  #position = 0;
  /** Where the decoder is in the top-level object. */
  #place: 'before' | 'key' | 'after-key' | 'value' | 'code' | 'done' = 'before';
  #key = '';
  #depth = 0;
  #inString = false;
  #code = '';

  /** The code decoded so far. */
  get code(): string {
    return this.#code;
  }

  /** Takes the next fragment of the arguments; returns the code it completes, which may be ''. */
  push(fragment: string): string {
    this.#raw += fragment;
    const before = this.#code.length;
    while (this.#position < this.#raw.length && this.#place !== 'done') {
      if (!this.#step(this.#raw[this.#position]!)) break;
    }
    return this.#code.slice(before);
  }

  /**
   * The whole code once the arguments have ended. Arguments that are not the expected JSON are taken for the code
   * itself, which some models write.
   */
  finish(): string {
    try {
      const parsed = JSON.parse(this.#raw) as { code?: unknown };
      if (typeof parsed?.code === 'string') return parsed.code;
      return typeof parsed === 'string' ? parsed : this.#code;
    } catch {
      return this.#code === '' && !this.#raw.trimStart().startsWith('{') ? this.#raw : this.#code;
    }
  }

  /** Handles one character; false when an escape is not complete yet. */
  #step(character: string): boolean {
    switch (this.#place) {
      case 'key':
      case 'code':
        return this.#stringCharacter(character);
      case 'value':
        this.#otherValue(character);
        break;
      case 'after-key':
        if (character === '"' && this.#key === 'code') this.#place = 'code';
        else if (!/[\s:]/.test(character)) this.#enterValue(character);
        break;
      default:
        if (character === '"') this.#enterKey();
    }
    this.#position += 1;
    return true;
  }

  #enterKey(): void {
    this.#place = 'key';
    this.#key = '';
  }

  #enterValue(character: string): void {
    this.#place = 'value';
    this.#depth = 0;
    this.#inString = false;
    this.#otherValue(character);
  }

  /** Skips a value that is not the code, however it is nested. */
  #otherValue(character: string): void {
    if (this.#inString) {
      if (character === '\\') this.#position += 1;
      else if (character === '"') this.#inString = false;
    } else if (character === '"') this.#inString = true;
    else if ('{['.includes(character)) this.#depth += 1;
    else if ('}]'.includes(character)) this.#depth -= 1;
    if (!this.#inString && this.#depth <= 0 && character === ',') this.#place = 'before';
    if (this.#depth < 0) this.#place = 'done';
  }

  #stringCharacter(character: string): boolean {
    if (character === '"') {
      this.#place = this.#place === 'key' ? 'after-key' : 'done';
      this.#position += 1;
      return true;
    }
    const decoded = character === '\\' ? this.#escape() : { text: character, length: 1 };
    if (decoded === undefined) return false;
    if (this.#place === 'key') this.#key += decoded.text;
    else this.#code += decoded.text;
    this.#position += decoded.length;
    return true;
  }

  /** Undefined while the escape is incomplete; a surrogate pair is decoded as one. */
  #escape(): { text: string; length: number } | undefined {
    const rest = this.#raw.slice(this.#position, this.#position + 12);
    if (rest.length < 2) return undefined;
    if (rest[1] !== 'u') return { text: ESCAPES[rest[1]!] ?? rest[1]!, length: 2 };
    if (rest.length < 6) return undefined;
    const unit = Number.parseInt(rest.slice(2, 6), 16);
    const isHigh = unit >= 0xd800 && unit < 0xdc00;
    if (!isHigh) return { text: String.fromCharCode(unit), length: 6 };
    if (rest.length < 12 && '\\u'.startsWith(rest.slice(6, 8))) return undefined;
    if (rest.slice(6, 8) !== '\\u') return { text: '\ufffd', length: 6 };
    return { text: String.fromCharCode(unit, Number.parseInt(rest.slice(8, 12), 16)), length: 12 };
  }
}
