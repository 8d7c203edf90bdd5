"""What cells import from IPython where it is not installed: `IPython.display`, with the names that code uses.

Objects show themselves by the same methods as IPython's, so `display.py` need not know them.
"""

import importlib
import importlib.machinery
import os
import sys

MODULES = {
    "IPython": True,
    "IPython.core": True,
    "IPython.core.display": False,
    "IPython.core.display_functions": False,
    "IPython.core.getipython": False,
    "IPython.display": False,
}
# The `Display` of the session.
shown = None


class DisplayObject:
    binary = False

    def __init__(self, data=None, url=None, filename=None, **_):
        if data is None and filename is not None:
            with open(filename, **({"mode": "rb"} if self.binary else {"encoding": "utf-8"})) as file:
                data = file.read()
        self.data, self.url, self.filename = data, url, filename

    def _text(self):
        return self.url if self.data is None else self.data


def shown_as(name, method):
    """A class of objects that show themselves by one method."""
    return type(name, (DisplayObject,), {method: DisplayObject._text, "__module__": __name__})


HTML = shown_as("HTML", "_repr_html_")
Markdown = shown_as("Markdown", "_repr_markdown_")
Latex = shown_as("Latex", "_repr_latex_")
Math = shown_as("Math", "_repr_latex_")
SVG = shown_as("SVG", "_repr_svg_")
JSON = shown_as("JSON", "_repr_json_")
GeoJSON = shown_as("GeoJSON", "_repr_json_")
Javascript = shown_as("Javascript", "_repr_javascript_")
Pretty = shown_as("Pretty", "_repr_markdown_")
Code = shown_as("Code", "_repr_markdown_")
Audio, Video, IFrame, YouTubeVideo = (
    shown_as(name, "_repr_markdown_") for name in ("Audio", "Video", "IFrame", "YouTubeVideo")
)


class Image(DisplayObject):
    binary = True

    def __init__(self, data=None, url=None, filename=None, **options):
        if isinstance(data, (str, os.PathLike)):
            url, filename, data = (data, None, None) if str(data).startswith("http") else (None, data, None)
        super().__init__(data, url, filename, **options)

    def _repr_png_(self):
        return self.data

    def _repr_markdown_(self):
        return f"[image: {self.url}; there is no network]"


class FileLink(DisplayObject):
    def __init__(self, path, **_):
        super().__init__(str(path))

    _repr_markdown_ = DisplayObject._text


class DisplayHandle:
    def display(self, value, **_):
        shown.show(value)

    update = display


def display(*values, raw=False, display_id=None, **_):
    for value in values:
        if raw:
            shown.show_bundle(value)
        else:
            shown.show(value)
    return None if display_id is None else DisplayHandle()


def update_display(value, **_):
    shown.show(value)


def publish_display_data(data, **_):
    shown.show_bundle(data)


def clear_output(wait=False):
    """What was printed stays: it is on its way already."""


def set_matplotlib_formats(*_, **__):
    pass


def no_shell():
    """Libraries ask IPython for its shell, to change it; there is none."""


class Shell:
    """What `get_ipython()` gives in a cell, for lines that notebooks are exported with."""

    config = {}

    def run_line_magic(self, name, line="", *_, **__):
        shown.write(f"Note: skipped `%{name} {line}`: notebook magics are not needed here.")

    def system(self, command):
        shown.write(f"Note: skipped `!{command}`: use the subprocess module.")

    run_cell_magic = magic = run_line_magic
    getoutput = system


class Finder:
    """Comes last in sys.meta_path, so an IPython that is installed is found before."""

    def find_spec(self, name, path=None, target=None):
        if name in MODULES:
            return importlib.machinery.ModuleSpec(name, self, is_package=MODULES[name])
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        names = {name: value for name, value in globals().items() if not name.startswith("_")}
        module.__dict__.update(names, get_ipython=no_shell)
        if module.__name__ == "IPython":
            importlib.import_module("IPython.display")


def patch(functions):
    """Of an IPython that is installed, whose `display` prints outside its shell."""
    functions.display, functions.clear_output, functions.update_display = display, clear_output, update_display


def install(shows, imports, builtins):
    global shown
    shown = shows
    builtins.display, builtins.get_ipython = display, Shell
    imports.add("IPython.core.display_functions", patch)
    sys.meta_path.append(Finder())
