"""The exports follow from the files of the families: `ZOO_WRITE_TABLES=1` writes them."""

import ast
import os
import re
from pathlib import Path

import pytest

import zoo

PACKAGE = Path(zoo.__file__).parent
FAMILIES = sorted(path for path in (PACKAGE / "models").glob("*.py") if path.stem != "__init__")


def documented_classes(path):
    """The classes of a family's file whose docstring has an example: what users build and extend."""
    classes = [node for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.ClassDef)]
    return [node.name for node in classes if "Example:" in (ast.get_docstring(node) or "")]


def in_order(names):
    # The order of ruff: names in capitals come before the others.
    return sorted(names, key=lambda name: (not name.isupper(), name))


EXPORTS = {path.stem: in_order(documented_classes(path)) for path in FAMILIES}


def written(path, text):
    """The text of a file, after writing the expected one where the environment asks for it."""
    if os.environ.get("ZOO_WRITE_TABLES"):
        path.write_text(text, "utf-8")
    return path.read_text("utf-8")


def listed(names):
    return "__all__ = [\n" + "".join(f'    "{name}",\n' for name in names) + "]\n"


def test_every_family_is_exported():
    names = in_order(name for found in EXPORTS.values() for name in found)
    assert {"GAN", "VAE", "PixelCNN", "GenerativeModel"} <= set(names)
    imports = [f"from zoo.models.{stem} import {', '.join(found)}\n" for stem, found in EXPORTS.items() if found]
    docstring = '"""The model classes; importing this module registers them with Keras."""\n\n'
    expected = docstring + "".join(imports) + "\n" + listed(names)
    assert written(PACKAGE / "models" / "__init__.py", expected) == expected


def test_the_front_door_offers_every_family():
    front, names = PACKAGE / "__init__.py", [name for found in EXPORTS.values() for name in found]
    names = listed(in_order([*names, "list_presets", "load"]))
    expected = re.sub(r"__all__ = \[\n.*?\]\n", names, front.read_text("utf-8"), flags=re.S)
    assert written(front, expected) == expected


@pytest.mark.slow
def test_every_exported_class_is_registered_and_documented():
    for name in (name for found in EXPORTS.values() for name in found):
        documentation = getattr(zoo, name).__doc__
        assert all(f"\n    {part}:\n" in documentation for part in ("Args", "Raises", "Example")), name
