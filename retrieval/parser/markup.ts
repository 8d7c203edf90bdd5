/**
 * HTML and XML as a stream of names and text. This uses the tokenizer below htmlparser2's parser, whose list of
 * open elements makes nesting cost the square of its depth. Entities that a document defines are never expanded.
 */
import { Tokenizer } from 'htmlparser2';

export type Attributes = Readonly<Record<string, string>>;

export type MarkupHandler = {
  /**
   * Names are lower-case, and XML names have lost their namespace prefix. An `id` with a prefix is also stored under its
   * full name, because an element may have an `id` of its own too.
   */
  open(name: string, attributes: Attributes): void;
  close(name: string): void;
  text(text: string): void;
};

const NONE: Attributes = {};
const MOST_ATTRIBUTES = 100;
const LONGEST_VALUE = 8_192;
/** Kept of what was read, for a name that continues in the next part; a longer one is no name. */
const KEPT_CHARACTERS = 1_024;

/** Reads all of `parts` and yields after each one, so that the caller can take what the handler has made of it. */
export async function* readMarkup(
  parts: AsyncIterable<string>,
  { xml }: { xml: boolean },
  handler: MarkupHandler,
): AsyncGenerator<void> {
  let kept = '';
  /** Where `kept` begins. */
  let offset = 0;
  let opened = '';
  const collected = createAttributes(xml);
  const slice = (start: number, end: number) =>
    kept.slice(Math.max(0, start - offset), Math.max(0, end - offset));
  const nameIn = (start: number, end: number) => {
    const name = slice(start, end).toLowerCase();
    return xml ? name.slice(name.indexOf(':') + 1) : name;
  };
  const opens = () => handler.open(opened, collected.take());
  const ignore = () => {};
  const tokenizer = new Tokenizer(
    { xmlMode: xml, decodeEntities: true, recognizeSelfClosing: true },
    {
      onopentagname(start, end) {
        opened = nameIn(start, end);
      },
      onopentagend: opens,
      onselfclosingtag() {
        opens();
        handler.close(opened);
      },
      onattribname: (start, end) => collected.name(slice(start, end)),
      onattribdata: (start, end) => collected.value(slice(start, end)),
      onattribentity: (codePoint) => collected.value(String.fromCodePoint(codePoint)),
      onattribend: collected.end,
      onclosetag: (start, end) => handler.close(nameIn(start, end)),
      ontext: (start, end) => handler.text(slice(start, end)),
      ontextentity: (codePoint) => handler.text(String.fromCodePoint(codePoint)),
      oncdata: (start, end, endOffset) => {
        if (xml) handler.text(slice(start, end - endOffset));
      },
      oncomment: ignore,
      ondeclaration: ignore,
      onend: ignore,
      onprocessinginstruction: ignore,
    },
  );
  for await (const part of parts) {
    kept += part;
    tokenizer.write(part);
    yield;
    const dropped = Math.max(0, kept.length - KEPT_CHARACTERS);
    kept = kept.slice(dropped);
    offset += dropped;
  }
  tokenizer.end();
  yield;
}

/** Collects the attributes of the element that is being opened. */
function createAttributes(xml: boolean) {
  let attributes: Record<string, string> | undefined;
  let count = 0;
  let name = '';
  let value = '';
  return {
    name(text: string) {
      name = text.toLowerCase();
      value = '';
    },
    value(text: string) {
      if (value.length < LONGEST_VALUE) value += text;
    },
    end: () => {
      count += 1;
      if (count > MOST_ATTRIBUTES) return;
      attributes ??= {};
      const local = xml ? name.slice(name.indexOf(':') + 1) : name;
      if (local === name) attributes[local] = value;
      else attributes[local] ??= value;
      if (local === 'id') attributes[name] = value;
    },
    take(): Attributes {
      const taken = attributes ?? NONE;
      attributes = undefined;
      count = 0;
      return taken;
    },
  };
}
