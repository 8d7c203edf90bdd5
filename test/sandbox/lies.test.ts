/** Kernels whose driver was changed by the code in a cell: what they tell of files and variables is not believed. */
import { afterAll, describe, expect, test } from 'vitest';
import { logsOf, openSandbox } from './support/index.ts';

const sandbox = await openSandbox({ stateSeconds: 1, namespaceBytes: 2_000_000 });

/** Gives the cell the driver's own objects. */
const TAKE_OVER = `
import json, os, struct, sys, threading, time
frame = sys._getframe()
while 'answers' not in frame.f_locals: frame = frame.f_back
answers, frames = frame.f_locals['answers'], frame.f_locals['frames']
def answer_with(*parts, status='ok', result=None):
    def answer(request, body):
        for part in parts: yield {'t': 'data', 'id': request['id']}, part
        yield {'t': 'done', 'id': request['id'], 'status': status}, json.dumps(result).encode()
    answers.answer = answer
def files(*entries):
    answers.files.list = lambda: [list(entry) for entry in entries]
None
`;

describe.skipIf(!sandbox.status.ok)('a kernel that lies', () => {
  afterAll(() => sandbox[Symbol.asyncDispose]());

  test.each([
    ['a path out of its folder', `files(('../etc/passwd', 1, 's'))`],
    ['an absolute path', `files(('/etc/passwd', 1, 's'))`],
    ['a path with a dot', `files(('./x', 1, 's'), ('a//b', 1, 's'), ('', 1, 's'))`],
    ['a NUL', `files(('a\\0b', 1, 's'))`],
    ['a surrogate', `files(('\\ud800', 1, 's'))`],
    ['a very long path', `files(('x' * 5000, 1, 's'))`],
    ['a file of 1 TB', `files(('x', 2**40, 's'))`],
  ])('of %s: it is named, and not stored', async (name, code) => {
    const { status, logs } = await sandbox.runCell(name, `${TAKE_OVER}${code}`);
    expect(status).toBe('ok');
    expect(logs).toMatch(/^Note: not saved: /);
    expect(sandbox.store.files(name).size).toBe(0);
  });

  test.each([
    ['a file that is not there', `files(('x', 1, 's'))`],
    ['a file that is shorter', `open('x', 'w').write('1'); files(('x', 2, 's'))`],
    ['a link as a file', `os.symlink('/opt/driver.py', 'x'); files(('x', 5, 's'))`],
  ])('of %s: the cell is stored without it', async (name, code) => {
    const { status, logs } = await sandbox.runCell(name, `${TAKE_OVER}${code}`);
    expect(status).toBe('ok');
    expect(logs).toMatch(/Note: not saved: x \(it changed while it was saved\)/);
    expect(sandbox.store.files(name).size).toBe(0);
  });

  test('of a file that is longer: no more of it is stored than it said', async () => {
    const code = `open('x', 'w').write('123'); files(('x', 2, 's'))`;
    expect((await sandbox.runCell('longer', `${TAKE_OVER}${code}`)).status).toBe('ok');
    expect(sandbox.store.files('longer').get('x')?.toString()).toBe('12');
  });

  test.each([
    ['a negative size', `files(('x', -1, 's'))`],
    ['a size that is no number', `files(('x', 'big', 's'))`],
    ['a stamp that is no text', `files(('x', 1, None))`],
    ['a listing that is none', `answer_with(b'{}', result={'files': 'x'})`],
    ['a listing that is no JSON', `answer_with(b'[', result={'files': 'x'})`],
    ['a listing of 100 MB', `answer_with(*[bytes(2**20)] * 100, result={})`],
    ['a result that is none', `answer_with(b'[]')`],
    ['a failure', `answer_with(status='error', result={'error': 'no'})`],
    ['a failure without a reason', `answer_with(status='error', result={})`],
    ['a part larger than a part', `answer_with(bytes(2**20 + 1), result={})`],
    [
      'variables beyond their limit',
      `answers.state.snapshot = lambda cap: (os.urandom(cap * 2), [])`,
    ],
    ['names that are none', `answers.state.snapshot = lambda cap: (b'x', 7)`],
    ['no answer at all', `answers.answer = lambda request, body: iter(())`],
    ['an answer that never comes', `answers.answer = lambda request, body: time.sleep(100)`],
    [
      'an answer to another question',
      `answers.answer = lambda request, body: iter([({'t': 'done', 'id': 'x', 'status': 'ok'}, b'{}')])`,
    ],
    ['answers that nobody asked for', `frames.send({'t': 'data', 'id': 'x'}, b'')`],
    [
      'an image between cells',
      `threading.Timer(0.2, lambda: frames.send({'t': 'image', 'id': 'x'}, b'')).start(); answers.answer = lambda request, body: time.sleep(1)`,
    ],
    ['half a frame', `os.write(4, struct.pack('>II', 50, 0) + b'{')`],
    ['its death', `answers.answer = lambda request, body: os._exit(0)`],
  ])(
    'of %s: the cell is undone, and the session goes on',
    { timeout: 60_000 },
    async (name, code) => {
      await logsOf(sandbox, name, 'kept = 1\nopen("f", "w").write("before")');
      const { status, logs } = await sandbox.runCell(name, `${TAKE_OVER}kept = 2\n${code}\nNone`);
      expect(['died', 'timeout']).toContain(status);
      expect(logs).toMatch(/Variables and files are as they were before this cell\.$/);
      expect(await logsOf(sandbox, name, 'kept, open("f").read()')).toBe("(1, 'before')\n");
    },
  );

  test('of names without number or end has them cut', async () => {
    const code = `answers.state.snapshot = lambda cap: (b'x', ['n' * 300] * 150)`;
    await sandbox.runCell('names', `${TAKE_OVER}${code}`);
    const unsaved = sandbox.store.changes.at(-1)?.change?.unsaved ?? [];
    expect(unsaved).toHaveLength(101);
    expect(unsaved[0]).toHaveLength(200);
  });
});
