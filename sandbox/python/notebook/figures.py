"""What a cell draws, as PNG images: figures of matplotlib and images of Pillow.

Neither is imported here. When a cell imports them, `plt.show()` and `Image.show()` are made to give images; figures that
are still open at the end of the cell are given then.
"""

import io
import sys

PYPLOT, PILLOW = "matplotlib.pyplot", "PIL.Image"


class Figures:
    def __init__(self, outside):
        self.outside = outside
        self.limits = {"count": 0, "bytes": 0, "pixels": 0}
        self.shown = self.left_out = 0
        sys.meta_path.insert(0, AfterImport({PYPLOT: self._patch_pyplot, PILLOW: self._patch_pillow}))

    def begin(self, limits):
        self.limits = limits
        self.shown = self.left_out = 0

    def end(self):
        """Gives the figures that are still open."""
        self.show_open()
        if self.left_out > 0:
            self._note(f"{self.left_out} more images were left out: a cell can show {self.limits['count']}.")

    def discard(self):
        """Closes what is open, without a look at it."""
        pyplot = sys.modules.get(PYPLOT)
        try:
            if pyplot is not None:
                pyplot.close("all")
        except Exception:
            pass

    def show_open(self):
        pyplot = sys.modules.get(PYPLOT)
        if pyplot is None:
            return
        try:
            figures = [pyplot.figure(number) for number in pyplot.get_fignums()]
        except Exception:
            return  # the cell has broken it
        for figure in figures:
            self._show_figure(figure)
        self.discard()

    def show_value(self, value):
        """Whether `value` is something to look at, which then was shown."""
        if is_instance(value, "matplotlib.figure", "Figure"):
            self._show_figure(value)
            pyplot = sys.modules.get(PYPLOT)
            if pyplot is not None:
                pyplot.close(value)
            return True
        if is_instance(value, PILLOW, "Image"):
            self._show_image(value)
            return True
        return False

    def _show_figure(self, figure):
        if self._is_full():
            return
        try:
            width, height = figure.get_size_inches() * figure.dpi
            if self._is_too_large(width, height):
                return
            file = io.BytesIO()
            figure.savefig(file, format="png", bbox_inches="tight")
            self._give(file.getvalue())
        except Exception as error:
            self._note(f"a figure could not be drawn: {type(error).__name__}: {error}")

    def _show_image(self, image):
        if self._is_full():
            return
        try:
            if self._is_too_large(*image.size):
                return
            file = io.BytesIO()
            if image.mode not in ("1", "L", "LA", "I", "P", "RGB", "RGBA"):
                image = image.convert("RGB")
            image.save(file, format="PNG")
            self._give(file.getvalue())
        except Exception as error:
            self._note(f"an image could not be shown: {type(error).__name__}: {error}")

    def _is_full(self):
        full = self.shown >= self.limits["count"]
        if full:
            self.left_out += 1
        return full

    def _is_too_large(self, width, height):
        large = width * height > self.limits["pixels"]
        if large:
            limit = self.limits["pixels"] / 1_000_000
            self._note(f"an image of {width:.0f} x {height:.0f} pixels was left out: the limit is {limit:g} million.")
        return large

    def _give(self, png):
        if len(png) > self.limits["bytes"]:
            self._note(f"an image of {len(png)} bytes was left out: the limit is {self.limits['bytes']}.")
            return
        # Cropping to what is drawn may also have made it larger.
        width, height = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
        if self._is_too_large(width, height):
            return
        self.shown += 1
        self.outside.image(png)

    def _note(self, text):
        self.outside.stdout.write(f"Note: {text}\n")

    def _patch_pyplot(self, pyplot):
        def show(*_, **__):
            self.show_open()

        pyplot.show = show

    def _patch_pillow(self, pillow):
        def show(image, *_, **__):
            self._show_image(image)

        pillow.Image.show = show


class AfterImport:
    """Calls a function with each of some modules, right after it was imported for the first time."""

    def __init__(self, actions):
        self.actions = actions
        self.searching = False

    def find_spec(self, name, path=None, target=None):
        action = self.actions.get(name)
        if action is None or self.searching:
            return None
        from importlib.util import find_spec

        self.searching = True
        try:
            spec = find_spec(name)
        finally:
            self.searching = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                action(module)

            spec.loader.exec_module = exec_module
        return spec


def is_instance(value, module, name):
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)
