"""The control of the sandbox bench: a Python without any confinement that runs the same cells over two pipes.

Requests and answers are a letter, a length (u32) and a body: x runs code, s pickles the variables, r brings them back.
"""

import pickle
import struct
import sys
import types

names = {"__name__": "__main__"}
requests, answers = sys.stdin.buffer, sys.stdout.buffer


def saved():
    kept = {name: value for name, value in names.items() if not name.startswith("__")}
    modules = [name for name, value in kept.items() if isinstance(value, types.ModuleType)]
    return pickle.dumps({name: value for name, value in kept.items() if name not in modules}, protocol=5)


while True:
    head = requests.read(5)
    if len(head) < 5:
        break
    kind, length = struct.unpack(">cI", head)
    body, answer = requests.read(length), b""
    try:
        if kind == b"x":
            exec(compile(body, "<cell>", "exec"), names)
        elif kind == b"s":
            answer = saved()
        else:
            names.update(pickle.loads(body))
        kind = b"k"
    except BaseException as error:
        kind, answer = b"e", repr(error).encode()
    answers.write(struct.pack(">cI", kind, len(answer)) + answer)
    answers.flush()
