"""A while in which other threads of Python hardly run, so that what is saved is of one moment."""

import contextlib
import sys
import time

# A thread that wants to run waits this long before it asks: longer than most sessions take to pickle. One that computes
# keeps this thread waiting as long, once.
PATIENCE = 0.25


@contextlib.contextmanager
def alone():
    if len(sys._current_frames()) < 2:
        yield
        return
    before = sys.getswitchinterval()
    sys.setswitchinterval(PATIENCE)
    try:
        # Threads that wait already ask as soon as they would have; others run until this one asks.
        end = time.monotonic() + 2 * before
        while time.monotonic() < end:
            pass
        yield
    finally:
        sys.setswitchinterval(before)
