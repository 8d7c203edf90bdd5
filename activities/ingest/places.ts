/** Which ingests of this worker parse and embed now: projects take turns, and each document is worked on once at a time. */
import { Shares, unlessAborted } from '../../sandbox/pool/shares.ts';

/** Claims and ends of one project under way at once: copies of a file wait for each other in the database. */
const STEPS = 4;

export type IngestPlaces = {
  places: Shares;
  /** Of what is short. */
  steps: Shares;
  /** Documents under way, until they are done. */
  documents: Map<number, Promise<void>>;
};

/** A project has at most `slots`, and there is one place more for a second project. */
export function ingestPlaces(slots: number): IngestPlaces {
  return {
    places: new Shares({ places: slots + 1, most: slots }),
    steps: new Shares({ places: STEPS + 1, most: STEPS }),
    documents: new Map(),
  };
}

/** Waits until no other ingest works on the document. @throws the signal's reason, and what `work` throws */
export async function alone<T>(
  { documents }: IngestPlaces,
  id: number,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  for (let other; (other = documents.get(id)) !== undefined;) await unlessAborted(other, signal);
  const { promise, resolve } = Promise.withResolvers<void>();
  documents.set(id, promise);
  return work().finally(() => {
    documents.delete(id);
    resolve();
  });
}
