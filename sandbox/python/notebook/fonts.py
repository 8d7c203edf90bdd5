"""Fonts for the scripts that matplotlib's own font lacks: every text of a figure falls back to those that are installed."""

import re

# The first is Debian's fonts-noto-cjk. A text opens all of them, so they are few.
FAMILIES = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "IPAGothic",
    "NanumGothic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Noto Sans Bengali",
    "Noto Sans Tamil",
    "Noto Sans Ethiopic",
    "FreeSans",
    "Unifont",
    "Symbola",
)
MISSING = re.compile(r"Glyph (\d+) ")
SHOWN = 20


def patch(font_manager):
    manager = getattr(font_manager, "FontManager", None)
    find = getattr(manager, "_find_fonts_by_props", None)
    if find is None:
        return  # before matplotlib 3.6 a text has one font
    installed = {font.name for font in font_manager.fontManager.ttflist}
    families = [family for family in FAMILIES if family in installed]

    def find_with_fallback(self, prop, *arguments, **options):
        paths = find(self, prop, *arguments, **options)
        for family in families:
            other = font_manager.FontProperties._from_any(prop).copy()
            other.set_family(family)
            path = self.findfont(other, fallback_to_default=False)
            if path not in paths:
                paths.append(path)
        return paths

    if families:
        import logging

        manager._find_fonts_by_props = find_with_fallback
        # Models name fonts of other systems; what they lack is drawn all the same.
        logging.getLogger("matplotlib.font_manager").addFilter(lambda record: "findfont" not in str(record.msg))


def without_glyphs(caught):
    """The characters that some of these warnings miss, and the other warnings."""
    missing, others = [], []
    for warning in caught:
        match = MISSING.match(str(warning.message))
        if match is None:
            others.append(warning)
        elif chr(int(match[1])) not in missing:
            missing.append(chr(int(match[1])))
    return "".join(missing[:SHOWN]), others
