"""Serves a session to the host from inside Pyodide, where there are no processes, threads or sockets.

What a cell is and what the host may ask for is in the package beside this file; here is what it takes of WebAssembly:
one thread of JavaScript to send through, interruptions from the other thread, and awaiting.
The frames and the marks in the output are those of `driver.py`.
Nothing here defends the host: code in a cell can reach and change everything in this thread.
"""

import asyncio
import contextvars
import errno
import importlib
import json
import os
import random
import signal
import sys
import time

import wheels
from threadmill.answers import Answers, encoded
from threadmill.cells import CellTimeout, Session
from threadmill.interrupter import Interrupter
from threadmill.loop import adopt, in_context
from threadmill.outside import Outside

DATA = "/mnt/data"


class Messages(Outside):
    """Output through WebAssembly's descriptors, images as frames to the other thread."""

    def __init__(self, worker):
        self.worker = worker
        super().__init__(os.dup(1), threads=False)

    def image(self, png):
        self.flush()
        self.mark("i")
        self.send({"t": "image", "id": self.cell}, png)

    def mark(self, kind):
        os.write(self.fd, (self.cell + kind).encode())

    def send(self, header, body=b""):
        self.worker.send(json.dumps(header), body)


class AwaitInterrupter(Interrupter):
    """For cells that await too: no Python runs then that an exception could be raised in."""

    def cancel_tasks(self):
        if not self.running:
            return
        self.fired = True
        for task in asyncio.all_tasks(asyncio.get_event_loop()):
            task.cancel()


class BrowserLoop:
    """Top-level await on JavaScript's event loop, of which there is only one. It counts as running always."""

    def run(self, coroutine):
        from pyodide.ffi import run_sync

        return in_context(run_sync, coroutine)

    def begin(self):
        pass

    settle = discard = end = begin


class AwaitingSession(Session):
    def __init__(self, outside, interrupter):
        super().__init__(outside, BrowserLoop())
        self.interrupter = interrupter

    def _explain(self, error):
        if self.interrupter.fired and isinstance(error, asyncio.CancelledError):
            raise CellTimeout() from None
        super()._explain(error)


class Server:
    """Answers the host's requests, one at a time."""

    def __init__(self, worker):
        self.outside = Messages(worker)
        self.outside.begin("")
        self.interrupter = AwaitInterrupter(
            signal.SIGUSR2, lambda seconds: worker.interruptAfter(seconds * 1_000), worker.processorSeconds
        )
        self.session = AwaitingSession(self.outside, self.interrupter)
        self.answers = Answers(self.session, DATA, self.interrupter)
        self.context = contextvars.copy_context()

    def cancel_tasks(self):
        self.interrupter.cancel_tasks()

    def handle(self, header, body):
        # Each call from JavaScript comes with a context of its own.
        adopt(self.context)
        try:
            self._handle(json.loads(header), body.to_bytes())
        finally:
            self.context = contextvars.copy_context()

    def _handle(self, request, body):
        if request["t"] == "exec":
            status = self._run_cell(request, body)
            done = {"t": "done", "id": request["id"], "status": status}
            self.outside.send(done, encoded(self.answers.after_cell()))
        else:
            for frame, part in self.answers.answer(request, body):
                self.outside.send(frame, part)

    def _run_cell(self, request, source):
        self.outside.begin(request["id"])
        text = source.decode("utf-8", "replace")
        try:
            status = self.interrupter.limited(request["soft"], self.session.run, text, request["images"])
        except CellTimeout:
            status = "timeout"
            self.session.figures.discard()
        self.outside.end()
        return status


def import_what_cells_use():
    """In the snapshot these cost nothing; without one they are imported when needed."""
    for name in (
        "base64 bisect calendar collections contextlib copy csv dataclasses datetime decimal enum fractions functools "
        "glob hashlib heapq html http io itertools json math numbers operator pathlib pickle pprint random re shutil "
        "statistics string struct tempfile textwrap timeit traceback typing unicodedata urllib.parse uuid zipfile "
        "threadmill.cloudpickle threadmill.salvage"
    ).split():
        importlib.import_module(name)


def serve(worker):
    """`worker`: functions of the thread that runs Python."""
    replace_what_ends_the_interpreter()
    wait_for_signals(worker.sleep)
    wheels.offer(json.loads(worker.wheels.index).get("modules", {}), wheels.bytes_of(worker.wheels.read))
    random.seed()  # its state is in the snapshot
    os.makedirs(DATA, exist_ok=True)
    os.makedirs("/tmp", exist_ok=True)
    os.environ.clear()
    os.environ.update({"HOME": "/tmp", "LANG": "C.UTF-8", "MPLBACKEND": "Agg"})
    os.chdir(DATA)
    sys.argv = [""]
    # Modules that cells or uploads bring along.
    sys.path.append(DATA)
    # Called for what a coroutine raises on its way to the cell, which is explained there.
    sys.excepthook = lambda *_: None
    return Server(worker)


def wait_for_signals(sleep_milliseconds):
    """A sleep that ends for a signal, as usual."""

    def sleep(seconds):
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            sleep_milliseconds(left * 1_000)

    time.sleep = sleep


def replace_what_ends_the_interpreter():
    """Pyodide's own versions end in a fatal error."""

    def no_processes(*_arguments, **_options):
        raise OSError(errno.ENOSYS, "This Python cannot start processes")

    import posix
    import subprocess

    subprocess.Popen.__init__ = no_processes
    for module in (os, posix):
        module.system = no_processes
    os.popen = no_processes
