/**
 * Turns the parts of a model's answer into steps, messages, tool calls and their events, strictly one open step at a
 * time: text opens a message step, the first tool call closes it and opens the one step that holds the turn's calls.
 * A message begins with the images that code of this run has made since the last one.
 */
import { log } from '@temporalio/activity';

import type { DeltaStream, EventBatcher } from '../db/event-batcher.ts';
import type { Pool } from '../db/pool.ts';
import type { NewToolCall, OpenStep, TurnRef } from '../db/turn-objects.ts';
import { completeMessage, openMessage, openToolStep } from '../db/turn-objects.ts';
import type { TurnEnd } from '../db/turns.ts';
import type { AnswerPiece, Citation, Sources } from '../wire/citations.ts';
import { CitationReader } from '../wire/citations.ts';
import {
  citationAnnotation,
  citationDelta,
  codeInput,
  codeOpened,
  functionArguments,
  functionOpened,
  imagePart,
  searchOpened,
  textDelta,
} from '../wire/events.ts';
import { mintId } from '../wire/ids.ts';
import { rankingOptionsOf } from '../wire/objects.ts';
import type { RunRow } from '../wire/rows.ts';
import { countTokens, IMAGE_TOKENS } from '../wire/tokens.ts';
import type { MessageContent, RunEvent } from '../wire/types.ts';
import { ModelStreamError } from './failures.ts';
import type { TurnPart } from './model/accumulate-chunks.ts';
import { CodeDecoder } from './model/decode-code.ts';

type Call = Pick<NewToolCall, 'id' | 'type' | 'name'> & {
  arguments: string;
  decoder: CodeDecoder | null;
};

export class TurnWriter {
  readonly #pool: Pool;
  readonly #run: RunRow;
  readonly #ref: TurnRef;
  readonly #deltas: DeltaStream;
  readonly #images: string[];
  readonly #reader: CitationReader;
  readonly #citations: Citation[] = [];
  #message: OpenStep | undefined;
  #toolStep: OpenStep | undefined;
  #text = '';
  #lateText = '';
  readonly #calls: Call[] = [];

  constructor(
    pool: Pool,
    batcher: EventBatcher,
    run: RunRow,
    ref: TurnRef,
    context: { images: string[]; sources: Sources },
  ) {
    this.#pool = pool;
    this.#run = run;
    this.#ref = ref;
    this.#images = context.images;
    this.#reader = new CitationReader(context.sources);
    this.#deltas = batcher.open(run.id, ref.owner);
  }

  /** Undefined when the part was only queued. */
  write(part: TurnPart): Promise<void> | undefined {
    switch (part.kind) {
      case 'text':
        return this.#writeText(part.text);
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
    return this.#writePieces(this.#reader.push(text));
  }

  #writePieces(pieces: AnswerPiece[]): Promise<void> | undefined {
    const [first, ...rest] = pieces;
    if (first === undefined) return undefined;
    if (this.#message === undefined) {
      const opened = this.#openMessage(first.citation === undefined ? first.text : '');
      if (first.citation === undefined) {
        this.#text += first.text;
        return opened.then(() => this.#writePieces(rest));
      }
      return opened.then(() => {
        this.#pushText('', true);
        return this.#writePieces(pieces);
      });
    }
    for (const { text, citation } of pieces) {
      this.#text += text;
      if (citation === undefined) this.#pushText(text, false);
      else this.#pushCitation(citation);
    }
    return undefined;
  }

  #pushText(text: string, first: boolean): void {
    const messageId = this.#message!.messageId!;
    this.#deltas.push({
      entry: messageId,
      text,
      event: (joined) => textDelta(messageId, this.#images.length, joined, first),
    });
  }

  /** An entry of its own: nothing joins a mark and its annotation. */
  #pushCitation(citation: Citation): void {
    const messageId = this.#message!.messageId!;
    const position = this.#citations.push(citation) - 1;
    this.#deltas.push({
      entry: `${messageId}/${position}`,
      text: citation.text,
      event: () => citationDelta(messageId, this.#images.length, citation, position),
    });
  }

  async #openMessage(text: string): Promise<void> {
    this.#message = await openMessage(this.#pool, this.#run, this.#ref, this.#images, text);
    this.#deltas.continueAfter(this.#message.lastSeq);
  }

  async #openCall(index: number, name: string): Promise<void> {
    this.#checkOffered(name);
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

  #checkOffered(name: string): void {
    const offered = this.#run.tools.some((tool) =>
      tool.type === 'function' ? tool.function.name === name : tool.type === name,
    );
    if (!offered) {
      throw new ModelStreamError(
        `The model called a tool that the run does not have: '${name.slice(0, 64)}'.`,
        {
          retryable: true,
        },
      );
    }
  }

  async #closeMessage(): Promise<void> {
    await this.#writePieces(this.#reader.end());
    if (this.#message === undefined) return;
    await this.#deltas.flushed();
    await completeMessage(
      this.#pool,
      this.#run,
      this.#ref,
      this.#message.messageId!,
      this.#answer(),
    );
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
    const value = this.#text.toWellFormed();
    const content: MessageContent[] = this.#images.map(imagePart);
    const annotations = this.#citations.map(citationAnnotation);
    if (value !== '') content.push({ type: 'text', text: { value, annotations } });
    return { content, tokens: countTokens(value) + IMAGE_TOKENS * this.#images.length };
  }

  /** Everything streamed so far is stored; what is left is the transaction that ends the turn. */
  async finish(): Promise<Pick<TurnEnd, 'message' | 'toolCalls'>> {
    if (this.#toolStep === undefined) await this.#writePieces(this.#reader.end());
    const silent = this.#message === undefined && this.#toolStep === undefined;
    // A model that has nothing to say about its images: the client still gets them.
    if (silent && this.#images.length > 0) await this.#openMessage('');
    this.#writeUndecodedCode();
    await this.#deltas.flushed();
    if (this.#lateText !== '')
      log.warn('Text after tool calls was left out', { characters: this.#lateText.length });
    return {
      message:
        this.#message === undefined
          ? null
          : { id: this.#message.messageId!, ...this.#answer(), incomplete: null },
      toolCalls: this.#calls.map((call, index) => ({
        index,
        id: call.id,
        type: call.type,
        name: call.name,
        input: (call.decoder === null ? call.arguments : call.decoder.finish()).toWellFormed(),
      })),
    };
  }

  /** Arguments that were not the expected JSON: clients have not seen the code yet. */
  #writeUndecodedCode(): void {
    for (const [index, call] of this.#calls.entries()) {
      if (call.decoder === null || call.decoder.code !== '') continue;
      const code = call.decoder.finish();
      const stepId = this.#toolStep!.stepId;
      if (code !== '')
        this.#deltas.push({
          entry: call.id,
          text: code,
          event: (text) => codeInput(stepId, index, text),
        });
    }
  }

  /** The attempt failed or was cancelled: whoever ends the run or takes the turn finds a quiet stream. */
  abandon(): Promise<void> {
    return this.#deltas.abandon();
  }

  /** Tokens of everything the model wrote, for a server that reports no usage. */
  countTokens(): number {
    return (
      countTokens(this.#text) +
      this.#calls.reduce((sum, call) => sum + countTokens(call.name + call.arguments), 0)
    );
  }
}
