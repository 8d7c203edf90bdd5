"""The cells of one session: the namespace they share, and how one of them is run.

Works wherever CPython does, also as WebAssembly: no file descriptors, processes or signals. Whoever uses it passes an
`outside` with two text streams, `stdout` and `stderr`, whose writes appear in order, and a method `image(png)`, whose
image appears after all that was printed before.
Nothing here defends the host: code in a cell can reach and change everything in this process.
"""

import ast
import builtins
import linecache
import sys
import traceback
import types

from threadmill.figures import Figures

RESULT_CAP, TRACEBACK_CAP = 20_000, 8_000
# Sources of cells that made functions or classes are kept with the state, for tracebacks.
SOURCES_CAP = 256_000


class CellTimeout(BaseException):
    """Raised in the cell at its soft time limit; not an Exception, so `except Exception` lets it pass."""


class Session:
    """The namespace the cells of one thread share."""

    # Names of values that cells ended with.
    results = ("_", "__", "___")

    def __init__(self, outside):
        self.outside = outside
        self.figures = Figures(outside)
        self.loop = None
        self.number = 0
        self.sources = {}
        # A fresh __main__, so that classes and functions of cells pickle and nothing of the driver is in sight.
        self.module = types.ModuleType("__main__")
        self.module.__dict__["__builtins__"] = builtins
        sys.modules["__main__"] = self.module

    def run(self, source, limits):
        """
        Runs one cell and says how it ended: ok or error. Raises CellTimeout, and nothing else.
        `limits`: how many images a cell may show, and how many bytes and pixels one may have.
        """
        self.figures.begin(limits)
        status = self._run(source)
        self.figures.end()
        return status

    def _run(self, source):
        self.number += 1
        filename = f"<cell {self.number}>"
        try:
            tree, source = self._parse(source, filename)
            remember(filename, source)
            if any(
                isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda))
                for node in ast.walk(tree)
            ):
                self.sources[filename] = source
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            self._evaluate(tree, filename, "exec")
            if last is not None:
                self._show(self._evaluate(ast.Expression(last.value), filename, "eval"))
            return "ok"
        except CellTimeout:
            raise
        except SystemExit as exit:
            return self._exited(exit)
        except BaseException as error:
            self._explain(error)
            return "error"

    def kept_sources(self):
        kept, left = {}, SOURCES_CAP
        for filename, source in reversed(self.sources.items()):
            left -= len(source)
            if left < 0:
                break
            kept[filename] = source
        return dict(reversed(kept.items()))

    def take_sources(self, sources):
        """Sources of an earlier kernel; the numbers of cells go on after theirs."""
        for filename, source in sources.items():
            remember(filename, source)
            self.number = max(self.number, int(filename[len("<cell ") : -1]))
        self.sources.update(sources)

    def _parse(self, source, filename):
        try:
            return ast.parse(source, filename), source
        except SyntaxError:
            # Only source that is no Python is searched for notebook lines: strings may hold such lines too.
            cleaned, notes = without_notebook_lines(source)
            if not notes:
                raise
            tree = ast.parse(cleaned, filename)
            self.outside.stdout.writelines(note + "\n" for note in notes)
            return tree, source

    def _evaluate(self, tree, filename, mode):
        code = compile(tree, filename, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        result = eval(code, self.module.__dict__)
        return self._await(result) if code.co_flags & 0x80 else result  # 0x80: CO_COROUTINE

    def _await(self, coroutine):
        import asyncio

        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
        try:
            return self.loop.run_until_complete(coroutine)
        except CellTimeout:
            self.loop = None  # interrupted at an arbitrary point: not to be trusted again
            raise

    def _show(self, value):
        if value is None:
            return
        self.module.__dict__["_"] = value
        if self.figures.show_value(value):
            return
        self.outside.stdout.write(shorten(repr(value), RESULT_CAP) + "\n")

    def _exited(self, exit):
        if exit.code in (None, 0):
            return "ok"
        self.outside.stderr.write(f"SystemExit: {exit.code}\n")
        return "error"

    def _explain(self, error):
        """The traceback from the first line of a cell on: a syntax error has none, only its message."""
        try:
            cut = error.__traceback__
            while cut is not None and not cut.tb_frame.f_code.co_filename.startswith("<cell "):
                cut = cut.tb_next
            text = "".join(traceback.format_exception(type(error), error, cut))
        except Exception:
            text = f"{type(error).__name__} (its message could not be formatted)\n"
        self.outside.stderr.write(shorten(text, TRACEBACK_CAP))


def adopt(context):
    """Sets what context variables are in another context, such as that of a task: they are the session's."""
    for variable, value in context.items():
        if variable.get(None) is not value:
            variable.set(value)


def remember(filename, source):
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)


def without_notebook_lines(source):
    """`!pip install x` and `%matplotlib inline` become `pass`, with a note each."""
    lines, notes = [], []
    for line in source.split("\n"):
        command = line.strip()
        if command.startswith(("!", "%")):
            indent = line[: len(line) - len(line.lstrip())]
            lines.append(indent + "pass")
            notes.append(f"Note: skipped `{shorten(command, 200)}`: {reason_to_skip(command)}")
        else:
            lines.append(line)
    return "\n".join(lines), notes


def reason_to_skip(command):
    words = command.lstrip("!%").split()
    if words and words[0] in ("pip", "pip3", "conda", "mamba", "apt", "apt-get"):
        return "there is no network, so packages cannot be installed; use those that are present."
    if command.startswith("!"):
        return "shell lines are not Python; use the subprocess module."
    return "notebook magics are not needed here."


def shorten(text, cap):
    if len(text) <= cap:
        return text
    head = cap * 6 // 10
    return f"{text[:head]}\n... [{len(text) - cap} characters cut] ...\n{text[head - cap :]}"
