"""Serves a session to the host from inside the sandbox; started as `driver.py MAX_PROCESSES`.

What a cell is and what the host may ask for is in the package beside this file; here is what it takes of a process:
pipes, signals, limits, children.

fd 3 brings frames {t, id, ...} + body: {t: "exec", id, soft, images} + source, or a request of `answers.py`. fd 4 takes
{t: "ready"}, {t: "image", id} + PNG, {t: "data", id} + bytes and {t: "done", id, status} + JSON.
fds 1 and 2 are one stream, so prints, subprocesses and C code keep their order. In it a cell's id marks places: id + "("
where its output begins, id + "i" where an image belongs, id + ")" where it ends.
Nothing here defends the host: code in a cell can reach and change everything in this process.
"""

import fcntl
import json
import os
import resource
import signal
import struct
import sys
import time
from signal import pthread_sigmask as set_mask

FOLDER = os.path.dirname(__file__)
sys.path.insert(0, FOLDER)
from threadmill.answers import Answers, encoded  # noqa: E402
from threadmill.cells import CellTimeout, Session  # noqa: E402
from threadmill.interrupter import Interrupter  # noqa: E402
from threadmill.outside import Outside  # noqa: E402
from threadmill.signals import LIMIT, CellSignals, LimitTimer  # noqa: E402

sys.path.remove(FOLDER)

FRAMES_IN, FRAMES_OUT = 3, 4
# A busy computer ends and reaps dozens of processes slowly.
KILL_SECONDS = 10


class Frames:
    """Length-prefixed frames: u32 header length, u32 body length, JSON header, raw body."""

    def receive(self):
        header_length, body_length = struct.unpack(">II", self._exactly(8))
        return json.loads(self._exactly(header_length)), self._exactly(body_length)

    def send(self, header, body=b""):
        encoded = json.dumps(header).encode()
        write_all(FRAMES_OUT, struct.pack(">II", len(encoded), len(body)) + encoded)
        write_all(FRAMES_OUT, body)

    def _exactly(self, count):
        data = bytearray(count)
        view = memoryview(data)
        while view:
            received = os.readv(FRAMES_IN, [view])
            if received == 0:
                os._exit(0)  # the host closed the session
            view = view[received:]
        return bytes(data)


class Pipes(Outside):
    """Output through the pipes, images as frames."""

    def __init__(self, frames):
        self.frames = frames
        self.own_pid = os.getpid()
        super().__init__(fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 100), threads=True)

    def image(self, png):
        if os.getpid() != self.own_pid:
            return  # a child the cell forked: its pipes are its parent's
        # The soft limit must not cut a frame in two.
        before = set_mask(signal.SIG_BLOCK, {LIMIT})
        try:
            self.flush()
            self.mark("i")
            self.frames.send({"t": "image", "id": self.cell}, png)
        finally:
            set_mask(signal.SIG_SETMASK, before)

    def flush(self):
        super().flush()
        if "ctypes" in sys.modules:
            try:
                sys.modules["ctypes"].CDLL(None).fflush(None)  # printf buffers of C code
            except BaseException:
                pass

    def mark(self, kind):
        write_all(self.fd, (self.cell + kind).encode())


def kill_stray_children():
    """Nothing a cell started may outlive it; zombies count towards the process limit, so they are reaped."""
    deadline = time.monotonic() + KILL_SECONDS
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
    for fd in (FRAMES_IN, FRAMES_OUT):
        os.set_inheritable(fd, False)


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def run_cell(session, outside, signals, interrupter, request, source):
    outside.begin(request["id"])
    signals.begin()
    try:
        status = interrupter.limited(request["soft"], session.run, source.decode("utf-8", "replace"), request["images"])
    except CellTimeout:
        status = "timeout"
        session.figures.discard()
    finally:
        signals.end()
    outside.flush()
    if os.getpid() != outside.own_pid:
        os._exit(0)  # a child the cell forked: it must not answer for its parent
    kill_stray_children()
    outside.end()
    return status


def main():
    confine(int(sys.argv[1]))
    sys.argv = [""]
    # Modules that cells or uploads bring along.
    sys.path.append("/mnt/data")
    frames = Frames()
    outside = Pipes(frames)
    outside.begin("")
    driver_module = sys.modules["__main__"]  # kept: its globals must outlive the replacement
    signals, timer = CellSignals(), LimitTimer()
    interrupter, session = Interrupter(LIMIT, timer.start, time.thread_time), Session(outside)
    answers = Answers(session, "/mnt/data", interrupter)
    frames.send({"t": "ready"})
    while driver_module:
        request, body = frames.receive()
        if request["t"] == "exec":
            status = run_cell(session, outside, signals, interrupter, request, body)
            frames.send({"t": "done", "id": request["id"], "status": status}, encoded(answers.after_cell()))
        else:
            for header, part in answers.answer(request, body):
                frames.send(header, part)


main()
