"""Time limits in the thread that runs cells."""

import os
import sys
from signal import signal

from threadmill.cells import CellTimeout

# Ours: the host's requests are answered there, and nothing must be raised in it.
FOLDER = os.path.dirname(os.path.dirname(__file__))
# Work that waits is given this many signals, before each of which it did next to nothing. A stopped process gets none.
PATIENCE, IDLE_SECONDS = 100, 0.001


class Interrupter:
    """
    Interrupts the main thread again and again until what is limited is left. `start_timer(seconds)` begins to raise the
    signal after so long, and every half second from then on, because code may catch the first interruptions; 0 stops it.
    `spent()`: seconds of processor time that this thread has used.
    """

    def __init__(self, number, start_timer, spent):
        self.number = number
        self.start_timer = start_timer
        self.spent = spent
        self.running = self.fired = self.traced = False
        # When the limit is one of processor time: what may be spent, what was at the last signal, and PATIENCE that is left.
        self.end = self.last = self.patience = 0

    def limited(self, seconds, function, *arguments):
        """Calls `function`, and raises CellTimeout in it after so many seconds."""
        self.patience = 0
        return self._limited(seconds, function, arguments)

    def limited_work(self, seconds, function, *arguments):
        """The same in seconds of processor time: a busy computer is no reason to give up."""
        self.last, self.patience = self.spent(), PATIENCE
        self.end = self.last + seconds
        return self._limited(seconds, function, arguments)

    def _limited(self, seconds, function, arguments):
        try:
            try:
                self._arm(seconds)
                return function(*arguments)
            finally:
                self._disarm()
        except CellTimeout:
            self._disarm()
            raise

    def _arm(self, seconds):
        signal(self.number, self._on_signal)  # again for each cell: a cell may have replaced it
        sys.unraisablehook = self._on_unraisable
        self.fired = self.traced = False
        self.running = True
        self.start_timer(seconds)

    def _disarm(self):
        self.running = False
        self.start_timer(0)
        if self.traced:
            sys.settrace(None)

    def _on_signal(self, _signal, frame):
        if not self.running:
            return
        if self.patience > 0 and self._may_go_on():
            return
        if self.fired:
            # The cell caught the first interruption: raise at its next line too, inside its handler.
            self._raise_at_next_line(frame)
        self.fired = True
        raise CellTimeout()

    def _raise_at_next_line(self, frame):
        self.traced = True
        sys.settrace(self._raise_in)
        while frame is not None:
            frame.f_trace = self._raise_in
            frame = frame.f_back

    def _may_go_on(self):
        now = self.spent()
        self.patience -= now - self.last < IDLE_SECONDS
        self.last = now
        return now < self.end

    def _on_unraisable(self, lost):
        if not isinstance(lost.exc_value, CellTimeout):
            return sys.__unraisablehook__(lost)
        # Python drops what is raised in some callbacks, such as those around a fork, and stops tracing then. A signal
        # would hit the same callback: code that forks spends its time in there.
        if self.running:
            self._raise_at_next_line(sys._getframe(1))

    def _raise_in(self, frame, event, _argument):
        # Not on "exception": that is the interruption itself on its way to the handler.
        if self.running and event in ("call", "line") and not frame.f_code.co_filename.startswith(FOLDER):
            raise CellTimeout()
        return self._raise_in
