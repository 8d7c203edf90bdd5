"""Where output and images of cells go, as far as it is the same in a process and in WebAssembly."""

import io
import os
import sys


class Outside:
    """
    sys.stdout and sys.stderr over one buffer, so that their order survives. Marks in the output say where a cell begins
    and ends and where its images belong; `mark` writes them to `fd`, a private copy of descriptor 1.
    """

    def __init__(self, fd):
        # Cells may close or redirect 1 and 2.
        self.fd = fd
        self.cell = ""
        self._build()

    def _build(self):
        self.buffer = io.BufferedWriter(io.FileIO(1, "w", closefd=False))
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

    def flush(self):
        for stream in (sys.stdout, sys.stderr, self.buffer):
            try:
                stream.flush()
            except BaseException:
                pass  # closed or replaced by the cell
