/** One attempt to deliver an event. PostgreSQL counts the attempts, so a crash repeats one and loses none. */
import type { AttemptResult, Round } from '../db/webhooks/deliveries.ts';
import { readAttempt, recordAttempt } from '../db/webhooks/deliveries.ts';
import { webhookSent } from '../telemetry/metrics.ts';
import type { Sent } from '../webhooks/send.ts';
import { sendEvent } from '../webhooks/send.ts';
import { eventBody } from '../wire/webhooks.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { beating } from './ingest/ingest-file.ts';
import type { SlotShares } from './slot-shares.ts';

/** Of one worker. */
export const WEBHOOK_SLOTS = 40;

/** In ms. A delivery is dead when its next attempt would be later than three days after the first. */
const GIVEN_UP_MS = 3 * 86_400_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 6 * 3_600_000;
const LONGEST_ASKED_MS = 86_400_000;
/** Until a slot for the endpoint may be free; more, the longer the delivery has waited: thousands may. */
const CROWDED_MS = { min: 2_000, max: 300_000 };

/** The ms until the next attempt; null: there is none. Slots are shared out to endpoints, so slow ones leave some free. */
export async function sendWebhook(
  { pool, webhookPrivateAddresses }: ActivityDependencies,
  slots: SlotShares,
  round: Round,
): Promise<number | null> {
  const attempt = await readAttempt(pool, round);
  if (attempt === undefined) return null;
  const { event, is_disabled, endpoint_id, ...target } = attempt;
  const send = async (): Promise<Sent> => {
    if (is_disabled) return { failure: DISABLED };
    const message = { id: event.id, body: eventBody(event) };
    return sendEvent(message, { ...target, allowsPrivate: webhookPrivateAddresses });
  };
  const sent = await slots.hold(true, () => beating(send), endpoint_id);
  if ('kind' in sent) {
    return jittered(Math.min(CROWDED_MS.max, Math.max(CROWDED_MS.min, attempt.age_ms / 2)));
  }
  const result = resultOf(sent, attempt);
  if (await recordAttempt(pool, round, result)) webhookSent(result.status);
  return result.status === 'pending' ? result.waitMs : null;
}

const DISABLED = 'the endpoint is disabled.';
const GONE = 410;
const ASKS_TO_WAIT = [429, 503];

function resultOf(
  sent: Sent,
  { attempts, age_ms }: { attempts: number; age_ms: number },
): AttemptResult {
  const [statusCode, error] = 'failure' in sent ? [null, sent.failure] : [sent.status, null];
  if (statusCode !== null && statusCode >= 200 && statusCode < 300) {
    return { status: 'succeeded', statusCode, error, waitMs: 0 };
  }
  const asked =
    'status' in sent && ASKS_TO_WAIT.includes(sent.status)
      ? Math.min(sent.retryAfterMs, LONGEST_ASKED_MS)
      : 0;
  const pause = jittered(Math.min(FIRST_PAUSE_MS * 2 ** attempts, LONGEST_PAUSE_MS));
  const waitMs = Math.round(Math.max(pause, asked));
  const isLast = statusCode === GONE || error === DISABLED || age_ms + waitMs > GIVEN_UP_MS;
  return { status: isLast ? 'dead' : 'pending', statusCode, error, waitMs };
}

/** Deliveries that failed together are not tried again together. */
const jittered = (ms: number) => Math.round(ms * (0.9 + Math.random() * 0.2));
