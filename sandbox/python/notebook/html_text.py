"""HTML as text: for values that show themselves as nothing else."""

import re
from html.parser import HTMLParser

BLOCKS = set("address article blockquote br caption dd div dl dt figure footer form h1 h2 h3 h4 h5 h6".split())
BLOCKS |= set("header hr li ol p pre section table tr ul".split())
HIDDEN = {"head", "script", "style", "template", "title"}


class Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.parts = []
        self.hidden = 0

    def handle_starttag(self, tag, attributes):
        if tag in HIDDEN:
            self.hidden += 1
        elif tag in BLOCKS:
            self.parts.append("\n- " if tag == "li" else "\n")
        elif tag == "img":
            self.parts.append(f"[image: {dict(attributes).get('alt') or 'without a description'}]")

    def handle_endtag(self, tag):
        if tag in HIDDEN:
            self.hidden = max(0, self.hidden - 1)
        elif tag in ("td", "th"):
            self.parts.append("\t")
        elif tag in BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data):
        if not self.hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def to_text(html):
    parser = Text()
    parser.feed(html)
    parser.close()
    lines = [re.sub(r" *\t *", "\t", line).strip() for line in "".join(parser.parts).split("\n")]
    return "\n".join(line for line in lines if line)
