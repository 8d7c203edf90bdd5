"""Serves a session to the host from inside the sandbox; started as `driver.py MAX_PROCESSES`.

What cells are is in `cells.py`; here is what they need of a process: pipes, signals, limits, children.

fd 3 brings frames {t: "exec", id, number, soft} + source, fd 4 takes {t: "ready"} and {t: "done", id, status}.
fds 1 and 2 are one stream, so prints, subprocesses and C code keep their order; a cell's output ends with its id.
Nothing here defends the host: code in a cell can reach and change everything in this process.
"""

import fcntl
import io
import json
import os
import resource
import signal
import struct
import sys
import time

FOLDER = os.path.dirname(__file__)
sys.path.insert(0, FOLDER)
from threadmill.cells import CellTimeout, Session  # noqa: E402

sys.path.remove(FOLDER)

FRAMES_IN, FRAMES_OUT = 3, 4
# After the soft limit the cell is interrupted this often, because code may catch the first interruptions.
INTERRUPT_EVERY = 0.5


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
        if self.running and event in ("call", "line") and not frame.f_code.co_filename.startswith(FOLDER):
            raise CellTimeout()
        return self._raise_in


def run_limited(session, interrupter, source, number, soft):
    """Runs one cell and says how it ended: ok, error or timeout."""
    try:
        try:
            interrupter.arm(soft)
            return session.run(source, number)
        finally:
            interrupter.disarm()
    except CellTimeout:
        interrupter.disarm()
        return "timeout"


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
    session, interrupter, own_pid = Session(output), Interrupter(), os.getpid()
    frames.send({"t": "ready"})
    while driver_module:
        request, source = frames.receive()
        output.restore()
        text = source.decode("utf-8", "replace")
        status = run_limited(session, interrupter, text, request["number"], request["soft"])
        output.flush()
        if os.getpid() != own_pid:
            os._exit(0)  # a child the cell forked: it must not answer for its parent
        kill_stray_children()
        output.end(request["id"].encode())
        frames.send({"t": "done", "id": request["id"], "status": status})


main()
