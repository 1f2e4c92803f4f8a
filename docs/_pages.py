"""Writes generated pages, and removes those that are no longer generated."""

from _links import DOCS


def write(pages):
    """Writes pages into folders of `docs` that hold nothing else.

    Args:
        pages: dict of texts or bytes by path below `docs`. Files that are the same already stay untouched, so that
            Sphinx reads only what has changed.
    """
    wanted = {DOCS / path: text if isinstance(text, bytes) else text.encode() for path, text in pages.items()}
    for folder in {DOCS / path.split("/")[0] for path in pages}:
        for file in folder.rglob("*"):
            if file.is_file() and file not in wanted:
                file.unlink()
    for path, content in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
