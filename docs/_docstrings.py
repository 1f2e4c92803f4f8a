"""Turns the Markdown of docstrings into what Sphinx reads: code in fences, code in backticks, and indented formulas."""

import re

_SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Example|Examples):$", re.MULTILINE)
_FENCE = re.compile(r"^( *)```(\w+)\n(.*?)\n\1```$", re.MULTILINE | re.DOTALL)
_FORMULA = re.compile(r"(?<=\n\n)((?: {4}.*(?:\n+|\Z))+)")
_CODE = re.compile(r"(?<![`:\\])`([^`\n]+(?:\n[^`\n]+)?)`(?![`_])")
# What reStructuredText takes for markup: emphasis, substitutions, and references with an underscore at their end.
_MARKUP = re.compile(r"([*|]|(?<=\w)_(?!\w))")


def rest(text):
    """Returns a docstring as reStructuredText, which Napoleon then reads."""
    kept = []

    def keep(block):
        kept.append(block)
        return f"\0{len(kept) - 1}\0"

    def fence(found):
        indent, language, code = found.groups()
        lines = "\n".join(f"    {line}".rstrip() for line in code.split("\n"))
        return keep(f"{indent}.. code-block:: {language}\n\n{lines}\n")

    text = _FENCE.sub(fence, text)
    described, sections = _split(text)
    described = _FORMULA.sub(lambda found: keep(f".. code-block:: text\n\n{found[0]}"), described)
    text = _CODE.sub(lambda found: keep(f"``{' '.join(found[1].split())}``"), described + sections)
    text = _MARKUP.sub(r"\\\1", text)
    while kept:
        index = len(kept) - 1
        text = text.replace(f"\0{index}\0", kept.pop())
    return text


def _split(text):
    """Splits a docstring before its first section, since only there an indented paragraph is a formula."""
    first = _SECTION.search(text)
    return (text[: first.start()], text[first.start() :]) if first else (text, "")


def convert(app, what, name, obj, options, lines):
    """Handles `autodoc-process-docstring` before Napoleon does."""
    lines[:] = rest("\n".join(lines)).split("\n")
