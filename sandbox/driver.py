"""Runs the cells of one session inside the sandbox; started by the host as `driver.py MAX_PROCESSES`.

fd 3 brings frames {t: "exec", id, number, soft} + source, fd 4 takes {t: "ready"} and {t: "done", id, status}.
fds 1 and 2 are one stream, so prints, subprocesses and C code keep their order; a cell's output ends with its id.
Nothing here defends the host: code in a cell can reach and change everything in this process.
"""

import ast
import fcntl
import io
import json
import linecache
import os
import resource
import signal
import struct
import sys
import time
import traceback
import types

FRAMES_IN, FRAMES_OUT = 3, 4
RESULT_CAP, TRACEBACK_CAP = 20_000, 8_000
# After the soft limit the cell is interrupted this often, because code may catch the first interruptions.
INTERRUPT_EVERY = 0.5


class CellTimeout(BaseException):
    """Raised in the cell at its soft time limit; not an Exception, so `except Exception` lets it pass."""


class Frames:
    """Length-prefixed frames: u32 header length, u32 body length, JSON header, raw body."""

    def receive(self):
        sizes = self._exactly(8)
        header_length, body_length = struct.unpack(">II", sizes)
        return json.loads(self._exactly(header_length)), self._exactly(body_length)

    def send(self, header):
        encoded = json.dumps(header).encode()
        os.write(FRAMES_OUT, struct.pack(">II", len(encoded), 0) + encoded)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            chunk = os.read(FRAMES_IN, count - len(data))
            if not chunk:
                os._exit(0)  # the host closed the session
            data += chunk
        return data


class Output:
    """sys.stdout and sys.stderr over one buffer, so that their order survives."""

    def __init__(self):
        # A private copy: cells may close or redirect 1 and 2.
        self.fd = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 100)
        self._build()

    def _build(self):
        self.buffer = io.BufferedWriter(io.FileIO(1, "w", closefd=False))
        options = {"encoding": "utf-8", "errors": "backslashreplace", "line_buffering": True, "write_through": True}
        self.stdout = io.TextIOWrapper(self.buffer, **options)
        self.stderr = io.TextIOWrapper(self.buffer, **options)

    def restore(self):
        os.dup2(self.fd, 1)
        os.dup2(self.fd, 2)
        if self.buffer.closed or self.stdout.closed or self.stderr.closed:
            self._build()
        sys.stdout = sys.__stdout__ = self.stdout
        sys.stderr = sys.__stderr__ = self.stderr

    def flush(self):
        for stream in (sys.stdout, sys.stderr, self.buffer):
            try:
                stream.flush()
            except BaseException:
                pass  # closed or replaced by the cell
        if "ctypes" in sys.modules:
            try:
                sys.modules["ctypes"].CDLL(None).fflush(None)  # printf buffers of C code
            except BaseException:
                pass

    def end(self, marker):
        view = memoryview(marker)
        while view:
            view = view[os.write(self.fd, view):]


class Interrupter:
    """The soft time limit: interrupts the main thread again and again until the cell is left."""

    def __init__(self):
        self.running = self.fired = self.traced = False

    def arm(self, seconds):
        signal.signal(signal.SIGALRM, self._on_alarm)  # again for each cell: a cell may have replaced it
        self.fired = self.traced = False
        self.running = True
        signal.setitimer(signal.ITIMER_REAL, seconds, INTERRUPT_EVERY)

    def disarm(self):
        self.running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self.traced:
            sys.settrace(None)

    def _on_alarm(self, _signal, frame):
        if not self.running:
            return
        if self.fired:
            # The cell caught the first interruption: raise at its next line too, inside its handler.
            self.traced = True
            sys.settrace(self._raise_in)
            while frame is not None:
                frame.f_trace = self._raise_in
                frame = frame.f_back
        self.fired = True
        raise CellTimeout()

    def _raise_in(self, frame, event, _argument):
        # Not on "exception": that is the interruption itself on its way to the handler.
        if self.running and event in ("call", "line") and frame.f_code.co_filename != __file__:
            raise CellTimeout()
        return self._raise_in


class Session:
    """The namespace the cells of one thread share."""

    def __init__(self, output):
        self.output = output
        self.interrupter = Interrupter()
        self.loop = None
        # A fresh __main__, so that classes and functions of cells pickle and nothing of the driver is in sight.
        self.module = types.ModuleType("__main__")
        self.module.__dict__["__builtins__"] = __builtins__
        sys.modules["__main__"] = self.module

    def run(self, source, number, soft):
        """Runs one cell and says how it ended: ok, error or timeout."""
        try:
            try:
                self.interrupter.arm(soft)
                return self._run(source, f"<cell {number}>")
            finally:
                self.interrupter.disarm()
        except CellTimeout:
            self.interrupter.disarm()
            return "timeout"

    def _run(self, source, filename):
        try:
            tree, source = self._parse(source, filename)
            linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
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

    def _parse(self, source, filename):
        try:
            return ast.parse(source, filename), source
        except SyntaxError:
            # Only source that is no Python is searched for notebook lines: strings may hold such lines too.
            cleaned, notes = without_notebook_lines(source)
            if not notes:
                raise
            tree = ast.parse(cleaned, filename)
            self.output.stdout.writelines(note + "\n" for note in notes)
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
        self.output.stdout.write(shorten(repr(value), RESULT_CAP) + "\n")

    def _exited(self, exit):
        if exit.code in (None, 0):
            return "ok"
        self.output.stderr.write(f"SystemExit: {exit.code}\n")
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
        self.output.stderr.write(shorten(text, TRACEBACK_CAP))


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
    return f"{text[:head]}\n... [{len(text) - cap} characters cut] ...\n{text[head - cap:]}"


def kill_stray_children():
    """Nothing a cell started may outlive it; zombies count towards the process limit, so they are reaped."""
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        try:
            os.kill(-1, signal.SIGKILL)  # spares this process and pid 1 of the namespace
        except ProcessLookupError:
            return  # there are no others, not even zombies
        try:
            if os.waitpid(-1, os.WNOHANG) != (0, 0):
                continue
        except ChildProcessError:
            pass  # pid 1 has yet to reap what was orphaned
        time.sleep(0.0005)


def confine(processes):
    # Here and not outside: inside the user namespace the limit counts only this sandbox's processes.
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    os.nice(5)
    for fd in (FRAMES_IN, FRAMES_OUT):
        os.set_inheritable(fd, False)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def main():
    confine(int(sys.argv[1]))
    sys.argv = [""]
    frames, output = Frames(), Output()
    output.restore()
    driver_module = sys.modules["__main__"]  # kept: its globals must outlive the replacement
    session, own_pid = Session(output), os.getpid()
    frames.send({"t": "ready"})
    while driver_module:
        request, source = frames.receive()
        output.restore()
        status = session.run(source.decode("utf-8", "replace"), request["number"], request["soft"])
        output.flush()
        if os.getpid() != own_pid:
            os._exit(0)  # a child the cell forked: it must not answer for its parent
        kill_stray_children()
        output.end(request["id"].encode())
        frames.send({"t": "done", "id": request["id"], "status": status})


main()
