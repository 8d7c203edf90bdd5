/**
 * A thread whose code counts how often it has run: a variable and a file, both one more with every cell. Whatever
 * happens to a cell, both must say the same, and a cell that was run twice shows.
 */
import type { RunRef, Settled, System } from './durable-run.ts';
import { expectSettled, follow, say, USAGE } from './durable-run.ts';
import { toolCalls } from './fake-model.ts';
import type { StreamEvent } from './stream-events.ts';

const FIRST = [
  'count = 0',
  'def mark():',
  '    open("marks", "a").write("x")',
  'mark()',
  'count += 1',
];
const MARK = ['mark()', 'count += 1'];
const TELL = ['mark()', 'count += 1', 'print(count, open("marks").read())'];

const callCode = (...sources: string[]) =>
  toolCalls(
    sources.map((code) => ({ name: 'code_interpreter', arguments: { code } })),
    { usage: USAGE },
  );

export class InterpreterChat {
  readonly #env: System;
  readonly #name: string;
  readonly #assistantId: string;
  readonly threadId: string;
  #runs = 0;

  private constructor(env: System, name: string, assistantId: string, threadId: string) {
    this.#env = env;
    this.#name = name;
    this.#assistantId = assistantId;
    this.threadId = threadId;
  }

  /** With one cell already run and stored. */
  static async start(env: System, name: string): Promise<InterpreterChat> {
    const { beta } = env.client;
    const tools = [{ type: 'code_interpreter' as const }];
    const { id } = await beta.assistants.create({ model: name, tools });
    const thread = await beta.threads.create({ messages: [{ role: 'user', content: 'Count.' }] });
    const chat = new InterpreterChat(env, name, id, thread.id);
    await chat.settled(await chat.run(FIRST));
    return chat;
  }

  /** A run of one turn with these cells, then an answer. */
  async run(...cells: string[][]): Promise<RunRef> {
    const model = `${this.#name}-${++this.#runs}`;
    this.#env.model.script(
      model,
      callCode(...cells.map((lines) => lines.join('\n'))),
      say('Done.'),
    );
    const run = await this.#env.client.beta.threads.runs.create(this.threadId, {
      assistant_id: this.#assistantId,
      model,
    });
    return { model, threadId: this.threadId, runId: run.id };
  }

  /** Marks once, and then does `more`. */
  mark(...more: string[]): Promise<RunRef> {
    return this.run([...MARK, ...more]);
  }

  /** Waits until the run has completed, with everything about it in order. */
  async settled(ref: RunRef, expected: Partial<Settled> = {}): Promise<StreamEvent[]> {
    const reader = await follow(this.#env, ref);
    await reader.finished;
    return expectSettled(this.#env, ref, { answer: 'Done.', turns: 2, ...expected });
  }

  /** What a further cell finds, itself counted: the variable, and the length of the file. */
  async tell(): Promise<{ count: number; marks: number }> {
    const ref = await this.run(TELL);
    await this.settled(ref);
    const [logs = ''] = await this.logs(ref);
    const [count = '', marks = ''] = logs.trim().split(' ');
    return { count: Number(count), marks: marks.length };
  }

  /** The logs of every call, in order. */
  async logs({ runId, threadId }: RunRef): Promise<string[]> {
    const { steps } = this.#env.client.beta.threads.runs;
    const { data } = await steps.list(runId, { thread_id: threadId, order: 'asc' });
    return data.flatMap(({ step_details: details }) =>
      details.type !== 'tool_calls'
        ? []
        : details.tool_calls.map((call) =>
            call.type !== 'code_interpreter'
              ? ''
              : call.code_interpreter.outputs
                  .map((output) => (output.type === 'logs' ? output.logs : ''))
                  .join(''),
          ),
    );
  }
}
