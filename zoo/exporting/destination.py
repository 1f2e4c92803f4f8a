"""Where an export goes: its format and its place, checked before any work."""

import importlib.util
import json
import os
from pathlib import Path
from typing import NamedTuple

from zoo.errors import InputError, MissingDependencyError, shown
from zoo.files import expanded, storing

#: The suffix of a file of each format; a SavedModel is a folder.
FORMATS = {"onnx": ".onnx", "litert": ".tflite", "tf_saved_model": ""}
#: The file that describes an exported folder.
INDEX = "export.json"
# Packages that write a format besides TensorFlow.
_PACKAGES = {"onnx": ("onnx", "tf2onnx"), "litert": ("ai_edge_litert",), "tf_saved_model": ()}


class Destination(NamedTuple):
    """A checked place of an export.

    Attributes:
        path: `pathlib.Path` of a file or of a folder.
        format: key of `FORMATS`.
        is_file: whether `path` is the file of a single network.
    """

    path: Path
    format: str
    is_file: bool


def destination(path, format=None, argument="path"):
    """Checks where an export is to go.

    Args:
        path: str or path. A name with the suffix of the format is a file, a name without suffix a folder.
        format: `"onnx"`, `"litert"`, `"tf_saved_model"`, or None for that of the suffix; a folder is a SavedModel then.
        argument: str. What messages call `path`. Defaults to `"path"`.

    Returns:
        `Destination`.

    Raises:
        InputError: the format is unknown, the suffix is not that of the format, there is no folder to write in, or the
            path holds something else than an earlier export.
        MissingDependencyError: a package that writes the format is not installed.
    """
    path = expanded(path)
    given = f"{argument} is {shown(str(path))}"
    if format is None:
        format = next((each for each, suffix in FORMATS.items() if suffix == path.suffix), "tf_saved_model")
        fitting = ".onnx or .tflite"
    elif isinstance(format, str) and format in FORMATS:
        fitting = FORMATS[format]
    else:
        raise InputError(f"format is {shown(format)}, expected {', '.join(map(repr, FORMATS))} or None.")
    if path.suffix not in ("", FORMATS[format]):
        file = f", or one that ends in {fitting}" if fitting else ""
        raise InputError(f"{given}, expected the name of a folder, without a suffix{file}.")
    for package in _PACKAGES[format]:
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError(
                f"Exporting to {format} needs the package {package}: pip install 'generative-zoo[export]'."
            )
    with storing(path):
        _check_place(path, given)
    return Destination(path, format, is_file=path.suffix != "")


def _check_place(path, given):
    """Refuses a place where nothing can be written, or that holds something else than an earlier export."""
    is_file, place = path.suffix != "", Path(os.path.realpath(path))
    if not place.parent.is_dir():
        raise InputError(f"{given}, but there is no folder {str(place.parent)!r}.")
    if is_file and place.exists() and not place.is_file():
        raise InputError(f"{given}, which exists and is no file.")
    if not is_file and Path.cwd().is_relative_to(place):
        raise InputError(f"{given}, which is the current folder or holds it; expected another folder.")
    if not is_file and place.exists() and not _is_replaceable(place):
        raise InputError(f"{given}, which exists and is no export; expected a new or empty folder.")


def _is_replaceable(place):
    """Returns whether a place is an empty folder or an earlier export."""
    if not place.is_dir() or not any(place.iterdir()):
        return place.is_dir()
    try:
        return "networks" in json.loads((place / INDEX).read_bytes())
    except (OSError, ValueError, TypeError):
        return False
