"""Turns the links of a page in Markdown into links that work in the site.

The pages are read in the repository, too, where they link to files beside them. The site has pages of its own for the
cards of presets and for the pages at the top of the repository. Other files outside `docs` become links to the
repository where ZOO_REPOSITORY names its address, and downloads of the file's copy where it does not.
"""

import os
import re
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
# Address of the repository, such as https://github.com/me/generative-zoo; there is none yet.
REPOSITORY = os.environ.get("ZOO_REPOSITORY", "").rstrip("/")
# The suffix of the Markdown pages that are generated, so that nobody takes them for those that people wrote.
GENERATED = ".myst"
# Pages at the top of the repository that the site has, too.
PROJECT = ("CHANGELOG", "CONTRIBUTING", "ARCHITECTURE", "SECURITY")

_LINK = re.compile(r"(?<=\]\()(?!\w+:|#|/)([^)#\s]+)(#[^)\s]+)?(?=\))|(?<=<img src=\")(?!\w+:|/)([^\"]+)(?=\")")
_CODE = re.compile(r"(^ *```.*?^ *```$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)


def relinked(text, folder):
    """Returns a page in Markdown with the links of the site.

    Args:
        text: str. The page.
        folder: path of the folder in which it lies, to which its links are relative.
    """

    def replaced(found):
        path, anchor, source = found.groups()
        return linked((Path(folder) / (path or source)).resolve(), anchor or "")

    parts = _CODE.split(text)
    return "".join(part if index % 2 else _LINK.sub(replaced, part) for index, part in enumerate(parts))


def linked(target, anchor=""):
    """Returns the link of the site to a file or folder of the repository."""
    if target == DOCS / "guides":
        return "/auto_guides/index.rst"
    if target.is_relative_to(DOCS):
        return f"/{target.relative_to(DOCS).as_posix()}{anchor}"
    path = target.relative_to(ROOT)
    if path.match("zoo/weights/*/README.md"):
        return f"/gallery/{path.parent.name}{GENERATED}{anchor}"
    if path.suffix == ".md" and path.stem in PROJECT:
        return f"/project/{path.stem.lower()}{GENERATED}{anchor}"
    if path == Path("README.md"):
        return "/index.rst"
    if path.suffix in (".png", ".svg"):
        return f"/../{path.as_posix()}"
    if REPOSITORY:
        return f"{REPOSITORY}/blob/HEAD/{path.as_posix()}{anchor}"
    # A folder has no copy.
    return f"path:/../{path.as_posix()}" if target.is_file() else "/gallery/index.myst"


def project_pages():
    """Returns the pages at the top of the repository, and an index of them, a dict of texts by path."""
    index = "Project\n=======\n\n.. toctree::\n\n" + "".join(f"   {name.lower()}\n" for name in PROJECT)
    pages = {f"project/{name.lower()}{GENERATED}": (ROOT / f"{name}.md").read_text("utf-8") for name in PROJECT}
    return {"project/index.rst": index, **{path: relinked(text, ROOT) for path, text in pages.items()}}
