/**
 * Tool calls out of deltas, as every known server means them. Servers leave out or repeat the index, the id and the name,
 * split the name, send arguments as an object, or all calls under index 0. Clients take calls strictly one after the
 * other, so a call is shown once the one before it is complete. Pure.
 */
import type { UpstreamTurn } from '../../../wire/rows.ts';
import { splitHalf, storable } from '../../../wire/text.ts';
import { ModelStreamError } from '../../failures.ts';
import { JsonObjectScanner } from './json-object-scanner.ts';
import type { OpaqueFields } from '../opaque-fields.ts';
import { isObject, mergeOpaque } from '../opaque-fields.ts';

export type CallPart =
  /** A call's name is known; `index` counts the turn's calls from 0. */
  | { kind: 'call'; index: number; name: string }
  | { kind: 'arguments'; index: number; fragment: string };

export type CallDelta = {
  index?: unknown;
  id?: unknown;
  function?: unknown;
} & OpaqueFields;

/** A delta's parts that tell which call it belongs to. */
type Delta = { index: number | undefined; id: string; name: string; text: string };

type Call = {
  index: number | undefined;
  id: string;
  name: string;
  opened: boolean;
  scanner: JsonObjectScanner;
  /** All arguments so far. */
  text: string;
  /** Each delta has all arguments so far. */
  cumulative: boolean;
  /** Arguments that have not been shown. */
  waiting: string;
  fields: OpaqueFields;
};

const MAX_CALLS = 128;
const KNOWN = new Set(['index', 'id', 'type', 'function']);
const KNOWN_OF_FUNCTION = new Set(['name', 'arguments']);

export class CallAssembler {
  readonly #offered: ReadonlySet<string>;
  readonly #limit: number;
  readonly #calls: Call[] = [];
  /** The call that is being shown; those before it are complete. */
  #current = 0;

  /** `offered`: the names the model may call. `limit`: calls beyond it are left out. */
  constructor(offered: ReadonlySet<string>, limit: number) {
    this.#offered = offered;
    this.#limit = limit;
  }

  get count(): number {
    return this.#calls.length;
  }

  get names(): string[] {
    return this.#calls.map(({ name }) => name);
  }

  /** The arguments of some call ended in the middle of their object. */
  get cut(): boolean {
    return this.#calls.some(({ scanner }) => scanner.state === 'open');
  }

  /** What the server that made the calls wants back with them. */
  upstream(): UpstreamTurn['calls'] {
    return this.#calls.slice(0, this.#limit).map(({ id, fields }) => ({ id: id || null, fields }));
  }

  /** @throws ModelStreamError for more calls than any answer has */
  push(delta: CallDelta): CallPart[] {
    const named = isObject(delta.function) ? delta.function : {};
    const [id, name, text] = [asText(delta.id), asText(named['name']), argumentsOf(named)];
    const index = typeof delta.index === 'number' ? delta.index : undefined;
    if (id === '' && name === '' && text === '' && this.#calls.length === 0) return [];
    const call = this.#find({ index, id, name, text }) ?? this.#add(index);
    if (call.id === '') call.id = id;
    this.#nameCall(call, name);
    mergeOpaque(call.fields, delta, KNOWN);
    if (isObject(delta.function)) mergeOpaque(call.fields, delta.function, KNOWN_OF_FUNCTION);
    takeArguments(call, text);
    return this.#show();
  }

  #add(index: number | undefined): Call {
    const call: Call = {
      index: index ?? this.#calls.length,
      id: '',
      name: '',
      opened: false,
      scanner: new JsonObjectScanner(),
      text: '',
      cumulative: false,
      waiting: '',
      fields: {},
    };
    if (this.#calls.push(call) > MAX_CALLS) {
      throw new ModelStreamError(`The model made more than ${MAX_CALLS} tool calls at once.`, {
        retryable: false,
      });
    }
    return call;
  }

  /** The call that a delta continues; undefined for one that begins a call. */
  #find(delta: Delta): Call | undefined {
    const { index, id, name } = delta;
    const last = this.#calls.at(-1);
    const sameId = id === '' ? undefined : this.#calls.findLast((call) => call.id === id);
    const sameIndex =
      index === undefined ? undefined : this.#calls.findLast((call) => call.index === index);
    const candidate =
      sameId ?? sameIndex ?? (index === undefined || name === '' ? last : undefined);
    if (candidate === undefined) return undefined;
    if (candidate !== sameId && candidate !== sameIndex && index !== undefined) {
      // An index that no call has: a call whose arguments come first, or a server that counts deltas.
      return candidate.scanner.state === 'open' ? candidate : undefined;
    }
    return this.#continues(candidate, delta) ? candidate : undefined;
  }

  #continues(call: Call, { id, name, index, text }: Delta): boolean {
    const open = call.scanner.state === 'open';
    const sameIndex = index !== undefined && index === call.index;
    if (name === '') return id === '' || id === call.id || call.scanner.state !== 'complete';
    if (open && sameIndex && name === call.name) return true;
    const anotherId = id !== '' && call.id !== '' && id !== call.id;
    if (anotherId) return false;
    if (call.name === '' || open) return call.name === '' || name === call.name;
    if (id !== '' && id === call.id && (index === undefined || sameIndex)) return true;
    if (call.scanner.state === 'complete') {
      return sameIndex && name === call.name && text === call.text;
    }
    // Arguments have not begun: the name once more, or the next piece of it.
    return (
      name === call.name || !this.#offered.has(call.name) || this.#offered.has(call.name + name)
    );
  }

  #nameCall(call: Call, name: string): void {
    if (!call.opened && name !== call.name) call.name += name;
  }

  /** Shows calls in order, as far as they go. */
  #show(): CallPart[] {
    const parts: CallPart[] = [];
    for (
      let call;
      (call = this.#calls[this.#current]) !== undefined && this.#current < this.#limit;
    ) {
      parts.push(...this.#open(call, call.scanner.state !== 'blank' || this.#isWhole(call.name)));
      // Arguments that do not begin as an object may need to be rewritten: they wait for their end.
      const last = this.#current === this.#calls.length - 1;
      const live = /^(open|complete)$/.test(call.scanner.state) && !(last && isEmpty(call.text));
      if (!call.opened || !live) break;
      const [whole, half] = splitHalf(call.waiting);
      if (whole !== '') parts.push(this.#fragment(whole));
      call.waiting = half;
      if (call.scanner.state !== 'complete') break;
      this.#current += 1;
    }
    return parts;
  }

  #open(call: Call, ready: boolean): CallPart[] {
    if (call.opened || call.name === '' || !ready) return [];
    call.opened = true;
    return [{ kind: 'call', index: this.#current, name: call.name }];
  }

  /** A name that is offered, and of which no longer one is. */
  #isWhole(name: string): boolean {
    if (!this.#offered.has(name)) return false;
    return ![...this.#offered].some((other) => other !== name && other.startsWith(name));
  }

  #fragment(fragment: string): CallPart {
    return { kind: 'arguments', index: this.#current, fragment };
  }

  /** The rest, when the answer has ended. @throws ModelStreamError for a call that never got a name */
  end(): CallPart[] {
    const parts: CallPart[] = [];
    for (; this.#current < Math.min(this.#calls.length, this.#limit); this.#current += 1) {
      const call = this.#calls[this.#current]!;
      if (call.name === '') {
        throw new ModelStreamError('The model called a tool without naming it.', {
          retryable: false,
        });
      }
      parts.push(...this.#open(call, true));
      const rest = call.scanner.state === 'open' ? call.waiting : wholeArguments(call.waiting);
      if (rest !== '') parts.push(this.#fragment(rest));
      call.waiting = '';
    }
    return parts;
  }
}

/** Arguments that may be a mere beginning: `{}` stands in front of the real ones with some servers. */
const EMPTY = /^\s*\{\s*\}?\s*$/;
/** Longer ones are not looked through again with each delta. */
const isEmpty = (text: string) => text.length < 1_000 && EMPTY.test(text);

/** Some servers send all arguments anew in each delta, or once more at the end. */
function takeArguments(call: Call, text: string): void {
  if (isEmpty(call.text) && /^\s*\{\s*"/.test(text)) {
    Object.assign(call, { scanner: new JsonObjectScanner(), text: '', waiting: '' });
  }
  const repeats =
    call.text.length > 1 && text.length >= call.text.length && text.startsWith(call.text);
  const isAnew =
    repeats && (call.cumulative || call.scanner.inString || !/[:[]\s*$/.test(call.text));
  call.cumulative ||= isAnew;
  const fragment = isAnew ? text.slice(call.text.length) : text;
  const taken = fragment.slice(0, call.scanner.push(fragment));
  call.text += taken;
  call.waiting += taken;
}

/** Arguments that were not written as an object: none at all, or an object inside a JSON text. */
function wholeArguments(text: string): string {
  try {
    const value: unknown = JSON.parse(text.trim() === '' ? 'null' : text);
    if (value === null || value === '') return '{}';
    if (typeof value === 'string' && isObject(JSON.parse(value))) return value;
  } catch {
    // The model's own words: the tool is told.
  }
  return text;
}

function argumentsOf(named: OpaqueFields): string {
  const value = named['arguments'];
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : JSON.stringify(value);
}

function asText(value: unknown): string {
  return typeof value === 'string'
    ? storable(value)
    : typeof value === 'number'
      ? String(value)
      : '';
}
