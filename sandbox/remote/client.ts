/** Asks sandboxd what it can do, and opens one connection for each kernel. */
import type { ClientRequest, ClientRequestArgs, IncomingMessage } from 'node:http';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { LaunchedKernel, Limits, SandboxBackend } from '../backend.ts';
import { KernelStartError } from '../backend.ts';
import { kernelBackend } from '../kernel/kernel.ts';
import type { Timing } from './connection.ts';
import { limitsWithin } from './limits.ts';
import { ProtocolError } from './packets.ts';
import { tunnelChannel } from './tunnel.ts';

/** Where sandboxd listens: a Unix socket, or a host and a port. */
export type SandboxdAddress = { path: string } | { host: string; port: number };

export type RemoteOptions = {
  address: SandboxdAddress;
  /** The shared secret. */
  token: string | undefined;
  /** What the worker asks for; sandboxd grants at most its own limits. */
  limits: Limits;
  /** How long a sandboxd that does not answer is tried again. Default 20 s: it may be restarting. */
  patienceMs?: number;
  timing?: Timing;
};

/** Another number for every change of the packets, or of the frames that the kernel sends through them. */
export const UPGRADE_PROTOCOL = 'threadmill-kernel/2';
/** The limits that a worker asks for, and in the answer those that it got. */
export const LIMITS_HEADER = 'threadmill-limits';
/** For whom the kernel is. Opaque: sandboxd compares it only. */
export const OWNER_HEADER = 'threadmill-owner';

type Common = Omit<ClientRequestArgs, 'headers'> & { headers: Record<string, string> };

const ANSWER_MS = 30_000;
const LONGEST_PAUSE_MS = 1_000;
const MAX_ANSWER_BYTES = 256 * 1024;

/** sandboxd did not give a kernel. `retry`: whether it may give one later, and for how long to try. */
class RefusedError extends Error {
  override name = 'RefusedError';
  readonly retry: 'never' | 'soon' | 'always';

  constructor(message: string, retry: RefusedError['retry'], cause?: unknown) {
    super(message, { cause });
    this.retry = retry;
  }
}

/** Kernels of sandboxd. While it is full, `start` waits, as it would for a local one. */
export function remoteBackend(options: RemoteOptions): SandboxBackend {
  return kernelBackend(async (signal, owner) => {
    const deadline = performance.now() + (options.patienceMs ?? 20_000);
    for (let wait = 50; ; wait = Math.min(2 * wait, LONGEST_PAUSE_MS)) {
      signal?.throwIfAborted();
      try {
        return await openTunnel(options, owner, signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof RefusedError)) throw error;
        const late = error.retry === 'soon' && performance.now() > deadline;
        if (late || error.retry === 'never') {
          throw new KernelStartError(error.message, { cause: error, temporary: late });
        }
      }
      await pause(wait, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    }
  });
}

/** The answer of `GET /status`, unchecked. Throws KernelStartError. */
export async function fetchStatus(options: RemoteOptions, signal: AbortSignal): Promise<unknown> {
  try {
    const sent = request({ ...common(options), method: 'GET', path: '/status', signal });
    endWhenSilent(sent);
    sent.end();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.on('response', resolve);
      sent.on('error', (error) => reject(unreachable(error)));
    });
    const answer = await readAnswer(response);
    if (response.statusCode === 200) return answer;
    throw refusal(response, answer);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    throw new KernelStartError(error.message, { cause: error });
  }
}

async function openTunnel(
  options: RemoteOptions,
  owner: string | undefined,
  signal: AbortSignal | undefined,
): Promise<LaunchedKernel> {
  const { socket, head, granted } = await upgrade(options, owner, signal);
  socket.setNoDelay(true);
  if (head.length > 0) socket.unshift(head);
  return {
    channel: tunnelChannel(socket, options.timing),
    limits: limitsWithin(options.limits, granted),
  };
}

type Upgraded = { socket: Socket; head: Buffer; granted: string | string[] | undefined };

function upgrade(
  options: RemoteOptions,
  owner: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Upgraded> {
  const { promise, resolve, reject } = Promise.withResolvers<Upgraded>();
  const settings = common(options);
  const sent = request({
    ...settings,
    method: 'POST',
    path: '/v1/kernels',
    headers: {
      ...settings.headers,
      connection: 'Upgrade',
      upgrade: UPGRADE_PROTOCOL,
      [LIMITS_HEADER]: JSON.stringify(options.limits),
      ...(owner === undefined ? {} : { [OWNER_HEADER]: encodeURIComponent(owner) }),
    },
  });
  // The request's own option would end the connection of a kernel that started long ago.
  const onAbort = () => void sent.destroy(new Error('The start was cancelled.'));
  signal?.addEventListener('abort', onAbort);
  const forget = () => signal?.removeEventListener('abort', onAbort);
  endWhenSilent(sent);
  sent.on('upgrade', ({ headers }, socket, head) => {
    (socket as Socket).setTimeout(0);
    resolve({ socket: socket as Socket, head, granted: headers[LIMITS_HEADER] });
  });
  sent.on('response', (response) => {
    readAnswer(response).then((answer) => reject(refusal(response, answer)), reject);
  });
  sent.on('error', (error) => reject(unreachable(error)));
  sent.end();
  return promise.finally(forget);
}

function common({ address, token }: RemoteOptions): Common {
  const way =
    'path' in address ? { socketPath: address.path } : { host: address.host, port: address.port };
  const headers: Record<string, string> = { host: 'sandboxd' };
  if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
  return { ...way, agent: false, headers };
}

function endWhenSilent(sent: ClientRequest): void {
  sent.setTimeout(ANSWER_MS, () => void sent.destroy(new Error('No answer came in time.')));
}

async function readAnswer(response: IncomingMessage): Promise<unknown> {
  try {
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk as string;
      if (text.length > MAX_ANSWER_BYTES) throw new ProtocolError('an answer that is too long');
    }
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw unreachable(error as Error);
  }
}

/** Clients read these sentences in a run, so they name no address. */
function refusal({ statusCode }: IncomingMessage, answer: unknown): RefusedError {
  if (statusCode === 401) {
    const remedy = 'Give both the same SANDBOX_TOKEN.';
    return new RefusedError(`sandboxd refused this worker's token. ${remedy}`, 'never');
  }
  const { error, busy } = (answer ?? {}) as { error?: unknown; busy?: unknown };
  const reason = typeof error === 'string' ? error.slice(0, 1_000) : `status ${statusCode}`;
  if (statusCode === 503) return new RefusedError(reason, busy === true ? 'always' : 'soon');
  if (statusCode === 500) return new RefusedError(reason, 'never');
  const remedy = 'Point SANDBOX_URL at a sandboxd of the same version.';
  return new RefusedError(
    `The server at SANDBOX_URL refused this worker (${reason}). ${remedy}`,
    // That of another version, in an update: it is soon replaced.
    statusCode === 400 ? 'soon' : 'never',
  );
}

function unreachable(error: Error): RefusedError {
  const { code } = error as NodeJS.ErrnoException;
  return new RefusedError(
    `sandboxd does not answer${code === undefined ? '' : ` (${code})`}. ` +
      'Start it with: npm run sandboxd, and see that SANDBOX_URL leads to it.',
    'soon',
    error,
  );
}
