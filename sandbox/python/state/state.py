"""The variables of a session as bytes, and back. Made and read only inside a sandbox.

The bytes are a line of JSON, {"python", "modules": {name: module}, "names", "sources": {file name: source}, "process",
"layout"}, and one pickle of a dict of variables and settings, so that what two variables share they still share
afterwards. Modules come back by name.
Functions of cells are pickled without their globals: they come back as functions of the session that takes them.
"""

import importlib
import io
import json
import os
import pickle
import sys
import types

from threadmill import pickling
from threadmill.alone import alone
from threadmill.pickling import dumps, make_function  # noqa: F401 - what is stored names it here
from threadmill.process import Process
from threadmill.settings import SETTINGS, Settings

# Of processor time, for saving: one go at everything; after that, one variable at a time and all of them together.
# Bringing back has no limit here: a state that came back in part would replace the whole one. The host has one.
WHOLE_SECONDS, EACH_SECONDS, ALL_SECONDS = 10, 3, 10
TRIES = 3
MAX_NAMES = 100
# What libraries leave in /tmp by themselves.
IN_TMP = (".", "mpl", "pymp-", "matplotlib-")
PYTHON = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"


class State:
    def __init__(self, session, files, interrupter):
        self.session = session
        self.files = files
        self.limited, self.spent = interrupter.limited_work, interrupter.spent
        self.namespace = pickling.namespace = session.module.__dict__
        self.not_ours = {*self.namespace, *session.results}
        self.process, self.settings = Process(), Settings()
        # Variables that could not be saved, as they were then: the next attempt starts without them.
        self.refused = {}

    def snapshot(self, cap):
        """The bytes, None when there is nothing to save, and the names that are missing in them."""
        layout, lost = self.files.layout()
        lost += elsewhere()
        header = {"python": PYTHON, "process": self.process.changed(), "layout": layout}
        header["sources"] = self.session.kept_sources()
        pickling.pickler_class()
        with alone():
            values, header["modules"] = self._values()
            values.update(self.settings.changed())
            if not (values or header["modules"] or header["process"] or layout):
                return None, at_most(lost)
            blob, saved = self._pickle(values, cap, header)
        return blob, at_most([name for name in values if name not in saved] + lost)

    def restore(self, blob):
        """Takes the variables of a snapshot into the session; returns the names that did not come back."""
        line, pickled = bytes(blob).split(b"\n", 1)
        header = json.loads(line)
        self.session.take_sources(header["sources"])
        # Stored states of earlier versions have neither.
        failed = self.files.restore_layout(header.get("layout", {})) + self.process.restore(header.get("process", {}))
        failed += [name for name, module in header["modules"].items() if not self._import(name, module)]
        values = self._unpickle(pickled, header["python"] != PYTHON) if pickled else {}
        failed += [name for name in header["names"] if name not in values]
        failed += self.settings.restore(values)
        self.namespace.update(values)
        return at_most(failed)

    def flush_files(self):
        """An open file is lost with its kernel, but not what code wrote to it."""
        for value in list(self.namespace.values()):
            if isinstance(value, io.IOBase) and not value.closed:
                try:
                    value.flush()
                except Exception:
                    pass

    def _values(self):
        """Variables, and the modules among them by name."""
        values, modules = {}, {}
        for name, value in list(self.namespace.items()):
            if name in self.not_ours or name in SETTINGS or type(name) is not str:
                continue
            if isinstance(value, types.ModuleType) and sys.modules.get(value.__name__) is value:
                modules[name] = value.__name__
            else:
                values[name] = value
        return values, modules

    def _pickle(self, values, cap, header):
        """The bytes and the names in them: all, or all but those that fail, or the smallest that fit."""
        again = {name for name, identity in self.refused.items() if name in values and identity == id(values[name])}
        chosen = [name for name in values if name not in again]
        # What failed before may have changed since, and mostly fails at once.
        chosen += self._sizes({name: values[name] for name in again}, cap) if again else {}
        for _ in range(TRIES):
            try:
                return self._together(values, chosen, cap, header)
            except RuntimeError:
                continue  # a thread changed a dict or a set meanwhile
            except BaseException:  # pickling runs code of cells
                break
        sizes = self._sizes(values, cap)
        self.refused = {name: id(values[name]) for name in values if name not in sizes}
        chosen, total = [], 0
        for name in sorted(sizes, key=sizes.get):
            total += sizes[name]
            if total > cap:
                break
            chosen.append(name)
        chosen = [name for name in values if name in chosen]
        try:
            return self._together(values, chosen, cap, header)
        except BaseException:
            return self._together(values, [], cap, header)

    def _together(self, values, names, cap, header):
        line = json.dumps({**header, "names": names}).encode() + b"\n"
        if not names:
            return line, set()
        together = {name: values[name] for name in names}
        return self.limited(WHOLE_SECONDS, dumps, together, cap, line), set(names)

    def _sizes(self, values, cap):
        """Bytes of each variable on its own; those that cannot be pickled are missing."""
        sizes, deadline = {}, self.spent() + ALL_SECONDS
        for name, value in values.items():
            left = deadline - self.spent()
            if left <= 0:
                break
            try:
                sizes[name] = len(self.limited(min(left, EACH_SECONDS), dumps, value, cap))
            except BaseException:
                pass
        return sizes

    def _import(self, name, module):
        try:
            self.namespace[name] = importlib.import_module(module)
            return True
        except BaseException:
            return False

    def _unpickle(self, pickled, foreign):
        from threadmill import salvage

        ways = [(salvage.loads, pickled, True)] if foreign else [(pickle.loads, pickled), (salvage.loads, pickled)]
        for load, *arguments in ways:
            try:
                values = load(*arguments)
                return values if isinstance(values, dict) else {}
            except BaseException:
                pass
        return {}


def elsewhere():
    """What cells left in /tmp: only /mnt/data is saved."""
    try:
        names = sorted(entry for entry in os.listdir("/tmp") if not entry.startswith(IN_TMP))
    except OSError:
        return []
    return [f"/tmp/{name}" for name in names]


def at_most(names):
    if len(names) <= MAX_NAMES:
        return names
    return [*names[:MAX_NAMES], f"{len(names) - MAX_NAMES} more"]
