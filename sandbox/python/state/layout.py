"""What a list of regular files does not say of a folder: empty folders, links and permissions."""

import os
import stat

# What is new has these, with the umask that a kernel begins with.
UMASK = os.umask(0)
os.umask(UMASK)
FILE_MODE, FOLDER_MODE = 0o666 & ~UMASK, 0o777 & ~UMASK
MAX_BYTES = 400_000


class Layout:
    """`found`: {"folders": [path], "links": {path: target}, "modes": {path: mode}}, without what is empty."""

    def __init__(self, root):
        self.root = root
        self.found = {}
        self.left_out = []
        self.bytes = 0

    def folder(self, prefix, entries):
        if prefix and entries == 0:
            self._add(prefix, "folders", None)

    def entry(self, path, mode):
        if stat.S_ISLNK(mode):
            try:
                self._add(path, "links", os.readlink(os.path.join(self.root, path)))
            except OSError:
                pass  # a thread removed it
        elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            self.left_out.append(path)
        elif stat.S_IMODE(mode) != (FOLDER_MODE if stat.S_ISDIR(mode) else FILE_MODE):
            self._add(path, "modes", stat.S_IMODE(mode))

    def _add(self, path, kind, value):
        self.bytes += len(path) + len(value if isinstance(value, str) else "")
        if self.bytes > MAX_BYTES:
            self.left_out.append(path)
        elif value is None:
            self.found.setdefault(kind, []).append(path)
        else:
            self.found.setdefault(kind, {})[path] = value


def restore_layout(root, found):
    """Returns the paths that could not be made as they were. Files are there already."""
    failed = []
    steps = [(path, make_folder, ()) for path in found.get("folders", [])]
    steps += [(path, make_link, (target,)) for path, target in found.get("links", {}).items()]
    # The inner ones first: a folder may not be entered any more afterwards.
    steps += [(path, os.chmod, (mode,)) for path, mode in sorted(found.get("modes", {}).items(), reverse=True)]
    for path, step, arguments in steps:
        try:
            step(os.path.join(root, path), *arguments)
        except OSError:
            failed.append(path)
    return failed


def make_folder(place):
    os.makedirs(place, exist_ok=True)


def make_link(place, target):
    os.makedirs(os.path.dirname(place), exist_ok=True)
    os.symlink(target, place)


def make_readable(place, mode):
    """A folder that its owner cannot list and enter would hide its files."""
    if mode & 0o500 != 0o500:
        try:
            os.chmod(place, stat.S_IMODE(mode) | 0o700)
        except OSError:
            pass
