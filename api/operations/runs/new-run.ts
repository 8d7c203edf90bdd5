/** What both ways to create a run share. */
import type { AcceptedRun } from '../../../db/runs/create-run.ts';
import type { RunSource } from '../../../db/runs/new-run.ts';
import type { Run } from '../../../wire/types.ts';
import type { Call, Written } from '../../operation.ts';
import type { StreamOptions } from '../../stream-run.ts';

type Asked = Pick<Call<string, unknown, unknown>, 'context' | 'caller'>;

export function runSource({ context: { config }, caller }: Asked): RunSource {
  const life = { standard: config.runExpirySeconds, longest: config.runExpiryMaxSeconds };
  return { projectId: caller.project, keyId: caller.key, life };
}

/** What Temporal is to be told, in order, and where the stream of the request starts. */
export function acceptedRun({ run, deliveries, beforeSeq }: AcceptedRun): Written<Run> {
  return { object: run, deliveries, beforeSeq };
}

/** The stream of a request ends when the run needs its client. */
export function streamIfAsked(
  { body, query }: { body: { stream: boolean }; query: { include: string[] } },
  beforeSeq: number,
): StreamOptions | undefined {
  if (!body.stream) return undefined;
  return { afterSeq: beforeSeq, stopAtPause: true, withContent: query.include.length > 0 };
}
