"""What values look like: an image or text. The rich representations are those of IPython."""

import json
import re

from threadmill.source import shorten

RESULT_CAP = 20_000
IMAGES = {"image/png": "_repr_png_", "image/jpeg": "_repr_jpeg_"}
# Of an object without a text of its own, the first that there is.
TEXTS = {
    "text/markdown": "_repr_markdown_",
    "text/html": "_repr_html_",
    "text/latex": "_repr_latex_",
    "image/svg+xml": "_repr_svg_",
    "application/json": "_repr_json_",
    "application/javascript": "_repr_javascript_",
}
# The text that Python gives every object.
NO_TEXT = re.compile(r"<[^>]*( object|\bat 0x)[^>]*>")


class Display:
    def __init__(self, outside, figures):
        self.outside = outside
        self.figures = figures

    def show(self, value):
        if self.figures.show_value(value):
            return
        own = getattr(type(value), "_ipython_display_", None)
        if callable(own) and not isinstance(value, type):
            own(value)
            return
        bundle = represent(value, "_repr_mimebundle_", include=None, exclude=None)
        self.show_bundle(bundle if isinstance(bundle, dict) else {}, value)

    def show_bundle(self, bundle, value=None):
        """`bundle`: representations by their kind; what is missing is asked of `value`."""
        for kind, name in IMAGES.items():
            data = bundle.get(kind) or represent(value, name)
            if data and self.figures.show_data(data):
                return
        text = bundle.get("text/plain")
        if text is None and value is not None:
            text = repr(value)
        if text is None or NO_TEXT.fullmatch(text):
            text = rich_text(bundle, value) or text or ""
        self.write(text)

    def write(self, text):
        self.outside.stdout.write(shorten(str(text), RESULT_CAP) + "\n")


def represent(value, name, **arguments):
    """What the method says; None without it, and when it fails. Some return (data, metadata)."""
    method = getattr(type(value), name, None)
    if not callable(method) or isinstance(value, type):
        return None
    try:
        data = method(value, **arguments)
    except Exception:
        return None
    return data[0] if isinstance(data, tuple) and data else data


def rich_text(bundle, value):
    for kind, name in TEXTS.items():
        data = bundle.get(kind)
        data = represent(value, name) if data is None else data
        if data is None:
            continue
        if kind == "text/html":
            from threadmill.html_text import to_text

            return to_text(str(data))
        if kind == "application/json" and not isinstance(data, str):
            return json.dumps(data, indent=2, ensure_ascii=False, default=str)
        return str(data)
    return None
