"""What cells change of the process itself: its folder, environment and paths. Brought back before anything is imported.

Saved is only what differs from what the kernel began with, so that it fits one of another kind too.
"""

import _locale
import importlib
import os
import sys
import time


class Process:
    def __init__(self):
        self.known = self._read()

    def changed(self):
        now, known = self._read(), self.known
        changed = {name: value for name, value in now.items() if value != known[name]}
        if "environ" in changed:
            names = now["environ"].keys() | known["environ"].keys()
            changed["environ"] = {
                name: now["environ"].get(name)
                for name in sorted(names)
                if now["environ"].get(name) != known["environ"].get(name)
            }
        if "path" in changed:
            changed["path"] = added(now["path"], known["path"])
        return changed

    def restore(self, changed):
        """Returns the names of those that could not be set."""
        failed = []
        for name, value in changed.items():
            try:
                getattr(self, "_set_" + name)(value)
            except Exception:
                failed.append(NAMES.get(name, name))
        importlib.invalidate_caches()
        return failed

    def _read(self):
        umask = os.umask(0)
        os.umask(umask)
        return {
            "environ": dict(os.environ),
            "path": [entry for entry in sys.path if isinstance(entry, str)],
            "folder": folder(),
            "umask": umask,
            "recursion": sys.getrecursionlimit(),
            "digits": sys.get_int_max_str_digits() if hasattr(sys, "get_int_max_str_digits") else 0,
            "locale": _locale.setlocale(_locale.LC_ALL, None),
        }

    def _set_environ(self, changed):
        for name, value in changed.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if "TZ" in changed:
            time.tzset()

    def _set_path(self, changed):
        first, last = changed
        sys.path[:0] = first
        sys.path += last

    def _set_folder(self, path):
        os.chdir(path)

    def _set_umask(self, mask):
        os.umask(mask)

    def _set_recursion(self, limit):
        sys.setrecursionlimit(limit)

    def _set_digits(self, limit):
        sys.set_int_max_str_digits(limit)

    def _set_locale(self, name):
        _locale.setlocale(_locale.LC_ALL, name)


NAMES = {
    "environ": "the environment",
    "path": "sys.path",
    "folder": "the working folder",
    "umask": "the umask",
    "recursion": "the recursion limit",
    "digits": "the digits of integers",
    "locale": "the locale",
}


def folder():
    try:
        return os.getcwd()
    except OSError:
        return ""  # it was removed


def added(paths, known):
    """What was put before the first of the paths that were known, and what after it."""
    first = next((at for at, path in enumerate(paths) if path in known), len(paths))
    return paths[:first], [path for path in paths[first:] if path not in known]
