"""Reads a pickle that does not load as a whole: what fails is left out, the rest comes back."""

import io
import pickle


class Lost:
    """Stands where an object could not be made; takes whatever the pickle goes on to do with it."""

    def __init__(self, *_, **__):
        pass

    def __new__(cls, *_, **__):
        return super().__new__(cls)

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


# What makes functions and classes of cells: their code is that of one version of Python, and crashes another.
CODE = {"make_function", "_make_function", "_make_skeleton_class", "_make_skeleton_enum", "_builtin_type"}


class Unpickler(pickle._Unpickler):
    """The one of the standard library that is written in Python: its steps can be caught one by one."""

    dispatch = dict(pickle._Unpickler.dispatch)

    def __init__(self, file, foreign):
        super().__init__(file)
        self.foreign = foreign

    def find_class(self, module, name):
        if self.foreign and module.startswith("threadmill.") and name in CODE:
            return Lost
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


def loads(data, foreign=False):
    """
    What `pickle.loads` would have given, without the entries of the outermost dict that are lost.
    `foreign`: the pickle was made by another version of Python.
    """
    values = Unpickler(io.BytesIO(data), foreign).load()
    return {name: value for name, value in values.items() if not (isinstance(value, Lost) or value is Lost)}
