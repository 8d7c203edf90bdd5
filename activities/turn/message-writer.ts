/** Writes the message of a turn: the images that code of the run has made, then text with citations, or a refusal. */
import type { Pool } from '../../db/core/pool.ts';
import type { DeltaStream } from '../../db/events/event-batcher.ts';
import type { TurnEnd } from '../../db/turns/finish-turn.ts';
import type { OpenMessage, TurnRef } from '../../db/turns/open-step.ts';
import { completeMessage, openMessage } from '../../db/turns/open-step.ts';
import type { AnswerPiece, Citation, Sources } from '../../wire/citations.ts';
import { CitationReader } from '../../wire/citations.ts';
import {
  citationAnnotation,
  citationDelta,
  imagePart,
  refusalDelta,
  textDelta,
} from '../../wire/events.ts';
import type { TokenCounter } from '../../tokens/token-counter.ts';
import type { RunRow } from '../../wire/rows.ts';
import { IMAGE_TOKENS } from '../../wire/tokens.ts';
import type { MessageContent } from '../../wire/types.ts';

/** An attempt's turn, and where its deltas go. */
export type OpenTurn = {
  pool: Pool;
  tokens: TokenCounter;
  run: RunRow;
  ref: TurnRef;
  deltas: DeltaStream;
};

export class MessageWriter {
  readonly #turn: OpenTurn;
  readonly #images: string[];
  readonly #reader: CitationReader;
  readonly #citations: Citation[] = [];
  #message: OpenMessage | undefined;
  #text = '';
  #refusal = '';
  /** The content parts behind the images, in the order of their first deltas. */
  readonly #parts: ('text' | 'refusal')[] = [];

  constructor(turn: OpenTurn, { images, sources }: { images: string[]; sources: Sources }) {
    this.#turn = turn;
    this.#images = images;
    this.#reader = new CitationReader(sources);
  }

  get isOpen(): boolean {
    return this.#message !== undefined;
  }

  /** Everything the model wrote into the message. */
  get written(): string {
    return this.#text + this.#refusal;
  }

  /** Undefined when the text was only queued. */
  writeText(text: string): Promise<void> | undefined {
    return this.#writePieces(this.#reader.push(text));
  }

  /** Text that could have become a citation is text. */
  endText(): Promise<void> | undefined {
    return this.#writePieces(this.#reader.end());
  }

  #writePieces(pieces: AnswerPiece[]): Promise<void> | undefined {
    const [first, ...rest] = pieces;
    if (first === undefined) return undefined;
    if (this.#message === undefined) {
      const opened = this.open(first.citation === undefined ? first.text : '');
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

  /** The index of such a part in the message's content. */
  #indexOf(kind: 'text' | 'refusal'): number {
    const index = this.#parts.indexOf(kind);
    return this.#images.length + (index === -1 ? this.#parts.push(kind) - 1 : index);
  }

  #pushText(text: string): void {
    const { messageId } = this.#message!;
    const first = !this.#parts.includes('text');
    const index = this.#indexOf('text');
    this.#turn.deltas.push({
      entry: messageId,
      text,
      event: (joined) => textDelta(messageId, index, joined, first),
    });
  }

  /** An entry of its own: nothing joins a mark and its annotation. */
  #pushCitation(citation: Citation): void {
    const { messageId } = this.#message!;
    const position = this.#citations.push(citation) - 1;
    const index = this.#indexOf('text');
    this.#turn.deltas.push({
      entry: `${messageId}/${position}`,
      text: citation.text,
      event: () => citationDelta(messageId, index, citation, position),
    });
  }

  async writeRefusal(text: string): Promise<void> {
    if (this.#message === undefined) await this.open('');
    const { messageId } = this.#message!;
    const index = this.#indexOf('refusal');
    this.#refusal += text;
    this.#turn.deltas.push({
      entry: `${messageId}/refusal`,
      text,
      event: (joined) => refusalDelta(messageId, index, joined),
    });
  }

  async open(text: string): Promise<void> {
    const { pool, run, ref, deltas } = this.#turn;
    if (text !== '') this.#indexOf('text');
    this.#message = await openMessage(pool, run, ref, { images: this.#images, text });
    deltas.continueAfter(this.#message.lastSeq);
  }

  /** Completes the message in the middle of the turn. */
  async close(): Promise<void> {
    await this.endText();
    if (this.#message === undefined) return;
    const { pool, run, ref, deltas } = this.#turn;
    await deltas.flushed();
    const { messageId } = this.#message;
    await completeMessage(pool, run, ref, { messageId, ...(await this.#content()) });
    this.#message = undefined;
  }

  /** The open message as the turn's end stores it. */
  async end(): Promise<TurnEnd['message']> {
    if (this.#message === undefined) return null;
    return { id: this.#message.messageId, ...(await this.#content()), incomplete: null };
  }

  async #content(): Promise<{ content: MessageContent[]; tokens: number }> {
    const value = this.#text.toWellFormed();
    const annotations = this.#citations.map(citationAnnotation);
    const content: MessageContent[] = this.#images.map(imagePart);
    for (const part of this.#parts) {
      if (part === 'text') content.push({ type: 'text', text: { value, annotations } });
      else content.push({ type: 'refusal', refusal: this.#refusal.toWellFormed() });
    }
    const { tokens, run } = this.#turn;
    const counted = await tokens.sum(run.project_id, [value + this.#refusal]);
    return { content, tokens: counted + IMAGE_TOKENS * this.#images.length };
  }
}
