"""The files of a preset: their names, limits and hashes, and the facts in `metadata.json`."""

import json
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from zoo.errors import PresetError, is_number, shown
from zoo.files import read_regular, sha256

#: Name of a file of a preset.
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
#: Names of the files whose hashes are verified.
HASHED_FILES = (CONFIG, WEIGHTS)
#: Maximum sizes of a preset's files in bytes; those of the zoo have at most 12 MB.
LIMITS = {CONFIG: 4 * 1024**2, METADATA: 1024**2, WEIGHTS: 1024**3}
# Keys of `metadata.json` that cards and `zoo info` treat as texts.
_TEXTS = ("class", "kind", "dataset", "dataset_licence", "weights_licence", "credit", "recipe")


class Location(NamedTuple):
    """The place of a preset and the hashes of its files.

    Attributes:
        directory: folder of the preset; None if it must first be fetched from the Hub.
        files: dict of the sizes and hashes by file name; None if the preset has none.
        origin: `"directory"`, `"bundled"`, `"cached"` or `"hub"`.
        repo_id: `org/name` of its repository on the Hub, or None.
        revision: branch, tag or commit in the repository, or None.
    """

    directory: Path | None
    files: dict | None
    origin: str
    repo_id: str | None = None
    revision: str | None = None


def config_of(directory: Path) -> Any:
    """Returns what a preset's `config.json` holds, which may be anything that JSON can be.

    Raises:
        FileNotFoundError: there is no such file.
        PresetError: it is not a regular file of bounded size.
        ValueError, RecursionError: it is not JSON, or nested too deeply.
    """
    return json.loads(read_regular(directory / CONFIG, LIMITS[CONFIG]))


def metadata_of(directory: Path) -> dict[str, Any]:
    """Returns the content of a preset directory's `metadata.json`, an empty dict if there is no such file.

    Raises:
        PresetError: the file does not parse or has values of wrong types.
    """
    path = directory / METADATA
    try:
        found = json.loads(read_regular(path, LIMITS[METADATA]))
    except FileNotFoundError:
        return {}
    except PresetError:
        raise
    except (ValueError, RecursionError) as error:
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


def stated_of(files: Any, name: str) -> dict[str, Any] | None:
    """Returns the dict of size and SHA-256 that a manifest entry or `metadata.json` states of a file, or None."""
    stated = files.get(name) if isinstance(files, dict) else None
    if isinstance(stated, dict) and isinstance(stated.get("size"), int) and isinstance(stated.get("sha256"), str):
        return stated
    return None


def verify(location: Location) -> None:
    """Checks size and SHA-256 of a preset's files before anything reads them, and warns if it has no hashes.

    Args:
        location: `Location` with a directory.

    Raises:
        PresetError: a file is missing, truncated or altered, or the hashes name a file outside the preset.
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
        if not path.is_file():
            raise PresetError(f"{path} is no regular file, as the files of a preset are.")
        if path.stat().st_size > LIMITS[name]:
            raise PresetError(f"{path} has {path.stat().st_size:,} bytes, expected at most {LIMITS[name]:,}.")
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


def describe_file(path: Path) -> dict[str, Any]:
    """Returns a dict of the SHA-256 and the size in bytes of a file, as the manifest states them."""
    return {"sha256": sha256(path), "size": path.stat().st_size}
