/**
 * HTML and XML as a stream of names and text. Below htmlparser2's parser, whose list of open elements makes nesting
 * cost the square of its depth: what is open is of no interest here. Entities that a document defines are never expanded.
 */
import { Tokenizer } from 'htmlparser2';

export type MarkupHandler = {
  /** Names are lower-case, without a namespace prefix. */
  open(name: string): void;
  close(name: string): void;
  text(text: string): void;
};

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
  const slice = (start: number, end: number) =>
    kept.slice(Math.max(0, start - offset), Math.max(0, end - offset));
  const nameIn = (start: number, end: number) => {
    const name = slice(start, end).toLowerCase();
    return xml ? name.slice(name.indexOf(':') + 1) : name;
  };
  const ignore = () => {};
  const tokenizer = new Tokenizer(
    { xmlMode: xml, decodeEntities: true, recognizeSelfClosing: true },
    {
      onopentagname(start, end) {
        opened = nameIn(start, end);
        handler.open(opened);
      },
      onselfclosingtag: () => handler.close(opened),
      onclosetag: (start, end) => handler.close(nameIn(start, end)),
      ontext: (start, end) => handler.text(slice(start, end)),
      ontextentity: (codePoint) => handler.text(String.fromCodePoint(codePoint)),
      oncdata: (start, end, endOffset) => {
        if (xml) handler.text(slice(start, end - endOffset));
      },
      onattribdata: ignore,
      onattribentity: ignore,
      onattribend: ignore,
      onattribname: ignore,
      oncomment: ignore,
      ondeclaration: ignore,
      onend: ignore,
      onopentagend: ignore,
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
