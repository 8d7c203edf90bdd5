/** Sends one event by the rules of Standard Webhooks (https://www.standardwebhooks.com). */
import { createHmac } from 'node:crypto';
import type { LookupFunction } from 'node:net';

import { Agent, request } from 'undici';

import { lookupPublic, refusalOf } from './addresses.ts';

const TIMEOUT_MS = 15_000;
/** Of an answer, whose content means nothing here: a longer one costs its connection. */
const READ_BYTES = 16_384;

const openAgent = (addresses: { lookup?: LookupFunction }) =>
  new Agent({
    connect: { timeout: TIMEOUT_MS, ...addresses },
    keepAliveTimeout: 4_000,
    allowH2: false,
  });
const publicAgent = openAgent({ lookup: lookupPublic });
const anyAgent = openAgent({});

export type Sent = { status: number; retryAfterMs: number } | { failure: string };

type Event = { id: string; body: string };
type Target = { url: string; secrets: readonly string[]; allowsPrivate: boolean };

/** Follows no redirect. `failure` is a code or a sentence, and has no part of the URL. */
export async function sendEvent({ id, body }: Event, target: Target): Promise<Sent> {
  const refusal = refusalOf(target.url, target.allowsPrivate);
  if (refusal !== undefined) return { failure: refusal };
  const seconds = String(Math.floor(Date.now() / 1_000));
  try {
    const answer = await request(target.url, {
      method: 'POST',
      dispatcher: target.allowsPrivate ? anyAgent : publicAgent,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Threadmill',
        'webhook-id': id,
        'webhook-timestamp': seconds,
        'webhook-signature': signaturesOf(`${id}.${seconds}.${body}`, target.secrets),
      },
      body,
    });
    await answer.body.dump({ limit: READ_BYTES }).catch(() => {});
    return { status: answer.statusCode, retryAfterMs: retryAfterOf(answer.headers['retry-after']) };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

/** While a former secret is valid, the receiver may know either. */
function signaturesOf(signed: string, secrets: readonly string[]): string {
  const sign = (secret: string) =>
    createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).update(signed);
  return secrets.map((secret) => `v1,${sign(secret).digest('base64')}`).join(' ');
}

/** Seconds, or a date. */
function retryAfterOf(header: string | string[] | undefined): number {
  const [value = ''] = [header].flat();
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

function failureOf(error: unknown): string {
  const { name, code } = error as { name?: string; code?: unknown };
  if (name === 'TimeoutError') return `no answer in ${TIMEOUT_MS / 1_000} seconds.`;
  if (name === 'PrivateAddressError') return (error as Error).message;
  return typeof code === 'string' ? code : 'the connection failed.';
}
