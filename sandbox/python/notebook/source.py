"""The source of a cell as models write it: Python, also in fences, indented, with prompts or with notebook lines."""

import ast
import re
import textwrap

FENCED = re.compile(r"^[ \t]*(```+|~~~+)[^\n]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
PROMPT = re.compile(r"^(>>>|\.\.\.)( |$)")


def parse(source, filename):
    """The tree, the source that its lines are those of, and notes for the model. Raises SyntaxError."""
    try:
        return ast.parse(source, filename), source, []
    except SyntaxError:
        # Only source that is no Python is searched for these: strings may hold such lines too.
        bare = without_prompts(textwrap.dedent(unfenced(source.lstrip("\ufeff"))))
        cleaned, notes = without_notebook_lines(bare)
        if not notes and bare == source:
            raise
    return ast.parse(cleaned, filename), bare, notes


def is_silent(source):
    """Whether the cell ends with a semicolon, which says not to show its value."""
    if ";" not in source.rstrip().rsplit("\n", 1)[-1]:
        return False
    import io
    import tokenize

    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return False  # a notebook line
    beside = (tokenize.ENDMARKER, tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT)
    return next((token.string for token in reversed(tokens) if token.type not in beside), "") == ";"


def unfenced(source):
    blocks = [block for _, block in FENCED.findall(source)]
    return "\n".join(blocks) if blocks else source


def without_prompts(source):
    lines = source.strip("\n").split("\n")
    if not lines[0].startswith(">>>"):
        return source
    return "\n".join(line[4:] for line in lines if PROMPT.match(line))


def without_notebook_lines(source):
    """`!pip install x` and `%matplotlib inline` become `pass`, with a note each."""
    lines, notes = [], []
    for line in source.split("\n"):
        command = line.strip()
        if command.startswith(("!", "%")):
            indent = line[: len(line) - len(line.lstrip())]
            lines.append(indent + "pass")
            notes.append(f"Note: skipped `{shorten(command, 200)}`: {reason_to_skip(command)}")
        else:
            lines.append(line)
    return "\n".join(lines), notes


def reason_to_skip(command):
    words = command.lstrip("!%").split()
    if words and words[0] in ("pip", "pip3", "conda", "mamba", "apt", "apt-get"):
        return "there is no network, so packages cannot be installed; use those that are present."
    if command.startswith("!"):
        return "shell lines are not Python; use the subprocess module."
    return "notebook magics are not needed here."


def shorten(text, cap):
    if len(text) <= cap:
        return text
    head = cap * 6 // 10
    return f"{text[:head]}\n... [{len(text) - cap} characters cut] ...\n{text[head - cap :]}"
