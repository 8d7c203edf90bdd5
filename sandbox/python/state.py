"""The variables of a session as bytes, and back. Made and read only inside a sandbox.

The bytes are a line of JSON, {"python", "modules": {name: module}, "names", "sources": {file name: source}}, and one pickle
of a dict of variables, so that what two variables share they still share afterwards. Modules come back by name.
Functions of cells are pickled without their globals: they come back as functions of the session that takes them.
"""

import importlib
import io
import json
import pickle
import sys
import types

# Of processor time, for saving: one go at everything; after that, one variable at a time and all of them together.
# Bringing back has no limit here: a state that came back in part would replace the whole one. The host has one.
WHOLE_SECONDS, EACH_SECONDS, ALL_SECONDS = 10, 3, 10
MAX_NAMES = 100
PYTHON = f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"

# What restored functions take for their globals.
namespace = {}


class TooLarge(Exception):
    """More bytes than may be saved."""


class State:
    def __init__(self, session, interrupter):
        global namespace
        self.session = session
        self.limited, self.spent = interrupter.limited_work, interrupter.spent
        namespace = session.module.__dict__
        self.not_ours = {*namespace, "_"}
        # Variables that could not be saved, as they were then: the next attempt starts without them.
        self.refused = {}

    def snapshot(self, cap):
        """The bytes, None when there is nothing to save, and the names that are missing in them."""
        values, modules = {}, {}
        for name, value in list(namespace.items()):
            if name in self.not_ours or type(name) is not str:
                continue
            if isinstance(value, types.ModuleType) and sys.modules.get(value.__name__) is value:
                modules[name] = value.__name__
            else:
                values[name] = value
        if not values and not modules:
            return None, []
        header = {"python": PYTHON, "modules": modules, "sources": self.session.kept_sources()}
        blob, saved = self._pickle(values, cap, header)
        return blob, at_most([name for name in values if name not in saved])

    def restore(self, blob):
        """Takes the variables of a snapshot into the session; returns the names that did not come back."""
        line, pickled = bytes(blob).split(b"\n", 1)
        header = json.loads(line)
        self.session.take_sources(header["sources"])
        failed = [name for name, module in header["modules"].items() if not self._import(name, module)]
        values = self._unpickle(pickled, header["python"] != PYTHON) if pickled else {}
        namespace.update(values)
        return at_most(failed + [name for name in header["names"] if name not in values])

    def _pickle(self, values, cap, header):
        """The bytes and the names in them: all, or all but those that fail, or the smallest that fit."""
        again = {name for name, identity in self.refused.items() if name in values and identity == id(values[name])}
        chosen = [name for name in values if name not in again]
        try:
            # What failed before may have changed since, and mostly fails at once.
            sizes = self._sizes({name: values[name] for name in again}, cap) if again else {}
            chosen += sizes
            return self._together(values, chosen, cap, header)
        except BaseException:  # pickling runs code of cells
            pass
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
            namespace[name] = importlib.import_module(module)
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


class Capped(io.BytesIO):
    """Bytes up to a limit."""

    def __init__(self, cap):
        super().__init__()
        self.left = cap

    def write(self, data):
        self.left -= memoryview(data).nbytes
        if self.left < 0:
            raise TooLarge
        return super().write(data)


def dumps(value, cap, start=b""):
    """`start` and the pickle: in one piece from the beginning, for there may be little memory left."""
    file = Capped(cap + len(start))
    file.write(start)
    pickler_class()(file, cap).dump(value)
    return file.getvalue()


def pickler_class():
    """cloudpickle's, told about this session. Made at first use: its imports take longer than many a cell."""
    if "pickler" not in pickler_class.__dict__:
        from threadmill import cloudpickle

        class Pickler(cloudpickle.Pickler):
            def __init__(self, file, cap):
                super().__init__(file, protocol=5)
                self.cap = cap

            def reducer_override(self, value):
                # Before it is copied: an array as large as all memory may lie behind it.
                if getattr(type(value), "nbytes", None) is not None and size_of(value) > self.cap:
                    raise TooLarge
                return super().reducer_override(value)

            def _dynamic_function_reduce(self, function):
                make, arguments, state, *rest = super()._dynamic_function_reduce(function)
                if function.__globals__ is not namespace:
                    return (make, arguments, state, *rest)
                code, _, *others = arguments
                state[1]["__globals__"] = {}
                return (make_function, (code, *others), state, *rest)

        pickler_class.pickler = Pickler
    return pickler_class.pickler


def make_function(code, name, defaults, closure):
    return types.FunctionType(code, namespace, name, defaults, closure)


def size_of(value):
    try:
        return int(value.nbytes)
    except Exception:
        return 0


def at_most(names):
    if len(names) <= MAX_NAMES:
        return names
    return [*names[:MAX_NAMES], f"{len(names) - MAX_NAMES} more"]
