/**
 * Turns the parts of a model's answer into steps, messages, tool calls and their events, strictly one open step at a
 * time: text opens a message step, the first tool call closes it and opens the one step that holds the turn's calls.
 * A message begins with the images that code of this run has made since the last one.
 */
import { log } from '@temporalio/activity';

import type { DeltaStream, EventBatcher } from '../db/events/event-batcher.ts';
import type { Pool } from '../db/core/pool.ts';
import type { NewToolCall, OpenStep, TurnRef } from '../db/runs/open-step.ts';
import { completeMessage, openMessage, openToolStep } from '../db/runs/open-step.ts';
import type { TurnEnd } from '../db/runs/finish-turn.ts';
import type { AnswerPiece, Citation, Sources } from '../wire/citations.ts';
import { CitationReader } from '../wire/citations.ts';
import {
  citationAnnotation,
  citationDelta,
  codeInput,
  codeOpened,
  codeOutputs,
  functionArguments,
  functionOpened,
  imagePart,
  refusalDelta,
  searchOpened,
  textDelta,
} from '../wire/events.ts';
import { mintId } from '../wire/ids.ts';
import { rankingOptionsOf } from '../wire/objects.ts';
import type { CodeOutput, RunRow, ToolCallResult } from '../wire/rows.ts';
import { countTokens, IMAGE_TOKENS } from '../wire/tokens.ts';
import type { MessageContent, RunEvent } from '../wire/types.ts';
import type { TurnPart } from './model/answer/accumulate-chunks.ts';
import { CodeDecoder } from './model/answer/decode-code.ts';
import { refusalOf } from './model/answer/refuse-call.ts';

type Call = Pick<NewToolCall, 'id' | 'type' | 'name'> & {
  arguments: string;
  decoder: CodeDecoder | null;
};

/** What the turn's request was built from. */
export type WriterContext = {
  images: string[];
  sources: Sources;
  /** Names of the tools that the model may call. */
  offered: ReadonlySet<string>;
  /** The turn has a message already: another is written only when no calls follow. */
  hasMessage: boolean;
};

export class TurnWriter {
  readonly #pool: Pool;
  readonly #run: RunRow;
  readonly #ref: TurnRef;
  readonly #deltas: DeltaStream;
  readonly #context: WriterContext;
  readonly #reader: CitationReader;
  readonly #citations: Citation[] = [];
  #message: OpenStep | undefined;
  #toolStep: OpenStep | undefined;
  #text = '';
  #refusal = '';
  /** The content parts behind the images, in the order of their first deltas. */
  readonly #parts: ('text' | 'refusal')[] = [];
  #lateText = '';
  #heldText = '';
  readonly #calls: Call[] = [];

  constructor(
    { pool, batcher }: { pool: Pool; batcher: EventBatcher },
    run: RunRow,
    ref: TurnRef,
    context: WriterContext,
  ) {
    this.#pool = pool;
    this.#run = run;
    this.#ref = ref;
    this.#context = context;
    this.#reader = new CitationReader(context.sources);
    this.#deltas = batcher.open(run.id, ref.owner);
  }

  /** Nothing of the turn is to be seen. */
  get silent(): boolean {
    return this.#message === undefined && this.#toolStep === undefined;
  }

  /** Undefined when the part was only queued. */
  write(part: TurnPart): Promise<void> | undefined {
    switch (part.kind) {
      case 'text':
        return this.#writeText(part.text);
      case 'refusal':
        return this.#writeRefusal(part.text);
      case 'call':
        return this.#openCall(part.index, part.name);
      case 'arguments':
        return this.#writeArguments(part.index, part.fragment);
    }
  }

  #writeText(text: string): Promise<void> | undefined {
    // The wire has no place for text after the calls of the same turn.
    if (this.#toolStep !== undefined) {
      this.#lateText += text;
      return undefined;
    }
    if (this.#context.hasMessage) {
      this.#heldText += text;
      return undefined;
    }
    return this.#writePieces(this.#reader.push(text));
  }

  #writePieces(pieces: AnswerPiece[]): Promise<void> | undefined {
    const [first, ...rest] = pieces;
    if (first === undefined) return undefined;
    if (this.#message === undefined) {
      const opened = this.#openMessage(first.citation === undefined ? first.text : '');
      if (first.citation !== undefined) return opened.then(() => this.#writePieces(pieces));
      this.#text += first.text;
      return opened.then(() => this.#writePieces(rest));
    }
    for (const { text, citation } of pieces) {
      // A text part opens with a delta of its own that has no annotation yet.
      if (!this.#parts.includes('text')) this.#pushText(citation === undefined ? text : '');
      else if (citation === undefined) this.#pushText(text);
      this.#text += text;
      if (citation !== undefined) this.#pushCitation(citation);
    }
    return undefined;
  }

  /** Where a part of this kind is in the message's content. */
  #indexOf(kind: 'text' | 'refusal'): number {
    const place = this.#parts.indexOf(kind);
    return this.#context.images.length + (place === -1 ? this.#parts.push(kind) - 1 : place);
  }

  #pushText(text: string): void {
    const messageId = this.#message!.messageId!;
    const first = !this.#parts.includes('text');
    const index = this.#indexOf('text');
    this.#deltas.push({
      entry: messageId,
      text,
      event: (joined) => textDelta(messageId, index, joined, first),
    });
  }

  /** An entry of its own: nothing joins a mark and its annotation. */
  #pushCitation(citation: Citation): void {
    const messageId = this.#message!.messageId!;
    const position = this.#citations.push(citation) - 1;
    const index = this.#indexOf('text');
    this.#deltas.push({
      entry: `${messageId}/${position}`,
      text: citation.text,
      event: () => citationDelta(messageId, index, citation, position),
    });
  }

  async #writeRefusal(text: string): Promise<void> {
    if (this.#toolStep !== undefined) return;
    if (this.#message === undefined) await this.#openMessage('');
    const messageId = this.#message!.messageId!;
    const index = this.#indexOf('refusal');
    this.#refusal += text;
    this.#deltas.push({
      entry: `${messageId}/refusal`,
      text,
      event: (joined) => refusalDelta(messageId, index, joined),
    });
  }

  async #openMessage(text: string): Promise<void> {
    const { images } = this.#context;
    if (text !== '') this.#indexOf('text');
    this.#message = await openMessage(this.#pool, this.#run, this.#ref, { images, text });
    this.#deltas.continueAfter(this.#message.lastSeq);
  }

  async #openCall(index: number, name: string): Promise<void> {
    const type = this.#typeOf(name);
    const call: Call = {
      id: mintId('tool_call'),
      type,
      name,
      arguments: '',
      decoder: type === 'code_interpreter' ? new CodeDecoder() : null,
    };
    this.#calls[index] = call;
    const opening = (stepId: string): RunEvent => this.#opening(stepId, index, call);
    const toolStep = this.#toolStep;
    if (toolStep !== undefined) {
      this.#deltas.push({
        entry: `${call.id}/open`,
        text: '',
        event: () => opening(toolStep.stepId),
      });
      return;
    }
    await this.#closeMessage();
    this.#toolStep = await openToolStep(this.#pool, this.#run, this.#ref, opening);
    this.#deltas.continueAfter(this.#toolStep.lastSeq);
  }

  /** A built-in tool that the run has goes before a function of its name. */
  #typeOf(name: string): NewToolCall['type'] {
    if (!this.#context.offered.has(name)) return 'function';
    const builtIn = this.#run.tools.find(({ type }) => type === name)?.type;
    return builtIn ?? 'function';
  }

  #opening(stepId: string, index: number, { id, type, name }: Call): RunEvent {
    switch (type) {
      case 'function':
        return functionOpened(stepId, index, id, name);
      case 'code_interpreter':
        return codeOpened(stepId, index, id);
      case 'file_search':
        return searchOpened(stepId, index, id, rankingOptionsOf(this.#run.tools));
    }
  }

  async #closeMessage(): Promise<void> {
    await this.#writePieces(this.#reader.end());
    if (this.#message === undefined) return;
    await this.#deltas.flushed();
    const message = { messageId: this.#message.messageId!, ...this.#answer() };
    await completeMessage(this.#pool, this.#run, this.#ref, message);
    this.#message = undefined;
  }

  #writeArguments(index: number, fragment: string): undefined {
    const call = this.#calls[index]!;
    const stepId = this.#toolStep!.stepId;
    call.arguments += fragment;
    // Queries are stored with the call; the wire has no place for them.
    if (call.type === 'file_search') return;
    const text = call.decoder === null ? fragment : call.decoder.push(fragment);
    if (text === '') return;
    const event = call.decoder === null ? functionArguments : codeInput;
    this.#deltas.push({ entry: call.id, text, event: (joined) => event(stepId, index, joined) });
  }

  #answer(): { content: MessageContent[]; tokens: number } {
    const { images } = this.#context;
    const value = this.#text.toWellFormed();
    const annotations = this.#citations.map(citationAnnotation);
    const content: MessageContent[] = images.map(imagePart);
    for (const part of this.#parts) {
      if (part === 'text') content.push({ type: 'text', text: { value, annotations } });
      else content.push({ type: 'refusal', refusal: this.#refusal.toWellFormed() });
    }
    const tokens = countTokens(value + this.#refusal) + IMAGE_TOKENS * images.length;
    return { content, tokens };
  }

  /** Everything streamed so far is stored; what is left is the transaction that ends the turn. */
  async finish(): Promise<Pick<TurnEnd, 'message' | 'toolCalls'>> {
    if (this.#toolStep === undefined) {
      if (this.#heldText !== '') await this.#writePieces(this.#reader.push(this.#heldText));
      await this.#writePieces(this.#reader.end());
    }
    // A model that has nothing to say about its images: the client still gets them.
    if (this.silent && this.#context.images.length > 0) await this.#openMessage('');
    this.#writeUndecodedCode();
    const toolCalls = this.#calls.map((call, index) => this.#finishCall(call, index));
    await this.#deltas.flushed();
    if (this.#lateText !== '') {
      log.warn('Text after tool calls was left out', { characters: this.#lateText.length });
    }
    return {
      message:
        this.#message === undefined
          ? null
          : { id: this.#message.messageId!, ...this.#answer(), incomplete: null },
      toolCalls,
    };
  }

  #finishCall(call: Call, index: number): NewToolCall {
    const { id, type, name, decoder } = call;
    const input = (decoder === null ? call.arguments : decoder.finish()).toWellFormed();
    const refused = refusalOf({ type, name, input }, this.#context.offered, call.arguments);
    const result = refused === null ? null : this.#refusedResult(type, refused);
    if (result?.outputs !== undefined) this.#pushOutputs(index, result.outputs);
    return { index, id, type, name, input, result };
  }

  #refusedResult(type: NewToolCall['type'], refused: string): ToolCallResult {
    switch (type) {
      case 'function':
        return { output: refused, refused };
      case 'code_interpreter':
        return { outputs: [{ type: 'logs', logs: refused }], refused };
      case 'file_search': {
        const search = { ranking_options: rankingOptionsOf(this.#run.tools), results: [] };
        return { search, refused };
      }
    }
  }

  #pushOutputs(index: number, outputs: CodeOutput[]): void {
    const stepId = this.#toolStep!.stepId;
    const entry = `${this.#calls[index]!.id}/outputs`;
    this.#deltas.push({ entry, text: '', event: () => codeOutputs(stepId, index, outputs) });
  }

  /** Arguments that were not the expected JSON: clients have not seen the code yet. */
  #writeUndecodedCode(): void {
    for (const [index, call] of this.#calls.entries()) {
      if (call.decoder === null || call.decoder.code !== '') continue;
      const code = call.decoder.finish();
      const stepId = this.#toolStep!.stepId;
      if (code !== '') {
        this.#deltas.push({
          entry: call.id,
          text: code,
          event: (text) => codeInput(stepId, index, text),
        });
      }
    }
  }

  /** The attempt failed or was cancelled: the next writer of the run finds a quiet stream. */
  abandon(): Promise<void> {
    return this.#deltas.abandon();
  }

  /** Tokens of everything the model wrote, for a server that reports no usage. */
  countTokens(): number {
    return (
      countTokens(this.#text + this.#refusal + this.#lateText + this.#heldText) +
      this.#calls.reduce((sum, call) => sum + countTokens(call.name + call.arguments), 0)
    );
  }
}
