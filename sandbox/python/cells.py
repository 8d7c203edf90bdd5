"""The cells of one session: the namespace they share, and how one of them is run.

Works wherever CPython does, also as WebAssembly: no file descriptors, processes or signals. Whoever uses it passes an
`outside` with two text streams, `stdout` and `stderr`, whose writes appear in order, and a method `image(png)`, whose
image appears after all that was printed before.
Nothing here defends the host: code in a cell can reach and change everything in this process.
"""

import ast
import builtins
import linecache
import os
import sys
import traceback
import types

from threadmill import ipython
from threadmill.display import Display
from threadmill.figures import Figures
from threadmill.imports import AfterImport
from threadmill.loop import Loop
from threadmill.source import is_silent, parse, shorten

TRACEBACK_CAP = 8_000
FOLDER = os.path.dirname(__file__)
# Sources of cells that made functions or classes are kept with the state, for tracebacks.
SOURCES_CAP = 256_000


class CellTimeout(BaseException):
    """Raised in the cell at its soft time limit; not an Exception, so `except Exception` lets it pass."""


class Session:
    """The namespace the cells of one thread share."""

    # Names of values that cells ended with.
    results = ("_", "__", "___")

    def __init__(self, outside, loop=None):
        self.outside = outside
        imports = AfterImport()
        self.figures = Figures(outside, imports)
        self.display = Display(outside, self.figures)
        self.loop = loop or Loop(imports)
        ipython.install(self.display, imports, builtins)
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
        self.loop.begin()
        try:
            status = self._run(source)
            self.loop.settle()
            self.figures.end()
            return status
        except CellTimeout:
            self.loop.discard()
            raise
        finally:
            self.loop.end()

    def _run(self, source):
        self.number += 1
        filename = f"<cell {self.number}>"
        try:
            tree, source, notes = parse(source, filename)
            self.outside.stdout.writelines(note + "\n" for note in notes)
            remember(filename, source)
            if any(
                isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda))
                for node in ast.walk(tree)
            ):
                self.sources[filename] = source
            value = self._evaluate(tree, filename)
            if value is not None:
                self._show(value, is_silent(source))
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

    def _evaluate(self, tree, filename):
        """The value of the last expression. A cell that awaits runs in the loop as a whole."""
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        parts = [(tree, "exec")] + ([(ast.Expression(last.value), "eval")] if last else [])
        codes = [
            compile(part, filename, mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True) for part, mode in parts
        ]
        namespace, value = self.module.__dict__, None
        if any(awaits(code) for code in codes):
            return self.loop.run(evaluate_awaiting(codes, namespace))
        for code in codes:
            value = eval(code, namespace)
        return value

    def _show(self, value, silent):
        names = self.module.__dict__
        names["___"], names["__"], names["_"] = names.get("__"), names.get("_"), value
        if not silent:
            self.display.show(value)

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
            explained = traceback.TracebackException(type(error), error, cut)
            explained.stack[:] = [frame for frame in explained.stack if not frame.filename.startswith(FOLDER)]
            text = "".join(explained.format())
        except Exception:
            text = f"{type(error).__name__} (its message could not be formatted)\n"
        self.outside.stderr.write(shorten(text, TRACEBACK_CAP))


def remember(filename, source):
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)


def awaits(code):
    return bool(code.co_flags & 0x80)  # CO_COROUTINE


async def evaluate_awaiting(codes, namespace):
    value = None
    for code in codes:
        value = eval(code, namespace)
        if awaits(code):
            value = await value
    return value
