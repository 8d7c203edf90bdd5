/**
 * Whether a stream is one that the strictest client accepts. Pure: a list of events in, the first broken rule as an
 * error. The rules are those of the official clients (no overlapping steps, ids sent once, contiguous indices), plus
 * ours: gapless ids, legal statuses, and deltas that add up to exactly the objects of the closing events.
 */
import { deepStrictEqual } from 'node:assert/strict';

import type { Message, Run, RunStatus, RunStep } from '../../wire/types.ts';
import { accumulateMessage, accumulateStep } from './accumulate-deltas.ts';
import { checkMessage, checkRun, checkStep } from './legal-objects.ts';
import { TERMINAL_RUN_EVENTS } from './stream-events.ts';
import type { StreamEvent } from './stream-events.ts';

export { outline, readEvents, readToDone, type StreamEvent } from './stream-events.ts';

export type LegalStreamOptions = {
  /** The id of the last event before the first one given. Absent or 0: the list begins with the run. */
  after?: number;
  /** Where the list must end. Default: a pause or the run's end. `cut`: anywhere, for a reader that left. */
  ends?: 'pause-or-end' | 'end' | 'cut';
  /** A run told again from its stored objects: no deltas, and only the last event has an id. */
  replay?: boolean;
  /** What REST says afterwards: every object closed in the stream must be exactly that. */
  stored?: { run: Run; steps: RunStep[]; messages: Message[] };
};

type Step = { object: RunStep; partial: boolean; started: boolean };
type OpenMessage = { object: Message; partial: boolean; started: boolean };

/** @throws Error naming the event that breaks a rule, and the rule */
export function assertLegalStream(events: StreamEvent[], options: LegalStreamOptions = {}): void {
  const checker = new StreamChecker(options);
  events.forEach((event, index) => {
    try {
      checker.take(event, index, events.length);
    } catch (error) {
      const seen = events.slice(Math.max(0, index - 5), index + 1).map(({ event: name }) => name);
      const message = (error as Error).message;
      throw new Error(`Event ${index + 1} (${seen.join(' → ')}) is illegal: ${message}`, {
        cause: error,
      });
    }
  });
  checker.end();
}

/** The status an event announces may follow which statuses; undefined stands for the beginning. */
const FOLLOWS: Record<RunStatus, (RunStatus | undefined)[]> = {
  queued: [undefined, 'requires_action'],
  in_progress: ['queued'],
  requires_action: ['in_progress'],
  cancelling: ['queued', 'in_progress', 'requires_action'],
  cancelled: ['cancelling'],
  completed: ['in_progress'],
  incomplete: ['queued', 'in_progress'],
  failed: ['queued', 'in_progress', 'requires_action'],
  expired: ['queued', 'in_progress', 'requires_action', 'cancelling'],
};

class StreamChecker {
  readonly #options: LegalStreamOptions;
  #lastId: number;
  #status: RunStatus | undefined;
  #run: Run | undefined;
  #created = false;
  #ended = false;
  #done = false;
  #step: Step | undefined;
  #message: OpenMessage | undefined;
  readonly #stepIds = new Set<string>();
  readonly #messageIds = new Set<string>();
  #tokens = 0;

  constructor(options: LegalStreamOptions) {
    this.#options = options;
    this.#lastId = options.after ?? 0;
  }

  get #whole(): boolean {
    return (this.#options.after ?? 0) === 0;
  }

  take({ id, event, data }: StreamEvent, index: number, count: number): void {
    rule(!this.#done, 'nothing follows done');
    if (event === 'done') {
      rule(data === '[DONE]' && id === undefined, 'done carries [DONE] and no id');
      rule(this.#options.ends === 'cut' || this.#atEnd(), 'done comes after a pause or the end');
      this.#done = true;
      return;
    }
    rule(!this.#ended, 'nothing follows the end of the run');
    this.#checkId(id, index === count - 1);
    if (event === 'thread.created') return this.#threadCreated(data, index);
    if (event.startsWith('thread.run.step.')) return this.#takeStep(event.slice(16), data);
    if (event.startsWith('thread.run.')) return this.#takeRun(event.slice(11), event, data);
    if (event.startsWith('thread.message.')) return this.#takeMessage(event.slice(15), data);
    throw new Error(`no client knows the event ${event}`);
  }

  #checkId(id: number | undefined, last: boolean): void {
    if (this.#options.replay === true) {
      rule(last || id === undefined, 'a replay has no ids before its last event');
      return;
    }
    rule(id === this.#lastId + 1, `ids have no gap: expected ${this.#lastId + 1}, got ${id}`);
    this.#lastId += 1;
  }

  #threadCreated(data: unknown, index: number): void {
    rule(index === 0 && this.#whole, 'thread.created comes first or not at all');
    deepStrictEqual((data as { object?: unknown }).object, 'thread');
  }

  #takeRun(name: string, event: string, data: unknown): void {
    const run = data as Run;
    if (name === 'created') {
      rule(!this.#created && this.#whole, 'a run is created once');
      rule(this.#options.replay === true || run.status === 'queued', 'a run is created queued');
      this.#created = true;
    } else {
      rule(!this.#whole || this.#created, 'a run is created before anything else');
      rule(run.status === name, `the run of ${event} has the status ${run.status}`);
      const from = FOLLOWS[run.status] ?? [];
      const known = this.#whole || this.#status !== undefined;
      const replayed = this.#options.replay === true && TERMINAL_RUN_EVENTS.has(event);
      rule(!known || replayed || from.includes(this.#status), `${this.#status} → ${name}`);
      this.#status = run.status;
    }
    checkRun(run, this.#run);
    this.#run = run;
    if (name === 'requires_action') this.#checkAction(run);
    else if (name !== 'cancelling' && name !== 'created') {
      rule(this.#step === undefined, `a step is still open at ${event}`);
    }
    if (TERMINAL_RUN_EVENTS.has(event)) this.#end(run);
  }

  /** The action asks for exactly the streamed calls of functions that the run has: others are the model's mistake. */
  #checkAction(run: Run): void {
    rule(this.#message === undefined, 'a message is still open');
    rule(this.#step !== undefined || !this.#whole, 'there is an open step to wait for');
    if (this.#step === undefined || this.#step.partial) return;
    const details = this.#step.object.step_details;
    const calls = details.type === 'tool_calls' ? details.tool_calls : [];
    const names = run.tools.map((tool) => (tool.type === 'function' ? tool.function.name : ''));
    const functions = calls
      .filter((call) => call.type === 'function')
      .filter((call) => names.includes(call.function.name));
    const expected = functions.map(({ id, type, function: { name, arguments: input } }) => ({
      id,
      type,
      function: { name, arguments: input },
    }));
    deepStrictEqual(run.required_action?.submit_tool_outputs.tool_calls, expected);
    rule(expected.length > 0, 'an action names at least one call');
  }

  #end(run: Run): void {
    rule(this.#message === undefined, 'a message is still open');
    this.#ended = true;
    if (this.#options.stored !== undefined) deepStrictEqual(run, this.#options.stored.run);
    if (run.status === 'completed' && this.#whole && this.#stepIds.size > 0) {
      rule(
        (run.usage?.total_tokens ?? 0) >= this.#tokens,
        "the run's usage is less than its steps'",
      );
    }
  }

  #takeStep(name: string, data: unknown): void {
    if (name === 'delta') return this.#stepDelta(data as { id: string });
    const step = data as RunStep;
    checkStep(step, this.#run, name);
    if (name === 'created') {
      rule(this.#step === undefined, `step ${this.#step?.object.id} is still open`);
      rule(!this.#stepIds.has(step.id), 'a step is created once');
      this.#requireStatus(['in_progress'], name);
      this.#stepIds.add(step.id);
      this.#step = { object: structuredClone(step), partial: false, started: false };
      return;
    }
    const open = this.#openStep(step);
    if (name === 'in_progress') {
      rule(!open.started, 'a step begins once');
      open.started = true;
      return;
    }
    this.#closeStep(open, step, name);
  }

  #closeStep(open: Step, step: RunStep, name: string): void {
    if (name === 'completed') this.#requireStatus(['in_progress', 'requires_action'], name);
    if (name === 'cancelled') this.#requireStatus(['cancelling'], name);
    rule(this.#message === undefined, 'the message is closed before its step');
    rule(open.started || this.#options.replay === true, 'a step is in_progress before it ends');
    if (!open.partial && this.#options.replay !== true) checkAccumulated(open.object, step);
    const { stored } = this.#options;
    if (stored !== undefined) deepStrictEqual(step, byId(stored.steps, step.id));
    if (step.step_details.type === 'message_creation' && !open.partial) {
      const { message_id } = step.step_details.message_creation;
      rule(this.#messageIds.has(message_id), 'a message step has shown its message');
    }
    this.#tokens += step.usage?.total_tokens ?? 0;
    this.#step = undefined;
  }

  #openStep(step: RunStep): Step {
    if (this.#step === undefined && !this.#whole && !this.#stepIds.has(step.id)) {
      // A stream that begins in the middle of a step: what came before is not known.
      this.#stepIds.add(step.id);
      this.#step = { object: structuredClone(step), partial: true, started: true };
    }
    rule(this.#step !== undefined, `step ${step.id} is not open`);
    rule(this.#step.object.id === step.id, `step ${this.#step.object.id} is the open one`);
    return this.#step;
  }

  #stepDelta(data: { id: string }): void {
    this.#requireStatus(['in_progress'], 'delta');
    if (this.#step === undefined && !this.#whole) return;
    rule(this.#step?.object.id === data.id, `step ${data.id} is not the open one`);
    rule(this.#step.started, 'a step is in_progress before its first delta');
    if (!this.#step.partial) accumulateStep(this.#step.object, data);
  }

  #takeMessage(name: string, data: unknown): void {
    if (name === 'delta') return this.#messageDelta(data as { id: string });
    const message = data as Message;
    checkMessage(message, this.#run, name);
    if (name === 'created') return this.#messageCreated(message);
    if (this.#message === undefined && !this.#whole && !this.#messageIds.has(message.id)) {
      this.#message = { object: message, partial: true, started: true };
    }
    const open = this.#message;
    rule(open?.object.id === message.id, `message ${message.id} is not open`);
    if (name === 'in_progress') {
      rule(!open.started, 'a message begins once');
      open.started = true;
      return;
    }
    const replayed = this.#options.replay === true;
    if (!open.partial && !replayed) deepStrictEqual(open.object.content, message.content);
    const { stored } = this.#options;
    if (stored !== undefined && !isEarlierFragment(message, stored.messages)) {
      deepStrictEqual(message, byId(stored.messages, message.id));
    }
    this.#message = undefined;
  }

  #messageCreated(message: Message): void {
    rule(this.#message === undefined, `message ${this.#message?.object.id} is still open`);
    rule(!this.#messageIds.has(message.id), 'a message is created once');
    this.#requireStatus(['in_progress'], 'message.created');
    const details = this.#step?.object.step_details;
    rule(details?.type === 'message_creation', 'a message belongs to an open message step');
    rule(details.message_creation.message_id === message.id, 'the step names another message');
    rule(
      this.#step?.started === true || this.#options.replay === true,
      'a step is in_progress before its message',
    );
    rule(this.#options.replay === true || message.content.length === 0, 'a message begins empty');
    this.#messageIds.add(message.id);
    this.#message = { object: structuredClone(message), partial: false, started: false };
  }

  #messageDelta(data: { id: string }): void {
    this.#requireStatus(['in_progress'], 'delta');
    if (this.#message === undefined && !this.#whole) return;
    rule(this.#message?.object.id === data.id, `message ${data.id} is not open`);
    rule(this.#message.started, 'a message is in_progress before its first delta');
    if (!this.#message.partial) accumulateMessage(this.#message.object, data);
  }

  #requireStatus(allowed: RunStatus[], name: string): void {
    if (this.#options.replay === true) return;
    if (this.#status === undefined && !this.#whole) return;
    rule(
      allowed.some((status) => status === this.#status),
      `${name} while ${this.#status}`,
    );
  }

  #atEnd(): boolean {
    return this.#ended || (this.#options.ends !== 'end' && this.#status === 'requires_action');
  }

  end(): void {
    rule(this.#options.ends === 'cut' || this.#atEnd(), `The stream stops while ${this.#status}.`);
  }
}

/** A completed step is what its deltas add up to; the outputs of functions come from the client, not from deltas. */
function checkAccumulated(accumulated: RunStep, closed: RunStep): void {
  const [streamed, final] = [accumulated.step_details, closed.step_details];
  if (closed.status !== 'completed' || streamed.type !== 'tool_calls') return;
  rule(final.type === 'tool_calls', 'a step keeps its type');
  const calls = final.tool_calls.map((call) =>
    call.type === 'function' ? { ...call, function: { ...call.function, output: null } } : call,
  );
  deepStrictEqual(streamed.tool_calls, calls);
}

/** Of several failed tries at an answer the thread keeps the last fragment. */
function isEarlierFragment(
  { id, incomplete_details: details }: Message,
  stored: Message[],
): boolean {
  return (
    details?.reason === 'run_failed' &&
    stored.every((message) => message.id !== id) &&
    stored.some((message) => message.incomplete_details?.reason === 'run_failed')
  );
}

function byId<T extends { id: string }>(objects: T[], id: string): T {
  const found = objects.find((object) => object.id === id);
  if (found === undefined) throw new Error(`${id} is in the stream but not stored`);
  return found;
}

function rule(holds: boolean, text: string): asserts holds {
  if (!holds) throw new Error(text);
}
