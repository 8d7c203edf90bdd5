/** What cells may be written like, and what they show, as rows of the table in `notebook.ts`. */
import type { Row } from './notebook-row.ts';
import { RESTART } from './notebook-row.ts';

const NO_THREADS = 'WebAssembly has no threads';
const NO_PROGRAMS = 'WebAssembly starts no programs';

/** One red pixel. */
const PNG = `png = __import__("base64").b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")\n`;
const SQUARE =
  'import asyncio\nasync def square(n):\n  await asyncio.sleep(0.001)\n  return n * n\n';
const PLOT = 'import matplotlib.pyplot as plt\n';

export const SOURCES: Row[] = [
  ['the value of the last expression', '1 + 1', '2\n'],
  ['nothing for None', 'None', ''],
  ['nothing after a semicolon', '5;', ''],
  ['nothing after a semicolon and a comment', 'x = 1\nx;  # quiet; really', ''],
  ['a value that holds a semicolon', '"a;"', "'a;'\n"],
  ['the last values as _, __ and ___', '1', '2', '3', '_, __, ___', '(3, 2, 1)\n'],
  ['fenced code', '```python\nx = 20\nx + 1\n```', '21\n'],
  ['fenced code without an end or a language', '```\n2 + 2', '4\n'],
  [
    'code between prose',
    'Here is the code:\n```py\nx = 1\n```\nand then\n~~~\nx + 2\n~~~\nDone.',
    '3\n',
  ],
  ['a fence inside a string', 'print("""```\nx\n```""")', '```\nx\n```\n'],
  ['indented code', '    x = 4\n    if x:\n        x += 1\n    x', '5\n'],
  ['indented fenced code', '  ```python\n  y = 6\n  y\n  ```', '6\n'],
  [
    'code with prompts',
    '>>> for i in range(2):\n...     print(i)\n...\n0\n1\n>>> i + 1\n2',
    '0\n1\n2\n',
  ],
  ['code after a byte order mark', '\ufeffx = 1\nx', '1\n'],
  [
    'fenced code with notebook lines',
    '```python\n!pip install x\n%matplotlib inline\n3\n```',
    /^Note: skipped `!pip install x`.*\nNote: skipped `%matplotlib inline`.*\n3\n$/,
  ],
  ['where code is wrong', 'def f(:', /^ {2}File "<cell \d+>", line 1\n[^]*SyntaxError: .*\n$/],
  [
    'get_ipython',
    'get_ipython().run_line_magic("matplotlib", "inline")',
    /^Note: skipped `%matplotlib inline`/,
  ],
];

export const AWAITS: Row[] = [
  ['an await', `${SQUARE}await square(3)`, '9\n'],
  [
    'tasks made before an await',
    `${SQUARE}tasks = [asyncio.create_task(square(n)) for n in range(3)]\nawait asyncio.gather(*tasks)`,
    '[0, 1, 4]\n',
  ],
  [
    'a task that a later cell awaits',
    `${SQUARE}task = asyncio.create_task(square(5))`,
    'await task',
    '25\n',
  ],
  [
    'a task that goes on while later cells await',
    'import asyncio\nticks = []\nasync def tick():\n  while True:\n    ticks.append(1)\n    await asyncio.sleep(0.001)\ntask = asyncio.create_task(tick())',
    'await asyncio.sleep(0.1)',
    'done = len(ticks) > 3\ntask.cancel()\ndone',
    'True\n',
  ],
  [
    'one loop',
    'import asyncio\nfirst = asyncio.get_running_loop()',
    'await asyncio.sleep(0)\nfirst is asyncio.get_running_loop()',
    'True\n',
  ],
  ['asyncio.run', `${SQUARE}asyncio.run(square(6))`, '36\n'],
  ['run_until_complete', `${SQUARE}asyncio.get_event_loop().run_until_complete(square(7))`, '49\n'],
  ['asyncio.run beside an await', `${SQUARE}await square(1) + asyncio.run(square(2))`, '5\n'],
  [
    'async for, async with and async comprehensions',
    'import contextlib\nasync def numbers():\n  for n in range(3): yield n\n@contextlib.asynccontextmanager\nasync def opened(): yield "open"\nasync with opened() as name: print(name)\nasync for n in numbers(): pass\n[n async for n in numbers()]',
    'open\n[0, 1, 2]\n',
  ],
  [
    'a queue between cells',
    'import asyncio\nqueue = asyncio.Queue()\nasync def put():\n  for n in range(3): await queue.put(n)\nawait put()',
    '[await queue.get() for _ in range(3)]',
    '[0, 1, 2]\n',
  ],
  [
    'a task group and a timeout',
    `${SQUARE}async with asyncio.timeout(5):\n  async with asyncio.TaskGroup() as group:\n    both = [group.create_task(square(n)) for n in (2, 3)]\n[task.result() for task in both]`,
    '[4, 9]\n',
  ],
  [
    'what a context variable was set to beside an await',
    'import asyncio, contextvars\nname = contextvars.ContextVar("name")\ntoken = name.set("set")\nawait asyncio.sleep(0)',
    'name.get()',
    "'set'\n",
  ],
  [
    'the error of a coroutine, from the line of the cell on',
    'async def f(): return 1 / 0\nawait f()',
    /^Traceback \(most recent call last\):\n {2}File "<cell \d+>", line 2[^]*ZeroDivisionError: division by zero\n$/,
  ],
  ['an await after a restart', `${SQUARE}None`, RESTART, 'await square(4)', '16\n'],
];

export const DISPLAYS: Row[] = [
  ['several values', 'display(1, "a", [2])\ndisplay({"x": 1})', "1\n'a'\n[2]\n{'x': 1}\n"],
  ['the order of what is printed', 'print("a")\ndisplay("b")\nprint("c")', "a\n'b'\nc\n"],
  [
    'HTML as text',
    'from IPython.display import display, HTML\ndisplay(HTML("<h1>T</h1><script>x</script><table><tr><th>a</th><td>1 &amp; 2</td></tr></table><ul><li>one<li>two</ul>"))',
    'T\na\t1 & 2\n- one\n- two\n',
  ],
  [
    'Markdown, Math and JSON',
    'from IPython.display import *\ndisplay(Markdown("**x**"), Math("x^2"), JSON({"a": [1]}))',
    '**x**\nx^2\n{\n  "a": [\n    1\n  ]\n}\n',
  ],
  ['an image of bytes', `${PNG}from IPython.display import Image\nImage(png)`, '[image]'],
  [
    'an image of a file',
    `${PNG}open("dot.png", "wb").write(png)\nimport IPython.display as ipd\nipd.display(ipd.Image("dot.png"), ipd.Image(filename="dot.png"))`,
    '[image][image]',
  ],
  [
    'an image of an address',
    'from IPython.core.display import Image\nImage("http://x/y.png")',
    '[image: http://x/y.png; there is no network]\n',
  ],
  [
    'SVG as its source',
    'from IPython.display import SVG\nSVG("<svg><text>hi</text></svg>")',
    '<svg><text>hi</text></svg>\n',
  ],
  ['_repr_png_', `${PNG}class P:\n  def _repr_png_(self): return png\nP()`, '[image]'],
  [
    '_repr_html_ of a value without a text',
    'class H:\n  def _repr_html_(self): return "<p>one<p>two"\nH()',
    'one\ntwo\n',
  ],
  [
    'the text of a value that has one and HTML too',
    'class H:\n  def __repr__(self): return "text"\n  def _repr_html_(self): return "<p>html"\nH()',
    'text\n',
  ],
  [
    '_repr_mimebundle_',
    'class M:\n  def _repr_mimebundle_(self, include=None, exclude=None):\n    return {"text/plain": "plain", "text/html": "<b>html</b>"}, {}\nM()',
    'plain\n',
  ],
  [
    'an image of a bundle, as base64',
    `${PNG}import base64\ndisplay({"image/png": base64.b64encode(png).decode(), "text/plain": "no"}, raw=True)`,
    '[image]',
  ],
  [
    '_ipython_display_',
    'class D:\n  def _ipython_display_(self): print("own")\ndisplay(D())\nD()',
    'own\nown\n',
  ],
  [
    'a representation that fails',
    'class F:\n  def __repr__(self): return "text"\n  def _repr_png_(self): raise ValueError\nF()',
    'text\n',
  ],
  ['a class as itself', 'class P:\n  def _repr_png_(self): 1/0\nP', "<class '__main__.P'>\n"],
  [
    'clear_output and handles',
    'from IPython.display import clear_output, display\nhandle = display(1, display_id=True)\nclear_output(wait=True)\nhandle.update(2)',
    '1\n2\n',
  ],
  [
    'display after a restart',
    'from IPython.display import display, HTML\nimport IPython\npage = HTML("<b>x</b>")',
    RESTART,
    'display(page, IPython.display.HTML("y"))',
    'x\ny\n',
  ],
  [
    'a JPEG',
    'from PIL import Image\nimport io\nfile = io.BytesIO()\nImage.new("RGB", (4, 4)).save(file, "JPEG")\nfrom IPython.display import Image\nImage(file.getvalue())',
    '[image]',
    { needs: 'pillow' },
  ],
  [
    'a table',
    'import pandas as pd\ndisplay(pd.DataFrame({"a": [1]}))',
    '   a\n0  1\n',
    { needs: 'pandas' },
  ],
  [
    'figures, each once and where it was shown',
    `${PLOT}plt.plot([1, 2]); plt.show()\nprint("between")\nfig, ax = plt.subplots(); ax.plot([2, 1]); display(fig)\nNone`,
    '[image]between\n[image]',
    { needs: 'matplotlib' },
  ],
  [
    'figures of code that asks for windows',
    `import matplotlib\nmatplotlib.use("TkAgg")\n${PLOT}plt.plot([1]); plt.show()`,
    'Note: TkAgg is not used: there are no windows. Figures are shown as images.\n[image]',
    { needs: 'matplotlib' },
  ],
  [
    'no figure that is empty',
    `${PLOT}plt.plot([1, 2]); plt.show()\nplt.savefig("a.png"); plt.figure()\nNone`,
    '[image]',
    { needs: 'matplotlib' },
  ],
  [
    'a note for a script without a font',
    `${PLOT}plt.title("\\U00012000"); plt.plot([1]); plt.show()`,
    /^(Note: no installed font has \u{12000}, so the figure shows boxes.*\n\[image\]|\[image\]Note: no installed font has \u{12000}, so the figure shows boxes.*\n)$/u,
    { needs: 'matplotlib' },
  ],
];

export const OUTPUT: Row[] = [
  [
    'what a thread printed after its cell',
    'import threading\ngo, done = threading.Event(), threading.Event()\ndef late():\n  go.wait(); print("late"); done.set()\nthreading.Thread(target=late, daemon=True).start()\nprint("first")',
    'go.set()\nok = done.wait(20)\nprint("second")',
    /^late\nsecond\n$/,
    { pyodide: { reason: NO_THREADS, skip: true } },
  ],
  [
    'a flood of short lines, to its end',
    'for n in range(200_000): print(n)',
    /^0\n1\n2\n[^]*bytes cut[^]*\n199998\n199999\n$/,
  ],
  [
    'a flood and a program in order',
    'import subprocess, sys\nfor n in range(2000): print("a")\nprint("b"); sys.stderr.write("c\\n")\nsubprocess.run(["echo", "d"])\nprint("e")',
    /^(a\n){2000}b\nc\nd\ne\n$/,
    { pyodide: { reason: NO_PROGRAMS, skip: true } },
  ],
  [
    'a flood before Python ends itself',
    'import os, time\nfor n in range(5000): print(n)\ntime.sleep(0.5)\nos._exit(1)',
    /\n4999\nThe Python process ended/,
    { pyodide: { reason: 'os._exit is an error there', skip: true } },
  ],
  [
    'nothing that objects print when they are saved',
    'class Loud:\n  def __reduce__(self):\n    print("saving")\n    return Loud, ()\nloud = Loud()',
    'print("next")',
    'next\n',
  ],
];
