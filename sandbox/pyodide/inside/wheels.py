"""Packages an operator offers as wheels: unpacked when one of their modules is first imported."""

import importlib
import importlib.machinery
import io
import re
import sys
import sysconfig
import zipfile


class Wheels:
    """A finder of modules. `modules`: name of a top-level module to the wheels it is in; `read` gives a wheel's bytes."""

    def __init__(self, modules, read):
        self.modules = modules
        self.read = read
        self.unpacked = set()
        self.folder = sysconfig.get_path("purelib")

    def find_spec(self, name, path=None, target=None):
        new = [wheel for wheel in self.modules.get(name, ()) if wheel not in self.unpacked] if path is None else []
        if not new:
            return None
        for wheel in new:
            self.unpacked.add(wheel)
            zipfile.ZipFile(io.BytesIO(self.read(wheel))).extractall(self.folder)
        importlib.invalidate_caches()
        return importlib.machinery.PathFinder.find_spec(name)


def offer(modules, read):
    if modules:
        sys.meta_path.insert(0, Wheels(modules, read))


def index(names, read):
    """Tries every wheel: which modules can be imported from which, the packages that gives, and what is wrong."""
    read = bytes_of(read)
    found, packages, problems = {}, {}, []
    for name in sorted(names):
        try:
            packages[name] = describe(name)
            for module in top_level_modules(zipfile.ZipFile(io.BytesIO(read(name))).namelist()):
                found.setdefault(module, []).append(name)
        except Exception as error:
            problems.append(f"{name}: {error}")
            packages.pop(name, None)
    offer(found, read)
    importable = {}
    for module, wheels in found.items():
        try:
            importlib.import_module(module)
            importable[module] = wheels
        except Exception as error:
            problems.append(f"{', '.join(wheels)}: import {module}: {type(error).__name__}: {error}"[:500])
    usable = {wheel for wheels in importable.values() for wheel in wheels}
    listed = sorted(package for wheel, package in packages.items() if wheel in usable)
    return {"modules": importable, "packages": listed, "problems": problems}


def bytes_of(read):
    return lambda name: read(name).to_bytes()


def describe(name):
    """'numpy 2.4.1' for a wheel that is for this Python."""
    match = re.fullmatch(r"([^-]+)-([^-]+)(?:-[^-]+)?-([^-]+)-([^-]+)-([^-]+)\.whl", name)
    if match is None:
        raise ValueError("not the name of a wheel")
    package, version, python, _, platform = match.groups()
    ours = {"py3", f"cp{sys.version_info.major}{sys.version_info.minor}"}
    if platform != "any" and "emscripten" not in platform and "pyodide" not in platform:
        raise ValueError("for another platform: only pure Python and Emscripten wheels can be used")
    if platform == "any" and not ours & set(python.split(".")):
        raise ValueError("for another version of Python")
    return f"{package.replace('_', '-').lower()} {version}"


def top_level_modules(files):
    """Names that can be imported; not what is only a folder of data."""
    names = set()
    for file in files:
        first, _, rest = file.partition("/")
        if first.endswith((".dist-info", ".data")) or not file.endswith((".py", ".so")):
            continue
        name = first if rest else first.split(".")[0]
        if name.isidentifier() and name not in sys.stdlib_module_names:
            names.add(name)
    return sorted(names)
