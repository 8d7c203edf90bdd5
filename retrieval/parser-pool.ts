/**
 * Parsers that wait for another file: starting one costs 0.2 s of processor time, which is more than most files take. A
 * parser stays with its owner, so that nothing of one project is ever in a process that reads another's.
 */
import type { Parser } from './parser-process.ts';

export type ParserPool = {
  /** A parser that is ready, if there is one. */
  take(owner: string): Parser | undefined;
  /** After a file that it parsed well; it is ended if it does not ask for another soon, or is not taken soon. */
  keep(owner: string, parser: Parser): void;
  [Symbol.asyncDispose](): Promise<void>;
};

/** To end what its last file has left running. */
const SETTLING_MS = 1_000;
/** A batch has its next file in a few milliseconds. */
const IDLE_MS = 10_000;

type Waiting = { owner: string; parser: Parser; timer: NodeJS.Timeout };

/** Keeps `most` parsers at once, the newest ones. */
export function createParserPool(most: number, idleMs = IDLE_MS): ParserPool {
  const ready: Waiting[] = [];
  const settling = new Set<Parser>();
  let closed = false;

  async function settle(owner: string, parser: Parser): Promise<void> {
    const late = setTimeout(() => void parser.end(), SETTLING_MS).unref();
    const next = await parser.messages.next().catch(() => undefined);
    clearTimeout(late);
    const isReady = next?.done === false && 'ready' in next.value && !closed;
    if (!isReady) return parser.end();
    const timer = setTimeout(() => drop(parser), idleMs).unref();
    ready.push({ owner, parser, timer });
    if (ready.length > most) drop(ready[0]!.parser);
  }

  function remove(index: number): Parser | undefined {
    const [waiting] = ready.splice(index, index < 0 ? 0 : 1);
    clearTimeout(waiting?.timer);
    return waiting?.parser;
  }

  function drop(parser: Parser): void {
    void remove(ready.findIndex((waiting) => waiting.parser === parser))?.end();
  }

  return {
    // The one that came back last: the others become idle enough to go.
    take: (owner) => remove(ready.findLastIndex((waiting) => waiting.owner === owner)),
    keep(owner, parser) {
      parser.used = true;
      settling.add(parser);
      void settle(owner, parser).finally(() => settling.delete(parser));
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      const parsers = [...settling, ...ready.map(({ parser }) => parser)];
      ready.length = 0;
      await Promise.all(parsers.map((parser) => parser.end()));
    },
  };
}
