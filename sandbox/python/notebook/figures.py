"""What a cell draws, as PNG images: figures of matplotlib and images of Pillow.

Neither is imported here. When a cell imports them, `plt.show()` and `Image.show()` are made to give images; figures that
are still open at the end of the cell are given then.
"""

import io
import sys
import warnings

from threadmill import fonts

TOOLKITS = ("gtk3", "gtk4", "qt5", "qt", "tk", "wx", "macosx", "nbagg", "notebook", "ipympl", "webagg")
WITH_WINDOWS = {toolkit + kind for toolkit in TOOLKITS for kind in ("", "agg", "cairo")}
PYPLOT, PILLOW = "matplotlib.pyplot", "PIL.Image"


class Figures:
    def __init__(self, outside, imports):
        self.outside = outside
        self.limits = {"count": 0, "bytes": 0, "pixels": 0}
        self.shown = self.left_out = 0
        imports.add("matplotlib", self._patch_matplotlib)
        imports.add(PYPLOT, self._patch_pyplot)
        imports.add(PILLOW, self._patch_pillow)
        imports.add("matplotlib.font_manager", fonts.patch)

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
            if not is_empty(figure):
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
            with warnings.catch_warnings(record=True) as caught:
                warnings.filterwarnings("always", "Glyph ")
                figure.savefig(file, format="png", bbox_inches="tight")
            self._give(file.getvalue())
            self._warn(caught)
        except Exception as error:
            self._note(f"a figure could not be drawn: {type(error).__name__}: {error}")

    def _warn(self, caught):
        missing, others = fonts.without_glyphs(caught)
        for warning in others:
            self._note(str(warning.message))
        if missing:
            self._note(
                f"no installed font has {missing}, so the figure shows boxes instead. The Debian packages fonts-noto-cjk "
                "(Chinese, Japanese, Korean) and fonts-noto-core (other scripts) have them."
            )

    def show_data(self, data):
        """Shows the bytes of an image, or their base64; False when they are no image that can be read here."""
        import base64

        try:
            data = base64.b64decode(data) if isinstance(data, str) else bytes(data)
            if data.startswith(b"\x89PNG"):
                if not self._is_full():
                    self._give(data)
                return True
            from PIL import Image

            self._show_image(Image.open(io.BytesIO(data)))
            return True
        except Exception:
            return False

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

    def _patch_matplotlib(self, matplotlib):
        """A backend with windows would fail, now and in every later cell."""
        use = matplotlib.use

        def use_without_windows(backend, **options):
            if str(backend).lower() in WITH_WINDOWS:
                self._note(f"{backend} is not used: there are no windows. Figures are shown as images.")
            else:
                use(backend, **options)

        matplotlib.use = use_without_windows

    def _patch_pyplot(self, pyplot):
        def show(*_, **__):
            self.show_open()

        pyplot.show = show

    def _patch_pillow(self, pillow):
        def show(image, *_, **__):
            self._show_image(image)

        pillow.Image.show = show


def is_empty(figure):
    """Nothing was drawn, as in the figure that `plt.savefig` makes after `plt.show`."""
    kinds = ("axes", "artists", "lines", "patches", "texts", "images", "legends", "subfigs")
    return not any(getattr(figure, kind, ()) for kind in kinds)


def is_instance(value, module, name):
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)
