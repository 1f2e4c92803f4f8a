"""The files of a preset: their names, limits and hashes, and the facts in `metadata.json`."""

import json
import warnings
from pathlib import Path
from typing import NamedTuple

from zoo.errors import PresetError, is_number, shown
from zoo.files import read_regular, sha256

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
HASHED_FILES = (CONFIG, WEIGHTS)
# The largest files that a preset may have, in bytes; those of the zoo take 12 MB at most.
LIMITS = {CONFIG: 4 * 1024**2, METADATA: 1024**2, WEIGHTS: 1024**3}
# Facts in `metadata.json` that cards and `zoo info` take for texts.
_TEXTS = ("class", "kind", "dataset", "dataset_licence", "weights_licence", "recipe")


class Location(NamedTuple):
    """Where a preset lies and what its files must hash to (None: the preset carries no hashes).

    `origin` is `"directory"`, `"bundled"`, `"cached"` or `"hub"`; a preset that is still to be fetched from the Hub
    has no directory.
    """

    directory: Path | None
    files: dict | None
    origin: str
    repo_id: str | None = None
    revision: str | None = None


def metadata_of(directory):
    """The facts in a preset directory's `metadata.json`; an empty dict where there is no such file.

    Raises:
        PresetError: the file does not parse.
    """
    path = directory / METADATA
    try:
        found = json.loads(read_regular(path, LIMITS[METADATA]))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        if isinstance(error, PresetError):
            raise
        raise PresetError(f"{path} is damaged ({error}); expected a JSON object.") from error
    if not isinstance(found, dict):
        raise PresetError(f"{path} is damaged: it holds a {type(found).__name__}, expected a JSON object.")
    for key in _TEXTS:
        if not isinstance(found.get(key), (str, type(None))):
            raise PresetError(f"{path} is damaged: its {key} is {shown(found[key])}, expected a text.")
    figures = found.get("metrics", {})
    if not isinstance(figures, dict) or not all(map(_is_figure, figures.values())):
        raise PresetError(f"{path} is damaged: its metrics are not figures with a value and a protocol.")
    return found


def _is_figure(figure):
    return (
        isinstance(figure, dict)
        and is_number(figure.get("value"))
        and isinstance(figure.get("protocol"), str)
        and all(figure.get(key) is None or is_number(figure[key]) for key in ("std", "real"))
    )


def stated_of(files, name):
    """Size and SHA-256 of a file as `files` of a manifest entry or `metadata.json` states them, None where not."""
    stated = files.get(name) if isinstance(files, dict) else None
    if isinstance(stated, dict) and isinstance(stated.get("size"), int) and isinstance(stated.get("sha256"), str):
        return stated
    return None


def verify(location):
    """Checks size and SHA-256 of a preset's files before anything reads them.

    Raises:
        PresetError: a file is missing, truncated or altered, or the hashes name a file outside of the preset.
    """
    for name in location.files if isinstance(location.files, dict) else ():
        if Path(name).name != name:
            raise PresetError(
                f"The preset in {location.directory} names the file {name!r}, expected a plain file name."
            )
    for name in HASHED_FILES:
        path = location.directory / name
        if not path.exists():
            raise PresetError(f"The preset in {location.directory} is incomplete: {name} is missing.")
        if not path.is_file() or path.stat().st_size > LIMITS[name]:
            raise PresetError(f"{path} is no regular file of at most {LIMITS[name]} bytes, as presets have.")
    if location.files is None:
        warnings.warn(
            f"The preset in {location.directory} carries no hashes, so its files cannot be verified.", stacklevel=3
        )
        return
    for name in HASHED_FILES:
        path = location.directory / name
        expected = stated_of(location.files, name)
        if expected is None:
            raise PresetError(
                f"The preset in {location.directory} states no size and SHA-256 of {name}; expected them under 'files'."
            )
        size = path.stat().st_size
        if size != expected["size"]:
            raise PresetError(f"{path} has {size} bytes, expected {expected['size']}: it is truncated or another file.")
        if sha256(path) != expected["sha256"]:
            raise PresetError(
                f"{path} does not match its SHA-256 {expected['sha256'][:12]}…: it was altered or damaged."
            )


def describe_file(path):
    """Size in bytes and SHA-256 of a file, as the manifest states them."""
    return {"sha256": sha256(path), "size": path.stat().st_size}
