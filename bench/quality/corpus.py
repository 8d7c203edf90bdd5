"""Writes the documentation that ships inside Python's standard library as one file a module: python3 corpus.py folder

Text, Markdown and HTML in turn. A document is the module's own description and those of its public functions and
classes, up to a length, as their authors wrote them.
"""

import ast
import html
import pathlib
import sys
import sysconfig

LENGTH = 2_200
SHORTEST = 150
SKIPPED = {
    "this",
    "antigravity",
    "__hello__",
    "test",
    "idlelib",
    "lib2to3",
    "turtledemo",
    "site-packages",
    "__phello__",
}


def describe(node):
    return (ast.get_docstring(node) or "").strip()


def sections(tree):
    for node in tree.body:
        named = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        if named and not node.name.startswith("_") and describe(node):
            yield node.name, describe(node)


def write(folder, name, count, about, parts):
    kind = ("txt", "md", "html")[count % 3]
    if kind == "html":
        body = "".join(f"<h2>{html.escape(head)}</h2><p>{html.escape(text)}</p>" for head, text in parts)
        text = f"<html><head><title>{name}</title></head><body><h1>{name}</h1><p>{html.escape(about)}</p>{body}</body></html>"
    else:
        mark = "## " if kind == "md" else ""
        text = "\n\n".join([f"{mark[1:]}{name}", about, *(f"{mark}{head}\n\n{text}" for head, text in parts)])
    (folder / f"{name}.{kind}").write_text(text, encoding="utf-8")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    root = pathlib.Path(sysconfig.get_paths()["stdlib"])
    count = 0
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if SKIPPED & set(parts) or any(part.startswith("_") and part != "__init__" for part in parts):
            continue
        name = ".".join(part for part in parts if part != "__init__")
        if name.count(".") > 1 or name.startswith("encodings.") or any(part in ("tests", "test") for part in parts):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
        about, chosen, size = describe(tree)[:LENGTH], [], 0
        for head, text in sections(tree):
            if len(about) + size + len(text) > LENGTH:
                continue
            chosen.append((head, text))
            size += len(text)
        if len(about) + size >= SHORTEST:
            write(folder, name, count, about, chosen)
            count += 1
    print(f"{count} documents")


main(pathlib.Path(sys.argv[1]))
