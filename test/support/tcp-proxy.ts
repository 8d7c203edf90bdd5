/**
 * A TCP proxy between two parts of the system: it can hold bytes back at an exact moment, delay them, lose an answer, or
 * break connections. What is held back is kept: nothing is lost until a connection is cut.
 */
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** `requests` flow to the server, `replies` to whoever connected. */
export type Direction = 'requests' | 'replies';

type Link = Record<Direction, Socket> & {
  /** The server's side is gone and the client is not told. */
  halfOpen: boolean;
  /** The next bytes of the server are lost together with the connection. */
  losesReply: boolean;
};
type Watch = { text: string; onSeen: (link: Link) => void };

export class TcpProxy implements AsyncDisposable {
  readonly #target: { host: string; port: number };
  readonly #listener: Server;
  readonly #links = new Set<Link>();
  readonly #held = new Set<Direction>();
  readonly #watches = new Set<Watch>();
  #refusing = false;
  #delayMs = 0;
  #connections = 0;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#listener = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  static to(address: string): Promise<TcpProxy> {
    const [host = '', port] = address.split(':');
    return TcpProxy.start({ host, port: Number(port) });
  }

  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#listener.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** How many connections were asked for so far. */
  get connections(): number {
    return this.#connections;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Keeps back what comes from now on, on open connections and on new ones. */
  hold(...directions: Direction[]): void {
    for (const direction of directions) {
      this.#held.add(direction);
      for (const link of this.#links) link[direction].pause();
    }
  }

  /** Bytes of both directions arrive so much later, in their order, from now on. */
  delay(milliseconds: number): void {
    this.#delayMs = milliseconds;
  }

  /**
   * Lets the first request that contains `text` through, and breaks its connection when the server answers: the work is
   * done, and who asked for it never learns that. Resolves when that has happened.
   */
  loseReply(text: string): Promise<void> {
    return new Promise((resolve) => {
      const onSeen = (link: Link) => {
        link.losesReply = true;
        link.requests.once('close', resolve);
      };
      this.#watches.add({ text, onSeen });
    });
  }

  /** Forgets what it watches for. */
  stopWatching(): void {
    this.#watches.clear();
  }

  /** The server loses every open connection, and its clients learn nothing until a `cut`. */
  halfOpen(): void {
    for (const link of this.#links) {
      link.halfOpen = true;
      link.replies.destroy();
    }
  }

  /** Resolves when a request that contains `text` has gone through. */
  saw(text: string): Promise<void> {
    return new Promise((resolve) => this.#watches.add({ text, onSeen: () => resolve() }));
  }

  /** Lets the first request that contains `text` through and holds back every reply from that moment on. */
  holdRepliesAfter(text: string): Promise<void> {
    return new Promise((resolve) => {
      const onSeen = () => {
        this.hold('replies');
        resolve();
      };
      this.#watches.add({ text, onSeen });
    });
  }

  /** Passes on what was held back, and everything after it. */
  resume(): void {
    this.#held.clear();
    for (const link of this.#links) for (const source of socketsOf(link)) source.resume();
  }

  /** Breaks every open connection; what was held back is lost. New ones are served. */
  cut(): void {
    for (const link of this.#links) for (const socket of socketsOf(link)) socket.destroy();
  }

  /** Breaks every connection, and new ones at once, until `accept`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  accept(): void {
    this.#refusing = false;
  }

  #accept(client: Socket): void {
    this.#connections += 1;
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const replies = connect({ ...this.#target, noDelay: true });
    const link: Link = { requests: client, replies, halfOpen: false, losesReply: false };
    this.#links.add(link);
    this.#pass(link, 'requests', link.replies);
    this.#pass(link, 'replies', link.requests);
  }

  #pass(link: Link, direction: Direction, destination: Socket): void {
    const source = link[direction];
    const line = new DelayLine((chunk) => {
      if (!destination.destroyed && !destination.write(chunk)) source.pause();
    });
    source.on('data', (chunk: Buffer) => {
      if (direction === 'replies' && link.losesReply) return link.requests.destroy();
      line.push(chunk, this.#delayMs);
      if (direction === 'requests') this.#check(chunk, link);
      return undefined;
    });
    destination.on('drain', () => {
      if (!this.#held.has(direction)) source.resume();
    });
    source.on('error', () => {}); // 'close' follows
    source.on('close', () => {
      if (link.halfOpen && direction === 'replies') return;
      this.#links.delete(link);
      line.end(() => destination.destroy());
    });
    if (this.#held.has(direction)) source.pause();
  }

  #check(chunk: Buffer, link: Link): void {
    for (const watch of this.#watches) {
      if (!chunk.includes(watch.text)) continue;
      this.#watches.delete(watch);
      watch.onSeen(link);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    await new Promise((resolve) => this.#listener.close(resolve));
  }
}

function socketsOf({ requests, replies }: Link): Socket[] {
  return [requests, replies];
}

/** Bytes on their way: none overtakes an earlier one, also when the delay becomes shorter. */
class DelayLine {
  readonly #write: (chunk: Buffer) => void;
  readonly #queue: { due: number; chunk: Buffer }[] = [];
  #waiting = false;
  #onEmpty: (() => void) | undefined;

  constructor(write: (chunk: Buffer) => void) {
    this.#write = write;
  }

  push(chunk: Buffer, delayMs: number): void {
    if (delayMs === 0 && this.#queue.length === 0) return this.#write(chunk);
    this.#queue.push({ due: performance.now() + delayMs, chunk });
    if (!this.#waiting) this.#wait(delayMs);
    return undefined;
  }

  /** Calls back when everything has been delivered. */
  end(onEmpty: () => void): void {
    if (this.#queue.length === 0) onEmpty();
    else this.#onEmpty = onEmpty;
  }

  #deliver(): void {
    this.#waiting = false;
    while (this.#queue[0] !== undefined && this.#queue[0].due <= performance.now()) {
      this.#write(this.#queue.shift()!.chunk);
    }
    const next = this.#queue[0];
    if (next === undefined) this.#onEmpty?.();
    else this.#wait(next.due - performance.now());
  }

  #wait(milliseconds: number): void {
    this.#waiting = true;
    setTimeout(() => this.#deliver(), Math.max(1, milliseconds));
  }
}
