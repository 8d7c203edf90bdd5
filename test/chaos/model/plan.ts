/**
 * What the model does in a run, decided by whoever creates the run and carried in the user's message: the model server
 * needs no memory, and its ledger can name the run. Pure.
 */

/** A try that the server spoils on purpose: a status, or an answer that is cut after so many words. */
export type PlannedFailure = { status: number; retryAfter?: number } | { cutAfter: number };

export type PlannedTurn = {
  words: number;
  /** Until the first word, and from word to word. */
  firstMs: number;
  paceMs: number;
  /** Without calls the turn is the answer. */
  calls?: { name: string; arguments: object }[];
  /** Of the first tries at this turn; later ones succeed. */
  failures?: PlannedFailure[];
};

export type Plan = { run: string; turns: PlannedTurn[] };

export type ChatMessage = {
  role: string;
  content?: string | { type: string; text?: string }[] | null;
  tool_calls?: unknown[];
};

const MARK = 'chaos plan: ';

/** A user's message that carries a plan. */
export function planMessage(plan: Plan): string {
  return `Please go by the plan.\n${MARK}${JSON.stringify(plan)}`;
}

export type Asked = {
  plan: Plan;
  turn: number;
  /** What this turn's request brought back from the calls of the turns before, in their order. */
  results: string[];
};

/** The plan in the newest user message, and how far the run has come. */
export function readRequest(messages: ChatMessage[]): Asked | undefined {
  const at = messages.findLastIndex(({ role }) => role === 'user');
  const plan = at === -1 ? undefined : readPlan(textOf(messages[at]!));
  if (plan === undefined) return undefined;
  const since = messages.slice(at + 1);
  const turn = since.filter(({ role, tool_calls: calls }) => role === 'assistant' && calls).length;
  const results = since.filter(({ role }) => role === 'tool').map(textOf);
  return { plan, turn, results };
}

function readPlan(text: string): Plan | undefined {
  const start = text.indexOf(MARK);
  return start === -1 ? undefined : (JSON.parse(text.slice(start + MARK.length)) as Plan);
}

function textOf({ content }: ChatMessage): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map(({ text = '' }) => text).join('');
}

/** The longest result that an answer repeats whole. */
const ECHO = 400;

/**
 * The words of an answer. No two tries have the same text, so a stored answer tells which try it came from, and text of
 * two tries that was joined is that of none. The answer repeats what the calls gave.
 */
export function wordsOf({ plan, turn, results }: Asked, attempt: number): string[] {
  const planned = plan.turns[turn]!;
  const name = attemptName(plan.run, turn, attempt);
  const words = Array.from(
    { length: planned.words },
    (_, at) => ` ${name}:${at}${FLAVOUR[at % FLAVOUR.length]}`,
  );
  const echoes =
    planned.calls === undefined ? results.map((text) => ` (${text.slice(0, ECHO)})`) : [];
  return [`${name} says`, ...words, ...echoes, '.'];
}

const FLAVOUR = ['', '', 'é', '', '✓', '', '𝄞', '\n', '', '"'];

function attemptName(run: string, turn: number, attempt: number): string {
  return `${run}/${turn}/${attempt}`;
}
