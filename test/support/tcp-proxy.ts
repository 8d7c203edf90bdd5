/**
 * A TCP proxy between two parts of the system: it can hold bytes back at an exact moment, or break connections.
 * What is held back is kept: nothing is lost until a connection is cut.
 */
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** `requests` flow to the server, `replies` to whoever connected. */
export type Direction = 'requests' | 'replies';

type Link = Record<Direction, Socket>;
type Watch = { text: string; onSeen: () => void };

export class TcpProxy implements AsyncDisposable {
  readonly #target: { host: string; port: number };
  readonly #listener: Server;
  readonly #links = new Set<Link>();
  readonly #held = new Set<Direction>();
  readonly #watches = new Set<Watch>();
  #refusing = false;

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#listener = createServer({ noDelay: true }, (client) => this.#accept(client));
  }

  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#listener.listen(0, '127.0.0.1', resolve));
    return proxy;
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

  /** Resolves when a request that contains `text` has gone through. */
  saw(text: string): Promise<void> {
    return new Promise((resolve) => this.#watches.add({ text, onSeen: resolve }));
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
    for (const link of this.#links) for (const source of Object.values(link)) source.resume();
  }

  /** Breaks every open connection; what was held back is lost. New ones are served. */
  cut(): void {
    for (const link of this.#links) for (const socket of Object.values(link)) socket.destroy();
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
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const link: Link = { requests: client, replies: connect({ ...this.#target, noDelay: true }) };
    this.#links.add(link);
    this.#pass(link, 'requests', link.replies);
    this.#pass(link, 'replies', link.requests);
  }

  #pass(link: Link, direction: Direction, destination: Socket): void {
    const source = link[direction];
    source.on('data', (chunk: Buffer) => {
      if (!destination.write(chunk)) source.pause();
      if (direction === 'requests') this.#check(chunk);
    });
    destination.on('drain', () => {
      if (!this.#held.has(direction)) source.resume();
    });
    source.on('error', () => {}); // 'close' follows
    source.on('close', () => {
      this.#links.delete(link);
      destination.destroy();
    });
    if (this.#held.has(direction)) source.pause();
  }

  #check(chunk: Buffer): void {
    for (const watch of this.#watches) {
      if (!chunk.includes(watch.text)) continue;
      this.#watches.delete(watch);
      watch.onSeen();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    await new Promise((resolve) => this.#listener.close(resolve));
  }
}
