"""Finding a preset by name, folder or `hf://` reference, and fetching it if necessary."""

import os
import re

from zoo.errors import InputError, PresetError, check_flag, shown
from zoo.files import expanded
from zoo.presets import hub
from zoo.presets.catalogue import BUNDLED, entry_of, manifest
from zoo.presets.files import CONFIG, Location, metadata_of, verify


def resolve(preset: str | os.PathLike[str], bundled: bool = True) -> Location:
    """Locates a preset without opening its weights and without using the network.

    Args:
        preset: name of an official preset, a preset directory, or `"hf://org/name@revision"`.
        bundled: bool, whether to use the copy in this installation (default True) or the published one.

    Returns:
        `Location`; its directory is None if the preset must first be fetched.

    Raises:
        PresetError: the name is unknown, the directory is not a preset, or the official preset is neither bundled nor
            published.
        InputError: the `hf://` reference is malformed, or `bundled` is False for a directory.
    """
    if not isinstance(preset, (str, os.PathLike)):
        raise InputError(f"preset is {shown(preset)}, expected the name of a preset, a directory or hf://org/name.")
    check_flag(bundled, "bundled")
    text = os.fspath(preset)
    if text.startswith("hf://"):
        return _on_the_hub(*hub.parse(text), None)
    is_path = isinstance(preset, os.PathLike) or os.sep in text or text.startswith((".", "~"))
    if is_path or (text not in manifest() and os.path.isdir(text)):
        if not bundled:
            raise InputError(f"bundled is False, but {text!r} is a directory, which has no copy on the Hub.")
        directory = expanded(text)
        if not os.path.lexists(directory / CONFIG):
            raise PresetError(f"{text!r} is no preset directory: it has no {CONFIG}{_instead(text)}")
        return Location(directory, metadata_of(directory).get("files"), "directory")
    entry = entry_of(text)
    directory = BUNDLED / text
    if bundled and directory.is_dir():
        return Location(directory, entry["files"], "bundled")
    if entry.get("repo_id") is None:
        nor_bundled = "neither bundled with this installation nor" if bundled else "not"
        raise PresetError(f"The preset {text!r} is {nor_bundled} on the Hub yet.")
    return _on_the_hub(entry["repo_id"], entry["revision"], entry["files"])


def _instead(text):
    """The end of an error message that suggests what a path that is not a preset may have meant."""
    name = text.strip(os.sep)
    if name in manifest():
        return f"; did you mean {name}?"
    if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", text) and not os.path.exists(text):
        return f"; did you mean hf://{text}?"
    return "."


def _on_the_hub(repo_id, revision, files):
    directory = hub.cached(repo_id, revision)
    return Location(directory, files, "hub" if directory is None else "cached", repo_id, revision)


def obtain(preset: str | os.PathLike[str], bundled: bool = True) -> Location:
    """Locates a preset, fetches it if necessary and verifies its files.

    Args:
        preset, bundled: as for `resolve`.

    Returns:
        `Location` of files that are safe to open.

    Raises:
        PresetError, InputError: as for `resolve` and `verify`.
        HubError: as for `zoo.presets.hub.fetch`.
    """
    location = resolve(preset, bundled)
    if location.repo_id is None:
        verify(location)
        return location

    def check(directory):
        # The hashes of an official preset come from the installation, those of any other from its repository.
        files = location.files or metadata_of(directory).get("files")
        found = location._replace(directory=directory, files=files, origin="cached")
        verify(found)
        return found

    return hub.fetch(location.repo_id, location.revision, check)
