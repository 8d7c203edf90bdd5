/**
 * Turns the parts of a model's answer into steps, messages, tool calls and their events, strictly one open step at a
 * time: text opens a message step, the first tool call closes it and opens the one step that holds the turn's calls.
 */
import { log } from '@temporalio/activity';

import type { Pool } from '../../db/core/pool.ts';
import type { EventBatcher } from '../../db/events/event-batcher.ts';
import type { TurnEnd } from '../../db/turns/finish-turn.ts';
import type { TurnRef } from '../../db/turns/open-step.ts';
import type { TokenCounter } from '../../tokens/token-counter.ts';
import type { Sources } from '../../wire/citations.ts';
import type { RunRow } from '../../wire/rows.ts';
import type { TurnPart } from '../model/answer/accumulate-chunks.ts';
import { CallWriter } from './call-writer.ts';
import type { OpenTurn } from './message-writer.ts';
import { MessageWriter } from './message-writer.ts';

/** What the turn's request was built from. */
export type WriterOptions = {
  /** Files of the images that code of this run has made since its last message. */
  images: string[];
  sources: Sources;
  /** Names of the tools that the model may call. */
  offered: ReadonlySet<string>;
  /** The turn has a message already: another is written only when no calls follow. */
  hasMessage: boolean;
};

export class TurnWriter {
  readonly #turn: OpenTurn;
  readonly #options: WriterOptions;
  readonly #message: MessageWriter;
  readonly #calls: CallWriter;
  /** When the first part came, by performance.now(). */
  firstPartAt: number | undefined;
  #lateText = '';
  #heldText = '';

  constructor(
    { pool, batcher, tokens }: { pool: Pool; batcher: EventBatcher; tokens: TokenCounter },
    run: RunRow,
    ref: TurnRef,
    options: WriterOptions,
  ) {
    this.#turn = { pool, tokens, run, ref, deltas: batcher.open(run.id, ref.owner) };
    this.#options = options;
    this.#message = new MessageWriter(this.#turn, options);
    this.#calls = new CallWriter(this.#turn, options.offered);
  }

  /** Nothing of the turn is to be seen. */
  get silent(): boolean {
    return !this.#message.isOpen && !this.#calls.isOpen;
  }

  /** Undefined when the part was only queued. */
  write(part: TurnPart): Promise<void> | undefined {
    this.firstPartAt ??= performance.now();
    switch (part.kind) {
      case 'text':
        return this.#writeText(part.text);
      case 'refusal':
        return this.#calls.isOpen ? undefined : this.#message.writeRefusal(part.text);
      case 'call':
        return this.#openCall(part.index, part.name);
      case 'arguments':
        return this.#calls.writeArguments(part.index, part.fragment);
    }
  }

  #writeText(text: string): Promise<void> | undefined {
    // The wire has no place for text after the calls of the same turn.
    if (this.#calls.isOpen) this.#lateText += text;
    else if (this.#options.hasMessage) this.#heldText += text;
    else return this.#message.writeText(text);
    return undefined;
  }

  async #openCall(index: number, name: string): Promise<void> {
    if (!this.#calls.isOpen) await this.#message.close();
    await this.#calls.open(index, name);
  }

  /** Everything streamed so far is stored; what is left is the transaction that ends the turn. */
  async finish(): Promise<Pick<TurnEnd, 'message' | 'toolCalls'>> {
    if (!this.#calls.isOpen) {
      if (this.#heldText !== '') await this.#message.writeText(this.#heldText);
      await this.#message.endText();
    }
    // A model that has nothing to say about its images: the client still gets them.
    if (this.silent && this.#options.images.length > 0) await this.#message.open('');
    const toolCalls = this.#calls.end();
    await this.#turn.deltas.flushed();
    if (this.#lateText !== '') {
      log.warn('Text after tool calls was left out', { characters: this.#lateText.length });
    }
    return { message: await this.#message.end(), toolCalls };
  }

  /** The attempt failed or was cancelled: the next writer of the run finds a quiet stream. */
  abandon(): Promise<void> {
    return this.#turn.deltas.abandon();
  }

  /** Tokens of everything the model wrote, for a server that reports no usage. */
  countTokens(): Promise<number> {
    const text = this.#message.written + this.#lateText + this.#heldText;
    const { tokens, run } = this.#turn;
    return tokens.sum(run.project_id, [text, ...this.#calls.written]);
  }
}
