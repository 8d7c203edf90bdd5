import { afterAll, describe, expect, test } from 'vitest';
import { bubblewrapBackend } from '../../sandbox/bubblewrap/backend.ts';
import { KernelError } from '../../sandbox/backend.ts';
import type { InputFile } from '../../sandbox/index.ts';
import { limitsOf } from '../../sandbox/index.ts';
import { findTools } from '../../sandbox/host/setup.ts';
import { logsOf, openSandbox, PYTHON, withStore } from './support/index.ts';

const MEGABYTE = 1024 * 1024;
const sandbox = await openSandbox({
  // For a busy computer.
  cellSoftSeconds: 200,
  cellHardSeconds: 250,
  maxFiles: 20,
  fileBytes: 2 * MEGABYTE,
  cellFileBytes: 3 * MEGABYTE,
});
const input = (paths: string[], text: string): InputFile => ({
  paths,
  bytes: Buffer.byteLength(text),
  async *read() {
    yield Buffer.from(text);
  },
});

describe.skipIf(!sandbox.status.ok)('files of a session', () => {
  afterAll(() => sandbox[Symbol.asyncDispose]());
  const logs = (session: string, code: string) => logsOf(sandbox, session, code);
  const change = () => sandbox.store.changes.at(-1)?.change;
  const changed = () => change()?.changed.map(({ path }) => path);
  const stored = (session: string) =>
    Object.fromEntries(
      [...sandbox.store.files(session)].map(([path, data]) => [path, String(data)]),
    );
  /** Ends the session's Python; what is stored stays. */
  const restart = (session: string) => sandbox.sandbox.dropInterpreter(session);

  test('are stored when they are new or changed, also below folders, and forgotten when removed', async () => {
    await logs(
      'basic',
      'import os\nos.makedirs("a/b")\nfor n in ("x", "a/y", "a/b/z"): open(n, "w").write(n)',
    );
    expect(stored('basic')).toEqual({ x: 'x', 'a/y': 'a/y', 'a/b/z': 'a/b/z' });
    await logs('basic', 'os.remove("x"); open("a/y", "a").write("!"); os.rename("a/b/z", "a/b/q")');
    expect(changed()?.toSorted()).toEqual(['a/b/q', 'a/y']);
    expect(change()?.removed).toEqual(['x', 'a/b/z']);
    await restart('basic');
    expect(
      await logs('basic', 'open("a/y").read(), open("a/b/q").read(), os.path.exists("x")'),
    ).toBe("('a/y!', 'a/b/z', False)\n");
  });

  test('are seen as changed when their size and times are as before', async () => {
    for (let round = 0; round < 5; round += 1) {
      await logs('stamps', `import os\nopen("f", "w").write("${round}")\nos.utime("f", ns=(1, 1))`);
      expect(stored('stamps')).toEqual({ f: String(round) });
    }
  });

  test('can have any name that text can be', async () => {
    await logs(
      'names',
      'for n in ("é 漢.csv", "--flag", "a\'\\"b", "x" * 255): open(n, "w").write("1")',
    );
    expect(Object.keys(stored('names')).toSorted()).toEqual(
      ['é 漢.csv', '--flag', 'a\'"b', 'x'.repeat(255)].toSorted(),
    );
    await restart('names');
    expect(await logs('names', 'import os; len(os.listdir())')).toBe('4\n');
  });

  test('that are large come and go in parts', async () => {
    await logs(
      'large',
      'import random\ndata = random.Random(1).randbytes(1_900_000)\nopen("big", "wb").write(data)',
    );
    await restart('large');
    expect(await logs('large', 'open("big", "rb").read() == data')).toBe('True\n');
  });

  test('given as input are there under every name, once, and not stored unless a cell changes them', async () => {
    const inputs = [input(['file-1', 'data.csv'], 'a,b\n'), input(['file-2', 'sub/empty'], '')];
    const code =
      'import os\nopen("file-1").read(), open("data.csv").read(), os.stat("sub/empty").st_size';
    expect((await sandbox.runCell('inputs', code, { inputs })).logs).toBe(
      "('a,b\\n', 'a,b\\n', 0)\n",
    );
    expect(change()?.changed).toEqual([]);
    await sandbox.runCell('inputs', 'open("data.csv", "a").write("1,2\\n")', { inputs });
    // Both names are one file.
    expect(changed()?.toSorted()).toEqual(['data.csv', 'file-1']);
    await restart('inputs');
    const { logs: text } = await sandbox.runCell('inputs', code, { inputs });
    expect(text).toBe("('a,b\\n1,2\\n', 'a,b\\n1,2\\n', 0)\n");
  });

  test('given later join, and replace no file that a cell made', async () => {
    await logs('joined', 'open("data.csv", "w").write("mine")');
    const inputs = [input(['file-3', 'data.csv'], 'theirs')];
    const { logs: text } = await sandbox.runCell(
      'joined',
      'open("file-3").read(), open("data.csv").read()',
      { inputs },
    );
    expect(text).toBe("('theirs', 'mine')\n");
  });

  test('take the place of folders and links a cell left there, without following them', async () => {
    await logs(
      'places',
      'import os\nos.makedirs("file-4/x")\nos.symlink("/tmp", "sub")\nos.symlink("/tmp/target", "file-5")',
    );
    const inputs = [input(['file-4'], 'four'), input(['sub/f'], 'six'), input(['file-5'], 'five')];
    const { logs: text } = await sandbox.runCell(
      'places',
      'open("file-4").read(), open("sub/f").read(), open("file-5").read(), os.listdir("/tmp")',
      { inputs },
    );
    expect(text).toBe("('four', 'six', 'five', [])\n");
  });

  test('whose content cannot be read fail the cell with that error, and the next one starts from the store', async () => {
    await logs('source', 'x = 1');
    const broken: InputFile = {
      paths: ['f'],
      bytes: 5,
      read: async function* () {
        yield Buffer.from('ab');
        throw new Error('the database is away');
      },
    };
    await expect(sandbox.runCell('source', '1', { inputs: [broken] })).rejects.toThrow(
      'database is away',
    );
    expect(await logs('source', 'import os\nx, os.listdir()')).toBe('(1, [])\n');
  });

  test('that do not fit are named, and not there by half; one that was stored stays stored', async () => {
    await using small = await openSandbox({ diskBytes: MEGABYTE });
    const large = input(['file-6', 'big.csv'], 'x'.repeat(2 * MEGABYTE));
    const code = 'import os\nos.listdir(), os.statvfs(".").f_bfree > 200';
    const { logs: text } = await small.runCell('full', code, { inputs: [large] });
    expect(text).toBe('Not available: big.csv.\n([], True)\n');
    await logs(
      'shrunk',
      'open("big", "wb").write(bytes(1_500_000)); open("small", "w").write("s")',
    );
    const shrunk = withStore(small.sandbox, sandbox.store);
    expect(await logsOf(shrunk, 'shrunk', 'import os\nos.listdir()')).toBe(
      "The Python session was restored. Not restored: big.\n['small']\n",
    );
    expect([...sandbox.store.files('shrunk').keys()].toSorted()).toEqual(['big', 'small']);
  });

  test.each([
    [
      'a link',
      'import os\nos.symlink("/etc/passwd", "x"); os.symlink("x", "y"); os.symlink("/usr", "z")',
    ],
    ['a pipe', 'import os\nos.mkfifo("x")'],
    ['a socket', 'import socket\nsocket.socket(socket.AF_UNIX).bind("x")'],
    ['a folder', 'import os\nos.mkdir("x")'],
  ])('are regular: %s is not stored', async (name, code) => {
    await logs(name, code);
    expect(change()).toMatchObject({ changed: [], removed: [] });
  });

  test.each([
    [
      'has control characters in its name',
      'open("a\\nb", "w").write("1")',
      /^Note: not saved: "a\\nb" \(its name has control characters\)\.\n$/,
    ],
    ['is not named in UTF-8', 'open(b"\\xff", "w").write("1")', /its name is not UTF-8/],
    [
      'is too large',
      'open("big", "wb").write(bytes(2 * 2**20 + 1))',
      /big \(has more than 2097152 bytes\)/,
    ],
    ['is sparse and huge', 'open("s", "wb").truncate(200 * 2**20)', /s \(has more than/],
    [
      'has too long a path',
      'import os\nfor n in range(6):\n  os.mkdir("d" * 200); os.chdir("d" * 200)\nopen("f", "w").write("1")\nos.chdir("/mnt/data")',
      /its path is too long/,
    ],
  ])('are named when one %s', async (name, code, note) => {
    const { status, logs: text } = await sandbox.runCell(name, `${code}\nNone`);
    expect(status).toBe('ok');
    expect(text).toMatch(note);
    expect(change()?.changed).toEqual([]);
    // Once is enough.
    expect(await logs(name, '1')).toBe('1\n');
  });

  test('are named when there are too many, and those that fit are stored', async () => {
    const text = await logs('many', 'for n in range(30): open(f"{n:02}", "w").write("x")');
    expect(text).toBe(
      'Note: not saved: 20 (and every file after it by name: 20 files can be saved).\n',
    );
    expect(Object.keys(stored('many'))).toHaveLength(20);
    await logs('many', 'import os\nfor n in range(15): os.remove(f"{n:02}")');
    expect(Object.keys(stored('many')).toSorted()).toEqual(
      Array.from({ length: 15 }, (_, n) => String(n + 15)),
    );
  });

  test('are named when a cell changes too much, the smallest being stored, and follow with the next cell', async () => {
    const text = await logs(
      'much',
      'for n in (18, 1, 17): open(f"f{n}", "wb").write(bytes(n * 100_000))',
    );
    expect(text).toBe('Note: not saved: f18 (a cell can save 3145728 bytes).\n');
    expect(changed()?.toSorted()).toEqual(['f1', 'f17']);
    await logs('much', '1');
    expect(changed()).toEqual(['f18']);
  });

  test('that outgrow their limit are stored no more', async () => {
    await logs('grown', 'open("f", "wb").write(bytes(10))');
    await logs('grown', 'open("f", "wb").write(bytes(3_000_000))');
    expect(change()?.removed).toEqual(['f']);
  });

  test('can be a hundred thousand without harm', { timeout: 300_000 }, async () => {
    const { status, logs: text } = await sandbox.runCell(
      'flood',
      'for n in range(100_000): open(str(n), "w").close()',
    );
    expect(status).toBe('ok');
    expect(text).toMatch(/and every file after it by name: 20 files can be saved/);
    expect(await logs('flood', '1')).toBe('1\n');
  });

  test(
    'that a thread goes on changing cannot be stored wrong, or fail the run',
    { timeout: 60_000 },
    async () => {
      const code = `
import os, threading
def churn():
    n = 0
    while True:
        n = n % 1000 + 1
        with open('moving', 'wb') as file: file.write(b'x' * n * 500)
        os.rename('moving', 'moved'); os.rename('moved', 'moving')
        if n % 7 == 0: os.remove('moving'); os.symlink('/usr/bin/python3', 'moving'); os.remove('moving')
threading.Thread(target=churn, daemon=True).start()
threading.Event().wait(0.05)`;
      for (let round = 0; round < 5; round += 1) {
        const { status } = await sandbox.runCell('churn', code);
        expect(['ok', 'died']).toContain(status);
        for (const data of sandbox.store.files('churn').values()) {
          expect(data.equals(Buffer.alloc(data.length, 'x'))).toBe(true);
        }
      }
    },
  );
});

describe.skipIf(!sandbox.status.ok)('a kernel', () => {
  const limits = limitsOf({
    backend: 'auto',
    python: PYTHON,
    cellSoftSeconds: 5,
    cellHardSeconds: 6,
  });
  async function* content(text: string) {
    yield Buffer.from(text);
  }

  test('reads regular files below its folder, and nothing else', async () => {
    const kernel = await (await bubblewrapBackend(await findTools(PYTHON), limits)).start();
    const read = async (path: string, max = 100) => {
      let text = '';
      for await (const part of kernel.readFile(path, max)) text += part.toString();
      return text;
    };
    await kernel.putFile(['d/f'], content('text'), 4);
    await kernel.run(
      'import os\nos.symlink("/opt/driver.py", "link")\nos.symlink("d", "folder")\nos.mkfifo("pipe")',
    );
    expect(await read('d/f')).toBe('text');
    for (const path of [
      'link',
      'folder/f',
      'pipe',
      'd',
      '../../opt/driver.py',
      '/opt/driver.py',
      'missing',
      'a\0b',
    ]) {
      await expect(read(path), path).rejects.toThrow(KernelError);
    }
    await expect(read('d/f', 3)).rejects.toThrow(/more than 3 bytes/);
    expect(kernel.alive).toBe(true);
    await kernel.kill('The test has ended.');
    await expect(read('d/f')).rejects.toThrow(KernelError);
    await expect(kernel.putFile(['x'], content(''), 0)).rejects.toThrow(KernelError);
  });
});
