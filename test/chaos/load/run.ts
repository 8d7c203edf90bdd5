/** One run, from the request that creates it to its end, as one client lives through it. */
import type { WantedRun } from '../evidence.ts';
import { planMessage } from '../model/plan.ts';
import type { LoadClient, Operation } from './client.ts';
import { RunReader } from './reader.ts';

const TERMINAL = new Set(['completed', 'failed', 'cancelled', 'incomplete', 'expired']);
const LONGEST_MS = 240_000;

export type RunTarget = {
  threadId: string;
  assistantId: string;
  /** No other run is begun on the thread at the same time, so that the newest question is this run's. Default: true. */
  alone?: boolean;
};

type RequiredAction = { submit_tool_outputs: { tool_calls: { id: string }[] } };
type RunObject = { id: string; status: string; required_action: RequiredAction | null };

/** How its client behaves. */
type Habits = {
  streams: boolean;
  leaves: boolean;
  /** Creates the run and never looks again. */
  forgets: boolean;
  cancelsAfterMs: number | null;
  /** Sends two different submissions at the same time. */
  submitsTwice: boolean;
  /** Puts the question into the thread first. */
  asksFirst: boolean;
};

export class ClientRun {
  readonly #client: LoadClient;
  readonly #wanted: WantedRun;
  readonly #target: RunTarget;
  readonly #habits: Habits;
  readonly #reader: RunReader;
  readonly #submissions = new Map<string, Promise<void>>();
  #cancel: Promise<void> | undefined;
  #status = '';

  constructor(client: LoadClient, wanted: WantedRun, target: RunTarget) {
    this.#client = client;
    this.#wanted = wanted;
    this.#target = target;
    this.#habits = habitsOf(client, wanted.kind, target.alone ?? true);
    const names = { marker: wanted.marker, threadId: target.threadId, runId: undefined };
    this.#reader = new RunReader(client, names, {
      leaves: this.#habits.leaves,
      onEvent: ({ event, data }) => {
        if (!/^thread\.run\.[a-z_]+$/.test(event)) return;
        this.#see(JSON.parse(data) as RunObject);
      },
    });
  }

  /** False when the client does not know what became of it: the thread may be busy. */
  async live(): Promise<boolean> {
    if (this.#habits.asksFirst && !(await this.#ask())) return false;
    if (!(await this.#create())) return false;
    if (this.#habits.forgets && this.#wanted.kind !== 'function') return false;
    await this.#follow();
    await Promise.all([...this.#submissions.values(), this.#cancel]);
    return TERMINAL.has(this.#status);
  }

  async #ask(): Promise<boolean> {
    const { marker, plan } = this.#wanted;
    const content = planMessage(plan);
    const answer = await this.#client.perform({
      op: `ask-${marker}`,
      kind: 'message',
      method: 'POST',
      path: `/threads/${this.#target.threadId}/messages`,
      body: { role: 'user', content },
      sent: { thread: this.#target.threadId, text: content },
      tries: 'keyed',
    });
    return answer?.status === 200;
  }

  #creation(): Operation {
    const { marker, plan, expiresAfter } = this.#wanted;
    const { threadId, assistantId } = this.#target;
    const { asksFirst, streams } = this.#habits;
    const question = planMessage(plan);
    return {
      op: `run-${marker}`,
      kind: 'run',
      method: 'POST',
      path: `/threads/${threadId}/runs`,
      body: {
        assistant_id: assistantId,
        metadata: { marker },
        stream: streams,
        ...(asksFirst ? {} : { additional_messages: [{ role: 'user', content: question }] }),
        ...(expiresAfter === null ? {} : { expires_after: expiresAfter }),
      },
      sent: { marker, thread: threadId, ...(asksFirst ? {} : { text: question }) },
      tries: this.#client.random.chance(0.1) ? 'once' : 'keyed',
    };
  }

  async #create(): Promise<boolean> {
    const creation = this.#creation();
    if (this.#habits.streams) return this.#createStreaming(creation);
    const answer = await this.#client.perform(creation);
    if (answer?.status !== 200) return false;
    this.#see(answer.body as RunObject);
    this.#reader.names.runId = this.#runId ?? String(answer.body['id']);
    return true;
  }

  async #createStreaming(creation: Operation): Promise<boolean> {
    const deadline = Date.now() + LONGEST_MS;
    for (;;) {
      const end = await this.#reader.request(creation);
      if (this.#runId !== undefined) return true;
      const { signal } = this.#client;
      const answered = this.#client.ledger.requests.findLast(({ op }) => op === creation.op);
      const refused = end === 'refused' && answered?.status !== 503;
      if (refused || creation.tries === 'once' || signal.aborted || Date.now() > deadline) {
        return false;
      }
      await this.#client.rest(this.#client.random.integer(200, 1_000));
    }
  }

  get #runId(): string | undefined {
    return this.#reader.names.runId;
  }

  async #follow(): Promise<void> {
    const deadline = Date.now() + LONGEST_MS;
    const { signal, random } = this.#client;
    while (!TERMINAL.has(this.#status) && !signal.aborted && Date.now() < deadline) {
      await Promise.all(this.#submissions.values());
      if (!this.#habits.streams) {
        await this.#look();
        await this.#client.rest(random.integer(200, 800));
        continue;
      }
      const end = await this.#reader.resume();
      if (end !== 'done') await this.#client.rest(random.integer(50, 500));
      // A run that waits for outputs that nobody sends has nothing to stream.
      else if (!this.#reader.ended) await this.#client.rest(1_000);
    }
  }

  async #look(): Promise<void> {
    const { marker } = this.#wanted;
    const answer = await this.#client.perform({
      op: `look-${marker}`,
      kind: 'read',
      method: 'GET',
      path: `/threads/${this.#target.threadId}/runs/${this.#runId}`,
      tries: 'repeat',
    });
    if (answer?.status === 200) this.#see(answer.body as RunObject);
  }

  /** The run as an answer or an event shows it. */
  #see(run: RunObject): void {
    this.#reader.names.runId ??= run.id;
    this.#status = run.status;
    const { cancelsAfterMs } = this.#habits;
    if (cancelsAfterMs !== null) this.#cancel ??= this.#cancelAfter(cancelsAfterMs);
    const calls = run.required_action?.submit_tool_outputs.tool_calls ?? [];
    if (calls.length === 0 || this.#wanted.kind === 'parked') return;
    const name = calls[0]!.id;
    if (!this.#submissions.has(name)) this.#submissions.set(name, this.#submit(calls));
  }

  async #submit(calls: { id: string }[]): Promise<void> {
    await this.#client.rest(this.#client.random.integer(0, 1_000));
    const variants = this.#habits.submitsTwice ? ['a', 'b'] : ['a'];
    await Promise.all(variants.map((variant) => this.#submitOnce(calls, variant)));
  }

  async #submitOnce(calls: { id: string }[], variant: string): Promise<void> {
    const { marker } = this.#wanted;
    const outputs = calls.map(({ id }, at) => ({
      tool_call_id: id,
      output: `output ${variant}${at} of ${marker}`,
    }));
    await this.#client.perform({
      op: `submit-${marker}-${calls[0]!.id.slice(-6)}-${variant}`,
      kind: 'submit',
      method: 'POST',
      path: `/threads/${this.#target.threadId}/runs/${this.#runId}/submit_tool_outputs`,
      body: { tool_outputs: outputs },
      sent: { run: this.#runId, outputs },
      tries: this.#client.random.chance(0.05) ? 'once' : 'keyed',
    });
  }

  async #cancelAfter(milliseconds: number): Promise<void> {
    await this.#client.rest(milliseconds);
    await this.#client.perform({
      op: `cancel-${this.#wanted.marker}`,
      kind: 'cancel',
      method: 'POST',
      path: `/threads/${this.#target.threadId}/runs/${this.#runId}/cancel`,
      sent: { run: this.#runId },
      tries: 'repeat',
    });
  }
}

function habitsOf({ random }: LoadClient, kind: string, alone: boolean): Habits {
  const cancels = kind === 'slow' || random.chance(kind === 'text' ? 0.08 : 0.15);
  return {
    streams: random.chance(0.65),
    leaves: random.chance(0.5),
    forgets: random.chance(0.06),
    cancelsAfterMs:
      cancels && kind !== 'late' && kind !== 'parked' ? random.integer(0, 6_000) : null,
    submitsTwice: random.chance(0.15),
    asksFirst: alone && random.chance(0.4),
  };
}
