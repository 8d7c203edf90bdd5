"""Reads a pickle that does not load as a whole: what fails is left out, the rest comes back."""

import io
import pickle


class Lost:
    """Stands where an object could not be made; takes whatever the pickle goes on to do with it."""

    def __init__(self, *_, **__):
        pass

    def __new__(cls, *_, **__):
        return super().__new__(cls)

    def __call__(self, *_, **__):
        return Lost()

    def __setstate__(self, _):
        pass

    def append(self, _):
        pass

    def extend(self, _):
        pass

    def add(self, _):
        pass

    def __setitem__(self, _, __):
        pass

    def __repr__(self):
        return "<not restored>"


class Unpickler(pickle._Unpickler):
    """The one of the standard library that is written in Python: its steps can be caught one by one."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def find_class(self, module, name):
        try:
            return super().find_class(module, name)
        except Exception:
            return Lost


def guarded(opcode):
    step = pickle._Unpickler.dispatch[opcode[0]]

    def load(self):
        depth = len(self.stack)
        try:
            step(self)
        except pickle._Stop:
            raise
        except Exception:
            # Each of these takes one argument off the stack and leaves one object on it.
            del self.stack[depth - 2 :]
            self.append(Lost())

    return load


for opcode in (pickle.REDUCE, pickle.NEWOBJ, pickle.BUILD):
    Unpickler.dispatch[opcode[0]] = guarded(opcode)


def loads(data):
    """What `pickle.loads` would have given, without the entries of the outermost dict that are lost."""
    values = Unpickler(io.BytesIO(data)).load()
    return {name: value for name, value in values.items() if not isinstance(value, Lost)}
