"""Signals of the process that runs cells.

The limits have a timer and a signal of their own, so cells may use `signal.alarm`, `signal.setitimer` and any handler.
"""

import signal
import struct
import time
from signal import pthread_sigmask as set_mask

# A real-time signal: the numbers with a name belong to the cells.
LIMIT = signal.SIGRTMAX - 1
# After the soft limit the cell is interrupted this often, because code may catch the first interruptions.
INTERRUPT_EVERY = 0.5
TIMERS = {
    signal.SIGALRM: signal.ITIMER_REAL,
    signal.SIGVTALRM: signal.ITIMER_VIRTUAL,
    signal.SIGPROF: signal.ITIMER_PROF,
}


class LimitTimer:
    """A POSIX timer that raises LIMIT. A forked child does not inherit it."""

    def __init__(self):
        import ctypes

        self.libc = ctypes.CDLL(None)
        self.id = ctypes.c_void_p()
        # struct sigevent: value, signal, SIGEV_SIGNAL.
        event = struct.pack("qii48x", 0, LIMIT, 0)
        if self.libc.timer_create(time.CLOCK_MONOTONIC, event, ctypes.byref(self.id)) != 0:
            raise OSError("there is no timer for the time limit")

    def start(self, seconds):
        """Raises the signal after `seconds`, and then again and again; 0 stops that."""
        if seconds > 0:
            set_mask(signal.SIG_UNBLOCK, {LIMIT})
        times = [part for length in (INTERRUPT_EVERY, seconds) for part in divmod(int(length * 1e9), 1_000_000_000)]
        self.libc.timer_settime(self.id, 0, struct.pack("4q", *times), None)


class CellSignals:
    """Handlers and timers of the cells, which rest between cells: nothing may be raised in the driver then."""

    def __init__(self):
        self.handlers = {number: ran_out for number in TIMERS}
        keep_the_limit()

    def begin(self):
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers = {}

    def end(self):
        for timer in TIMERS.values():
            signal.setitimer(timer, 0)
        for number in signal.valid_signals() - {LIMIT}:
            handler = signal.getsignal(number)
            if callable(handler):
                self.handlers[number] = handler
                signal.signal(number, nothing)


def keep_the_limit():
    """Code that handles or blocks every signal there is does not mean the one of the limit."""
    set_handler = signal.signal

    def handle(signalnum, handler):
        return signal.SIG_DFL if signalnum == LIMIT else set_handler(signalnum, handler)

    def mask(how, mask):
        return set_mask(how, set(mask) - {LIMIT})

    signal.signal, signal.pthread_sigmask = handle, mask


def ran_out(number, _frame):
    """What a cell gets that sets a timer and no handler: by default the timer would end Python."""
    raise TimeoutError(f"{signal.Signals(number).name}: a timer ran out, and the code has no handler for it")


def nothing(_number, _frame):
    pass
