/** Writes the tool calls of a turn into its one step for calls, which opens with the first of them. */
import type { NewToolCall, OpenStep } from '../../db/turns/open-step.ts';
import { openToolStep } from '../../db/turns/open-step.ts';
import {
  codeInput,
  codeOpened,
  codeOutputs,
  functionArguments,
  functionOpened,
  searchOpened,
} from '../../wire/events.ts';
import type { StepId } from '../../wire/ids.ts';
import { mintId } from '../../wire/ids.ts';
import { rankingOptionsOf } from '../../wire/objects.ts';
import type { RunRow, ToolCallResult } from '../../wire/rows.ts';
import type { RunEvent } from '../../wire/types.ts';
import { CodeDecoder } from '../model/answer/decode-code.ts';
import { refusalOf } from '../model/answer/refuse-call.ts';
import type { OpenTurn } from './message-writer.ts';

type Call = Pick<NewToolCall, 'id' | 'type' | 'name'> & {
  arguments: string;
  decoder: CodeDecoder | null;
};

export class CallWriter {
  readonly #turn: OpenTurn;
  /** Names of the tools that the model may call. */
  readonly #offered: ReadonlySet<string>;
  readonly #calls: Call[] = [];
  #step: OpenStep | undefined;

  constructor(turn: OpenTurn, offered: ReadonlySet<string>) {
    this.#turn = turn;
    this.#offered = offered;
  }

  get isOpen(): boolean {
    return this.#step !== undefined;
  }

  async open(index: number, name: string): Promise<void> {
    const { pool, run, ref, deltas } = this.#turn;
    const type = this.#typeOf(name);
    const decoder = type === 'code_interpreter' ? new CodeDecoder() : null;
    const call: Call = { id: mintId('tool_call'), type, name, arguments: '', decoder };
    this.#calls[index] = call;
    const opening = (stepId: StepId): RunEvent => openingOf(run, stepId, index, call);
    if (this.#step === undefined) {
      this.#step = await openToolStep(pool, run, ref, opening);
      deltas.continueAfter(this.#step.lastSeq);
    } else {
      const { stepId } = this.#step;
      deltas.push({ entry: `${call.id}/open`, text: '', event: () => opening(stepId) });
    }
  }

  /** A built-in tool that the run has goes before a function of its name. */
  #typeOf(name: string): NewToolCall['type'] {
    if (!this.#offered.has(name)) return 'function';
    return this.#turn.run.tools.find(({ type }) => type === name)?.type ?? 'function';
  }

  writeArguments(index: number, fragment: string): undefined {
    const call = this.#calls[index]!;
    call.arguments += fragment;
    // Queries are stored with the call; the wire has no place for them.
    if (call.type === 'file_search') return;
    this.#pushInput(index, call.decoder === null ? fragment : call.decoder.push(fragment));
  }

  #pushInput(index: number, text: string): void {
    if (text === '') return;
    const { id, decoder } = this.#calls[index]!;
    const { stepId } = this.#step!;
    const event = decoder === null ? functionArguments : codeInput;
    this.#turn.deltas.push({ entry: id, text, event: (joined) => event(stepId, index, joined) });
  }

  /** The calls as the turn's end stores them. */
  end(): NewToolCall[] {
    for (const [index, { decoder }] of this.#calls.entries()) {
      // Arguments that were not the expected JSON: clients have not seen the code yet.
      if (decoder?.code === '') this.#pushInput(index, decoder.finish());
    }
    return this.#calls.map((call, index) => this.#endCall(call, index));
  }

  #endCall(call: Call, index: number): NewToolCall {
    const { id, type, name, decoder } = call;
    const input = (decoder === null ? call.arguments : decoder.finish()).toWellFormed();
    const refused = refusalOf({ type, name, input }, this.#offered, call.arguments);
    if (refused === null) return { index, id, type, name, input, result: null };
    const result = refusedResult(this.#turn.run, type, refused);
    const { outputs } = result;
    if (outputs !== undefined) {
      const { stepId } = this.#step!;
      const event = () => codeOutputs(stepId, index, outputs);
      this.#turn.deltas.push({ entry: `${id}/outputs`, text: '', event });
    }
    return { index, id, type, name, input, result };
  }

  /** Everything the model wrote into the calls. */
  get written(): string[] {
    return this.#calls.map((call) => call.name + call.arguments);
  }
}

function openingOf(run: RunRow, stepId: StepId, index: number, { id, type, name }: Call): RunEvent {
  switch (type) {
    case 'function':
      return functionOpened(stepId, index, id, name);
    case 'code_interpreter':
      return codeOpened(stepId, index, id);
    case 'file_search':
      return searchOpened(stepId, index, id, rankingOptionsOf(run.tools));
  }
}

function refusedResult(run: RunRow, type: NewToolCall['type'], refused: string): ToolCallResult {
  switch (type) {
    case 'function':
      return { output: refused, refused };
    case 'code_interpreter':
      return { outputs: [{ type: 'logs', logs: refused }], refused };
    case 'file_search': {
      const search = { ranking_options: rankingOptionsOf(run.tools), results: [] };
      return { search, refused };
    }
  }
}
