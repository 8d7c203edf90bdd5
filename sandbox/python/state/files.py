"""The files of a session, as the host puts, lists and reads them. Links are never followed.

Code in a cell may have left anything here, and a thread of it may change things meanwhile: every step can fail.
"""

import os
import stat
import time

from threadmill.layout import Layout, make_readable, restore_layout

# Entries looked at in one listing; the host keeps far fewer files.
MAX_ENTRIES = 100_000
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
AT = os.open in os.supports_dir_fd


class Files:
    def __init__(self, root):
        self.root = root
        self._layout = Layout(root)
        # Change times that reading caused, by inode: (what it is now, what it was).
        self.ours = {}

    def list(self):
        """[path, bytes, stamp] of each regular file, in order of paths."""
        found, newest, seen, folders = [], 0, 0, [""]
        self._layout = layout = Layout(self.root)
        while folders and seen < MAX_ENTRIES:
            prefix = folders.pop()
            try:
                entries = list(os.scandir(os.path.join(self.root, prefix)))
            except OSError:
                continue
            layout.folder(prefix, len(entries))
            for entry in entries:
                seen += 1
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                path = prefix + entry.name
                if stat.S_ISDIR(status.st_mode):
                    make_readable(entry.path, status.st_mode)
                    folders.append(path + "/")
                elif stat.S_ISREG(status.st_mode):
                    # ctime, because a program can set the modification time to what it was.
                    changed = status.st_ctime_ns
                    now, before = self.ours.get(status.st_ino, (0, 0))
                    stamp = (
                        f"{status.st_size}.{status.st_mtime_ns}.{before if now == changed else changed}.{status.st_ino}"
                    )
                    found.append([path, status.st_size, stamp])
                    newest = max(newest, changed)
                layout.entry(path, status.st_mode)
        settle(newest)
        return sorted(found)

    def layout(self):
        """What the files of the last listing do not say: see `Layout`. And the names of what had no place in it."""
        return self._layout.found, self._layout.left_out

    def restore_layout(self, found):
        return restore_layout(self.root, found)

    def read(self, path, offset, length):
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
        try:
            descriptor = self._open(path, flags)
        except PermissionError:
            descriptor = self._open_unreadable(path, flags)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{path!r} is not a regular file")
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.read(descriptor, length)
        finally:
            os.close(descriptor)

    def put(self, path, offset, data):
        """Writes a part of a file; the part at 0 replaces what was there."""
        if offset == 0:
            self._make_way(path)
        create = os.O_CREAT | os.O_EXCL if offset == 0 else 0
        descriptor = self._open(path, os.O_WRONLY | create)
        try:
            os.lseek(descriptor, offset, os.SEEK_SET)
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        finally:
            os.close(descriptor)

    def discard(self, path):
        try:
            os.unlink(os.path.join(self.root, path))
        except OSError:
            pass

    def link(self, path, name):
        """Gives a file a second name."""
        self._make_way(name)
        source, target = os.path.join(self.root, path), os.path.join(self.root, name)
        try:
            os.link(source, target)
        except (OSError, AttributeError, NotImplementedError):
            offset = 0
            while True:
                data = self.read(path, offset, 1 << 20)
                self.put(name, offset, data)
                offset += len(data)
                if not data:
                    break

    def _make_way(self, path):
        """Makes the folders of `path`, and removes what is at their places and its own."""
        parts = path.split("/")
        for end in range(1, len(parts)):
            folder = os.path.join(self.root, *parts[:end])
            if os.path.islink(folder) or not os.path.isdir(folder):
                remove(folder)
                os.mkdir(folder)
        remove(os.path.join(self.root, path))

    def _open_unreadable(self, path, flags):
        """Opens a file that code made unreadable, which its owner can undo for a moment."""
        place = os.path.join(self.root, path)
        before = os.lstat(place)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(f"{path!r} is not a regular file")
        os.chmod(place, 0o600)
        try:
            descriptor = self._open(path, flags)
        finally:
            os.chmod(place, stat.S_IMODE(before.st_mode))
        now, first = self.ours.get(before.st_ino, (0, 0))
        first = first if now == before.st_ctime_ns else before.st_ctime_ns
        self.ours[before.st_ino] = (os.fstat(descriptor).st_ctime_ns, first)
        return descriptor

    def _open(self, path, flags):
        *folders, name = path.split("/")
        if not AT:
            for end in range(1, len(folders) + 2):
                if os.path.islink(os.path.join(self.root, *[*folders, name][:end])):
                    raise OSError(f"{path!r} is not a regular file")
            return os.open(os.path.join(self.root, path), flags | NO_FOLLOW, 0o666)
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for folder in folders:
                inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | NO_FOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            return os.open(name, flags | NO_FOLLOW, 0o666, dir_fd=descriptor)
        finally:
            os.close(descriptor)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil

        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def settle(newest):
    """Waits until a later change gets a later time than `newest`: the clock of files stands still for milliseconds."""
    deadline = time.monotonic() + 0.05
    while file_clock() <= newest and time.monotonic() < deadline:
        time.sleep(0.0005)


def file_clock():
    coarse = getattr(time, "CLOCK_REALTIME_COARSE", 5 if os.uname().sysname == "Linux" else None)
    return time.time_ns() - 1_000_000 if coarse is None else time.clock_gettime_ns(coarse)
