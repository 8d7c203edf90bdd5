import { afterEach, describe, expect, test, vi } from 'vitest';
import { ApiError } from '../../wire/errors/errors.ts';
import { checkId, dayOfId, mintId, timeOfId } from '../../wire/ids.ts';
import type { IdKind, IdParam, RunId, ThreadId } from '../../wire/ids.ts';

const prefixes: Record<IdKind, string> = {
  assistant: 'asst_',
  thread: 'thread_',
  message: 'msg_',
  run: 'run_',
  run_step: 'step_',
  tool_call: 'call_',
  vector_store: 'vs_',
  vector_store_file_batch: 'vsfb_',
  batch: 'batch_',
  schedule: 'sched_',
  upload: 'upload_',
  upload_part: 'part_',
  request: 'req_',
  file: 'file-',
  project: 'proj_',
  api_key: 'key_',
  audit_log: 'audit_',
  webhook_endpoint: 'whe_',
  webhook_delivery: 'whd_',
  event: 'evt_',
};
const kinds = Object.keys(prefixes) as IdKind[];

afterEach(() => {
  vi.useRealTimers();
});

describe('minting', () => {
  test.each(kinds)('%s ids have their prefix and length', (kind) => {
    const length = kind === 'file' ? 22 : 24;
    expect(mintId(kind)).toMatch(new RegExp(`^${prefixes[kind]}[0-9A-Za-z]{${length}}$`));
  });

  test.each(['run', 'file'] as const)('200 000 %s ids are unique and in byte order', (kind) => {
    const ids = Array.from({ length: 200_000 }, () => mintId(kind));
    expect(new Set(ids).size).toBe(ids.length);
    for (let at = 1; at < ids.length; at += 1) {
      const [before, after] = [ids[at - 1] ?? '', ids[at] ?? ''];
      if (!(Buffer.compare(Buffer.from(before), Buffer.from(after)) < 0)) {
        expect.fail(`${before} is not below ${after}`);
      }
    }
  });

  test('kinds that share a format are in one order', () => {
    const bodies = Array.from({ length: 1000 }, (_, at) =>
      mintId(at % 2 === 0 ? 'run' : 'message').replace(/^[a-z]+_/, ''),
    );
    expect([...bodies].sort()).toEqual(bodies);
  });

  test('ids stay in order when the clock steps back', () => {
    vi.useFakeTimers({ now: Date.UTC(2090, 0, 2) });
    const before = mintId('upload');
    vi.setSystemTime(Date.UTC(2090, 0, 1));
    const after = mintId('upload');
    expect(after > before).toBe(true);
    expect(dayOfId(after)).toBe('2090-01-02');
  });

  test('ids of one millisecond cannot be guessed from one another', () => {
    vi.useFakeTimers({ now: Date.UTC(2091, 0, 1) });
    const tails = Array.from({ length: 1000 }, () => mintId('run').slice(-6));
    expect(new Set(tails).size).toBeGreaterThan(990);
  });
});

describe('the time in an id', () => {
  test('is the millisecond it was minted', () => {
    vi.useFakeTimers({ now: Date.UTC(2092, 1, 29, 23, 59, 59, 999) });
    for (const kind of kinds) {
      const id = mintId(kind);
      expect(timeOfId(id)).toBe(Date.UTC(2092, 1, 29, 23, 59, 59, 999));
      expect(dayOfId(id)).toBe('2092-02-29');
    }
  });

  test('the day is that of UTC', () => {
    vi.useFakeTimers({ now: Date.UTC(2093, 0, 1) });
    expect(dayOfId(mintId('run'))).toBe('2093-01-01');
  });

  const foreign = [
    '',
    '_',
    'run_',
    'undefined',
    'run_abc',
    'run_zzzzzzzzzzzzzzzzzzzzzzzz',
    'run_abcDEF123abcDEF123abcDEF',
    'run_000000000000000000000000',
    'run_00VblOlXQ7y0KofPG4MyB5D',
    'run_00VblOlXQ7y0KofPG4MyB5DSS',
    'run_00VblOlXQ7y0KofPG4MyB5D\n',
    'run_00Vbl-lXQ7y0KofPG4MyB5DS',
    'file-00VblOlXlc7i3JV9XRaiMvxx',
    '00VblOlXQ7y0KofPG4MyB5DS',
    '_00VblOlXQ7y0KofPG4MyB5DS',
    '😀'.repeat(20),
  ];
  test.each(foreign)('is undefined for %j', (id) => {
    expect(timeOfId(id)).toBeUndefined();
    expect(dayOfId(id)).toBeUndefined();
  });
});

describe('checking', () => {
  const params: Record<IdParam, string> = {
    assistant_id: 'asst',
    thread_id: 'thread',
    run_id: 'run',
    message_id: 'msg',
    step_id: 'step',
    file_id: 'file',
    upload_id: 'upload',
    vector_store_id: 'vs',
    batch_id: 'vsfb',
    'batches/batch_id': 'batch',
    schedule_id: 'sched',
    webhook_endpoint_id: 'whe',
    delivery_id: 'whd',
    project_id: 'proj',
    key_id: 'key',
  };

  test.each(Object.entries(params))('%s accepts what begins with %s', (param, prefix) => {
    const id = `${prefix}_abc123`;
    expect(checkId(param as IdParam, id)).toBe(id);
    expect(checkId(param as IdParam, `${prefix}_`.padEnd(64, 'x'))).toHaveLength(64);
  });

  test.each(Object.entries(params))('%s refuses anything else', (param, prefix) => {
    for (const value of ['undefined', 'null', '', 'x', `X${prefix}_a`, '[object Object]']) {
      const error = refusal(param as IdParam, value);
      expect(error.message).toBe(
        `Invalid '${param.split('/').at(-1)}': '${value}'. Expected an ID that begins with '${prefix}'.`,
      );
      expect(error).toMatchObject({
        status: 400,
        code: 'invalid_value',
        param: param.split('/').at(-1),
      });
    }
  });

  test.each(['a b', 'a\n', 'a\0', "a'--", 'a/../b', 'aé'])(
    'refuses the characters of %j',
    (tail) => {
      expect(refusal('run_id', `run_${tail}`).status).toBe(400);
    },
  );

  test('repeats at most 64 characters of a wrong id', () => {
    expect(refusal('run_id', 'run_'.padEnd(65, 'x')).message).toContain(
      `'${'run_'.padEnd(64, 'x')}'.`,
    );
    expect(refusal('run_id', 'y'.repeat(1_000_000)).message.length).toBeLessThan(150);
  });

  test('every minted id passes', () => {
    expect(checkId('thread_id', mintId('thread'))).toMatch(/^thread_/);
    expect(checkId('step_id', mintId('run_step'))).toMatch(/^step_/);
  });
});

function refusal(param: IdParam, value: string): ApiError {
  try {
    checkId(param, value);
  } catch (error) {
    if (error instanceof ApiError) {
      return error;
    }
    throw error;
  }
  return expect.fail(`${value} was accepted`);
}

test('an id of one kind does not compile in the place of another', () => {
  const inThread = (thread: ThreadId, run: RunId) => [thread, run];
  const [thread, run] = [mintId('thread'), mintId('run')];
  expect(inThread(thread, run)).toEqual([thread, run]);
  // @ts-expect-error the ids are exchanged
  expect(inThread(run, thread)).toEqual([run, thread]);
  // @ts-expect-error any text is no id
  expect(inThread('thread_1', run)).toHaveLength(2);
});
