"""Pickles of variables: up to a limit, and with functions that belong to the session that takes them."""

import functools
import io
import types

# What restored functions take for their globals: that of the session, once there is one.
namespace = {}


class TooLarge(Exception):
    """More bytes than may be saved."""


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
                # By itself Python pickles these two as a name, which means nothing in another kernel.
                kind = type(value)
                if kind is functools._lru_cache_wrapper:
                    return cached, (value.__wrapped__, value.cache_parameters())
                if kind.__name__ == "NewType" and kind.__module__ == "typing":
                    return kind, (value.__name__, value.__supertype__)
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


# Stored pickles name it there.
make_function.__module__ = "threadmill.state"


def cached(function, parameters):
    return functools.lru_cache(**parameters)(function)


def size_of(value):
    try:
        return int(value.nbytes)
    except Exception:
        return 0
