import { afterAll, describe, expect, test } from 'vitest';
import { pngPixels } from '../../sandbox/kernel/png.ts';
import { openSandbox } from './support/index.ts';

const sandbox = await openSandbox({ maxImages: 3, imagePixels: 1_000_000, imageBytes: 100_000 });
const drawing = ['matplotlib', 'numpy', 'pillow'].every((name) =>
  sandbox.status.packages.some((entry) => entry.startsWith(name)),
);

describe.skipIf(!sandbox.status.ok || !drawing)('images of a cell', { timeout: 30_000 }, () => {
  afterAll(() => sandbox[Symbol.asyncDispose]());
  /** Texts as they are, and 'png' for each image. */
  async function outputs(code: string) {
    const result = await sandbox.runCell('images', code);
    return result.outputs.map((output) =>
      output.type === 'logs' ? output.logs : pngIn(output.png),
    );
  }
  const pngIn = (png: Buffer) => (pngPixels(png) === undefined ? 'no png' : 'png');
  const PLOT = 'import matplotlib.pyplot as plt\n';

  test('are the figures that are open at its end', async () => {
    expect(await outputs(`${PLOT}plt.plot([1, 2])\nplt.figure()\nplt.plot([2, 1])\nNone`)).toEqual([
      'png',
      'png',
    ]);
    expect(await outputs('len(plt.get_fignums())')).toEqual(['0\n']);
  });

  test('stand where they were shown, between what is printed', async () => {
    const code = `${PLOT}import subprocess\nprint('one')\nplt.plot([1]); plt.show()\nprint('two')\nplt.plot([2]); plt.show(block=True)\nsubprocess.run(['echo', 'three'])\nNone`;
    expect(await outputs(code)).toEqual(['one\n', 'png', 'two\n', 'png', 'three\n']);
  });

  test('are figures and images that a cell ends with, once', async () => {
    expect(await outputs(`${PLOT}fig, ax = plt.subplots()\nax.plot([1])\nfig`)).toEqual(['png']);
    expect(await outputs('fig')).toEqual(['png']);
    expect(await outputs('from PIL import Image\nImage.new("CMYK", (8, 8))')).toEqual(['png']);
    expect(await outputs('Image.new("RGB", (8, 8)).show()\nprint("after")')).toEqual([
      'png',
      'after\n',
    ]);
  });

  test('are kept when the cell fails, and dropped when its time is up', async () => {
    expect(await outputs(`${PLOT}plt.plot([1])\n1 / 0`)).toEqual([
      expect.stringMatching(/ZeroDivisionError/),
      'png',
    ]);
    await using quick = await openSandbox({ cellSoftSeconds: 3 });
    const result = await quick.runCell('late', `${PLOT}plt.plot([1])\nwhile True: pass`);
    expect(result).toMatchObject({ status: 'timeout', images: [] });
    expect((await quick.runCell('late', '1')).images).toEqual([]);
  });

  test('are limited in number, with a note', async () => {
    expect(await outputs(`${PLOT}for n in range(5): plt.figure(); plt.plot([n])\nNone`)).toEqual([
      'png',
      'png',
      'png',
      'Note: 2 more images were left out: a cell can show 3.\n',
    ]);
  });

  test('are limited in size, with a note', async () => {
    const [note] = await outputs(`${PLOT}plt.figure(figsize=(200, 200)); plt.plot([1]); None`);
    expect(note).toBe(
      'Note: an image of 20000 x 20000 pixels was left out: the limit is 1 million.\n',
    );
    const noise =
      'from PIL import Image\nimport os\nImage.frombytes("RGB", (400, 400), os.urandom(480000))';
    expect(await outputs(noise)).toEqual([
      expect.stringMatching(/^Note: an image of \d+ bytes was left out: the limit is 100000\.\n$/),
    ]);
  });

  test('that cannot be drawn are a note, not an error', async () => {
    const code = `${PLOT}plt.title('$\\\\nonsense{$')\nprint('drawn')`;
    expect(await outputs(code)).toEqual([
      expect.stringMatching(/^drawn\nNote: a figure could not be drawn: ValueError/),
    ]);
  });

  const FORGE = `
import json, os, struct, sys
frame = sys._getframe()
while 'outside' not in frame.f_locals: frame = frame.f_back
outside = frame.f_locals['outside']
def forge(data):
    outside.mark('i')
    outside.frames.send({'t': 'image', 'id': outside.cell}, data)
`;
  const header = (width: number, height: number) =>
    `b'\\x89PNG\\r\\n\\x1a\\n' + struct.pack('>I4sII', 13, b'IHDR', ${width}, ${height}) + bytes(9)`;

  test.each([
    ['is none', `b'GIF89a' + bytes(100)`],
    ['is empty', `b''`],
    ['ends after its signature', `b'\\x89PNG\\r\\n\\x1a\\n'`],
    ['has no header', `b'\\x89PNG\\r\\n\\x1a\\n' + bytes(100)`],
    ['has too many pixels', header(50_000, 50_000)],
    ['has none', header(0, 10)],
  ])('are looked at, and a PNG that %s is left out', async (_, data) => {
    expect(await outputs(`${FORGE}forge(${data})\nprint('on')`)).toEqual([
      'Note: an image was omitted (not a PNG, or too large).\non\n',
    ]);
  });

  test.each([
    ['too many', `for _ in range(4): forge(${header(1, 1)})`],
    ['too large', `forge(bytes(100_001))`],
  ])('that are forged and %s end the kernel', async (name, code) => {
    const { status, logs } = await sandbox.runCell(name, FORGE + code);
    expect(status).toBe('died');
    expect(logs).toMatch(/answered out of turn/);
  });

  test('of a mark without an image, and of an image without a mark', async () => {
    expect(await outputs(`${FORGE}print('a')\noutside.mark('i')\nprint('b')`)).toEqual(['a\nb\n']);
    expect(
      await outputs(
        `${FORGE}outside.frames.send({'t': 'image', 'id': outside.cell}, ${header(1, 1)})\nprint('a')`,
      ),
    ).toEqual(['a\n', 'png']);
  });
});

test('matplotlib is not loaded for a cell that does not use it', async () => {
  await using plain = await openSandbox();
  if (!plain.status.ok) return;
  expect(
    (
      await plain.runCell(
        'plain',
        'import sys\n[name for name in sys.modules if name.startswith(("matplotlib", "PIL", "numpy"))]',
      )
    ).logs,
  ).toBe('[]\n');
});
