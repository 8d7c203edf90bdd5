"""What the host asks for between cells, a frame in and frames out: (header, body) each.

    put      {path, offset, more: [other names, with the last part]} + a part of a file
    list     -> data: JSON [[path, bytes, stamp], ...]
    read     {path, offset, length} -> data: that part of the file
    snapshot {cap} -> data: the pickled variables, unless they are those of the last snapshot
    restore  + pickled variables
    warm     {modules} imports what later cells will use

Every answer ends with {t: "done", id, status} + JSON: {} or what the kind of request gives; `error` when it failed.
"""

import contextlib
import importlib
import json
import sys
import zlib

from threadmill.files import Files
from threadmill.outside import Muted
from threadmill.pickling import pickler_class
from threadmill.state import State

PART = 1 << 20
MAX_PATH = 1_100


class Answers:
    def __init__(self, session, root, interrupter):
        self.files = Files(root)
        self.state = State(session, self.files, interrupter)
        self.last_snapshot = None

    def after_cell(self):
        """What the host is told with the end of every cell."""
        self.state.flush_files()
        return {"files": fingerprint(self.files.list())}

    def answer(self, request, body):
        """Yields the frames of the answer."""
        try:
            parts, result = getattr(self, "_" + request["t"])(request, body)
            for part in parts:
                yield {"t": "data", "id": request["id"]}, part
            status = "ok"
        except Exception as error:
            status, result = "error", {"error": f"{type(error).__name__}: {error}"[:1_000]}
        yield {"t": "done", "id": request["id"], "status": status}, encoded(result)

    def _put(self, request, body):
        path = request["path"]
        try:
            self.files.put(path, request["offset"], body)
            for name in request["more"]:
                self.files.link(path, name)
        except OSError:
            self.files.discard(path)  # half a file would be taken for a whole one
            raise
        return (), {}

    def _list(self, request, _):
        listing = self.files.list()
        # Longer paths are not kept, only named.
        data = encoded([[path[:MAX_PATH], *rest] for path, *rest in listing[: request["most"]]])
        return in_parts(data), {"files": fingerprint(listing)}

    def _read(self, request, _):
        data = self.files.read(request["path"], request["offset"], request["length"])
        return in_parts(data), {}

    def _snapshot(self, request, _):
        # What objects print when they are pickled belongs to no cell.
        with contextlib.redirect_stdout(Muted(sys.stdout)), contextlib.redirect_stderr(Muted(sys.stderr)):
            blob, unsaved = self.state.snapshot(request["cap"])
        # hash() alone has 32 bits in WebAssembly.
        identity = None if blob is None else (len(blob), hash(blob), zlib.crc32(blob))
        same = blob is not None and identity == self.last_snapshot
        self.last_snapshot = identity
        kind = "none" if blob is None else "same" if same else "new"
        return in_parts(blob if kind == "new" else b""), {"kind": kind, "unsaved": unsaved}

    def _restore(self, _, body):
        return (), {"failed": self.state.restore(body)}

    def _warm(self, request, _):
        pickler_class()
        for module in request["modules"]:
            try:
                importlib.import_module(module)
            except ImportError:
                pass
        self.state.settings.note()
        return (), {}


def fingerprint(listing):
    return format(hash(repr(listing)) & 0xFFFF_FFFF_FFFF_FFFF, "x")


def encoded(value):
    return json.dumps(value).encode()


def in_parts(data):
    view = memoryview(data)
    return (view[at : at + PART] for at in range(0, len(view), PART))
