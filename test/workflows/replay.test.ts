import { readdirSync, readFileSync } from 'node:fs';

import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, inject, test } from 'vitest';

import { workflowBundle } from '../../worker/bundle.ts';

const FOLDER = new URL('../fixtures/histories/', import.meta.url);
const NAMES = readdirSync(FOLDER).map((name) => name.replace('.json', ''));

type Event = Record<string, unknown> & { eventId: string; eventType: string };

let codePath: string;
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  codePath = await workflowBundle(inject('cacheDir'));
});

function history(name: string): { events: Event[] } {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as { events: Event[] };
}

function replay(events: Event[], id: string): Promise<void> {
  return Worker.runReplayHistory({ workflowBundle: { codePath } }, { events }, id);
}

describe('histories of runs that are under way somewhere', () => {
  test.each(NAMES)('replay: %s', async (name) => {
    await replay(history(name).events, `run_${name}`);
  });

  test('every kind of run is recorded', () => {
    expect(NAMES.length).toBeGreaterThanOrEqual(20);
  });

  test('a history that the workflow did not write is refused', async () => {
    const { events } = history('pause');
    const timer = events.find((event) => 'timerStartedEventAttributes' in event)!;
    timer.eventType = 'EVENT_TYPE_MARKER_RECORDED';
    delete timer.timerStartedEventAttributes;
    timer.markerRecordedEventAttributes = { markerName: 'other' };
    await expect(replay(events, 'run_pause')).rejects.toThrow(DeterminismViolationError);
  });
});

describe('a history stays small', () => {
  const COUNTS: Record<string, number> = {
    plain: 11,
    pause: 23,
    'code-interpreter': 23,
    'ingest-words': 11,
    'ingest-embedded': 17,
  };

  test.each(Object.entries(COUNTS))('%s: %i events', (name, count) => {
    expect(history(name).events).toHaveLength(count);
  });

  test.each(NAMES)('%s: no payload holds more than ids and verdicts', (name) => {
    for (const event of history(name).events)
      expect(JSON.stringify(event).length).toBeLessThan(3_000);
  });
});
