import { readdirSync, readFileSync } from 'node:fs';

import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, inject, test } from 'vitest';

import { workflowBundle } from '../../worker/bundle.ts';
import type { RunResult } from '../../workflows/run.ts';

const FOLDER = new URL('../fixtures/histories/', import.meta.url);
/** Of each release, and of what is to be released: `0.1.0/plain`. */
const NAMES = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.json'))
  .map((path) => path.replace('.json', ''));

type Event = Record<string, unknown> & { eventId: string; eventType: string };

let codePath: string;
let tracedPath: string;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  codePath = await workflowBundle(inject('cacheDir'));
  tracedPath = await workflowBundle(inject('cacheDir'), true);
});

function history(name: string): { events: Event[] } {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as { events: Event[] };
}

function isOfRun(name: string): boolean {
  const started = history(name).events[0]!.workflowExecutionStartedEventAttributes;
  return (started as { workflowType: { name: string } }).workflowType.name === 'runWorkflow';
}

function replay(events: Event[], id: string, path = codePath): Promise<void> {
  const sinks = { exporter: { export: { fn: () => {} } } };
  return Worker.runReplayHistory({ workflowBundle: { codePath: path }, sinks }, { events }, id);
}

describe('histories of runs that are under way somewhere', () => {
  test.each(NAMES)('replay: %s', async (name) => {
    const replayed = replay(history(name).events, `run_${name.split('/')[1]}`);
    await expect(replayed).resolves.toBeUndefined();
  });

  test.each(NAMES)('replay with tracing: %s', async (name) => {
    const replayed = replay(history(name).events, `run_${name.split('/')[1]}`, tracedPath);
    await expect(replayed).resolves.toBeUndefined();
  });

  test('every kind of run is recorded', () => {
    expect(NAMES.filter((name) => name.startsWith('0.1.0/')).length).toBeGreaterThanOrEqual(30);
    expect(NAMES.filter((name) => name.startsWith('unreleased/')).length).toBeGreaterThan(20);
  });

  test('a history that the workflow did not write is refused', async () => {
    const { events } = history('0.1.0/pause');
    const timer = events.find((event) => 'timerStartedEventAttributes' in event)!;
    timer.eventType = 'EVENT_TYPE_MARKER_RECORDED';
    delete timer.timerStartedEventAttributes;
    timer.markerRecordedEventAttributes = { markerName: 'other' };
    await expect(replay(events, 'run_pause')).rejects.toThrow(DeterminismViolationError);
  });
});

describe('the end of a run', () => {
  const ENDED = NAMES.filter((name) => name.startsWith('unreleased/') && isOfRun(name));

  test.each(ENDED)('is written where an operator can find it: %s', (name) => {
    const { events } = history(name);
    const last = events.at(-1)!;
    const result = decoded<RunResult>(
      (last.workflowExecutionCompletedEventAttributes as Completed | undefined)?.result.payloads[0],
    );
    const upserted = events.at(-2)!.upsertWorkflowSearchAttributesEventAttributes as
      Upserted | undefined;
    const status = decoded<string>(upserted?.searchAttributes.indexedFields.RunStatus);
    if (name.endsWith('without-attributes')) expect(status).toBeUndefined();
    // A cancel that came through Temporal ends the workflow as cancelled, which has no result.
    else expect(status).toBe(result?.status ?? 'cancelled');
  });

  test('names the reason in the result', () => {
    const { result } = history('unreleased/failed-answer').events.at(-1)!
      .workflowExecutionCompletedEventAttributes as Completed;
    expect(decoded(result.payloads[0])).toEqual({ status: 'failed', reason: 'server_error' });
  });
});

type Payload = { data: string };
type Completed = { result: { payloads: [Payload] } };
type Upserted = { searchAttributes: { indexedFields: Record<string, Payload> } };

function decoded<T>(payload: Payload | undefined): T | undefined {
  if (payload === undefined) return undefined;
  return JSON.parse(Buffer.from(payload.data, 'base64').toString()) as T;
}

describe('a history stays small', () => {
  const COUNTS: Record<string, number> = {
    '0.1.0/plain': 11,
    '0.1.0/pause': 23,
    '0.1.0/code-interpreter': 23,
    '0.1.0/ingest-words': 11,
    '0.1.0/ingest-embedded': 17,
    'unreleased/plain': 12,
    'unreleased/batch-run': 12,
    'unreleased/batch-line': 11,
    'unreleased/pause': 24,
    'unreleased/code-interpreter': 24,
  };

  test.each(Object.entries(COUNTS))('%s: %i events', (name, count) => {
    expect(history(name).events).toHaveLength(count);
  });

  test.each(NAMES)('%s: no payload holds more than ids and verdicts', (name) => {
    for (const event of history(name).events) {
      expect(JSON.stringify(event).length).toBeLessThan(3_000);
    }
  });
});
