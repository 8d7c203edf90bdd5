/** What the clients did and saw. Only appended to. */
import type { ReadStream, SentRequest, WantedRun } from '../evidence.ts';

export type Ledger = { wanted: WantedRun[]; requests: SentRequest[]; streams: ReadStream[] };

export function newLedger(): Ledger {
  return { wanted: [], requests: [], streams: [] };
}
