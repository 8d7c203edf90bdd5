"""Where output and images of cells go, as far as it is the same in a process and in WebAssembly."""

import _thread
import io
import os
import sys
from time import monotonic, sleep

# Lines of a cell that are written at once; of more, what has gathered in this time. Each line at once is a system call.
EAGER_LINES, GATHER_SECONDS = 1_000, 0.01
# What starts a program or a copy of this one, whose output comes after what was printed before.
PROGRAMS = {"subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"}


class Buffer(io.BufferedWriter):
    """
    Passes lines on as they come, and those of a flood together. Between cells it holds what threads print, up to its
    size, for the next cell.
    """

    def __init__(self, raw, threads):
        super().__init__(raw, 65_536)
        self.threads = threads
        self.held = self.late = self.watched = self.audited = False
        self.lines = 0
        self.pushed = 0.0

    def flush(self):
        self.lines += 1
        if self.held:
            return
        if self.lines > EAGER_LINES and self.threads and monotonic() - self.pushed < GATHER_SECONDS:
            self.late = True
            if self.watched or self._watch():
                return
        self.push()

    def push(self):
        self.late = False
        self.pushed = monotonic()
        super().flush()

    def _watch(self):
        """Begins to push what code leaves behind when it stops printing."""
        if not self.audited:
            sys.addaudithook(self._before)
            self.audited = True
        try:
            self.watched = True
            _thread.start_new_thread(self._push_late, ())
        except RuntimeError:
            self.watched = False  # there are too many threads
        return self.watched

    def _push_late(self):
        while self.watched:
            sleep(2 * GATHER_SECONDS)
            self.watched = self.late
            if self.late and not self.held:
                self.push()

    def _before(self, event, _):
        if event in PROGRAMS and self.late and not self.held:
            self.push()


class Muted:
    """A stream that takes what other threads print, and nothing of this one."""

    def __init__(self, stream):
        self.stream = stream
        self.thread = _thread.get_ident()

    def write(self, text):
        return len(text) if _thread.get_ident() == self.thread else self.stream.write(text)

    def __getattr__(self, name):
        return getattr(self.stream, name)


class Outside:
    """
    sys.stdout and sys.stderr over one buffer, so that their order survives. Marks in the output say where a cell begins
    and ends and where its images belong; `mark` writes them to `fd`, a private copy of descriptor 1.
    """

    def __init__(self, fd, threads):
        # Cells may close or redirect 1 and 2.
        self.fd = fd
        self.cell = ""
        self.threads = threads
        self._build()

    def _build(self):
        self.buffer = Buffer(io.FileIO(1, "w", closefd=False), self.threads)
        options = {"encoding": "utf-8", "errors": "backslashreplace", "line_buffering": True, "write_through": True}
        self.stdout = io.TextIOWrapper(self.buffer, **options)
        self.stderr = io.TextIOWrapper(self.buffer, **options)

    def begin(self, cell):
        os.dup2(self.fd, 1)
        os.dup2(self.fd, 2)
        if self.buffer.closed or self.stdout.closed or self.stderr.closed:
            self._build()
        sys.stdout = sys.__stdout__ = self.stdout
        sys.stderr = sys.__stderr__ = self.stderr
        self.cell = cell
        self.mark("(")
        self.buffer.lines, self.buffer.held = 0, False
        self.buffer.push()

    def end(self):
        self.flush()
        self.buffer.held = True
        self.mark(")")

    def flush(self):
        for stream, method in ((sys.stdout, "flush"), (sys.stderr, "flush"), (self.buffer, "push")):
            try:
                getattr(stream, method)()
            except BaseException:
                pass  # closed or replaced by the cell
