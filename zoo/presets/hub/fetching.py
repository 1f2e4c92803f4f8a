"""Fetching presets from the Hub: one snapshot of one commit, checked before Keras opens a file."""

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from zoo.errors import HubError, PresetError, shown
from zoo.presets.card import CARD
from zoo.presets.files import CONFIG, HASHED_FILES, LIMITS, METADATA, WEIGHTS, metadata_of, stated_of
from zoo.presets.hub.client import asker, hub_api

_COMMIT = re.compile(r"[0-9a-f]{40}")
# The client names a cache file after its ETag, so only hashes, as the Hub sends them, are accepted.
_ETAG = re.compile(r"[A-Za-z0-9_-]{1,128}")
# Maximum size in bytes of a file on the Hub.
_LIMITS = {**LIMITS, CARD: 1024**2}


def fetch(repo_id: str, revision: str | None, check: Callable[[Path], Any]) -> Any:
    """Downloads one snapshot of a preset, unless it is cached, and calls `check` with its directory.

    Args:
        repo_id: `org/name`.
        revision: branch, tag or commit; None for the default branch. A cached commit needs no network. A branch or tag
            needs one; if the Hub is unreachable, its last known commit is used and the client warns.
        check: function that takes the directory and raises `PresetError` if files are damaged. The client does not
            verify downloads, so damaged files are downloaded once more.

    Returns:
        The result of `check`.

    Raises:
        HubError: the repository or revision does not exist, permission or disk space is missing, the Hub is unreachable
            and nothing is cached, or the deadline passed.
        PresetError: a file is too large, or damaged even after a second download.
    """
    ask = asker(repo_id, revision)
    commit = _commit_of(ask, repo_id, revision)

    def fetched(force=False):
        directory = _fetch_texts(ask, repo_id, commit, force)
        stated = stated_of(metadata_of(directory).get("files"), WEIGHTS)
        fetch_file(ask, repo_id, commit, WEIGHTS, force, most=stated and stated["size"])
        return check(directory)

    try:
        return fetched()
    except PresetError as damage:
        try:
            return fetched(force=True)
        except HubError as error:
            raise PresetError(f"{damage} A new copy could not be fetched: {error}") from None


def cached(repo_id: str, revision: str | None) -> Path | None:
    """Returns the directory of a snapshot that is completely cached, or None, without using the network."""
    ask = asker(repo_id, revision)
    found = {name: _find(ask, repo_id, revision, name) for name in (*HASHED_FILES, METADATA)}
    # False means that the snapshot is known to have no metadata, which is optional.
    return found[CONFIG].parent if all(found[name] for name in HASHED_FILES) and found[METADATA] is not None else None


def fetch_texts(repo_id: str, revision: str | None) -> Path:
    """Fetches the configuration and the metadata of a snapshot, if it has any, without its weights.

    Args:
        repo_id: `org/name`.
        revision: branch, tag or commit; None for the default branch.

    Returns:
        Directory of the snapshot.

    Raises:
        HubError, PresetError: as for `fetch`.
    """
    ask = asker(repo_id, revision)
    return _fetch_texts(ask, repo_id, _commit_of(ask, repo_id, revision))


def _commit_of(ask, repo_id, revision):
    commit = ask(hub_api().resolve_revision, repo_id, revision=revision).resolved
    return checked_commit(commit, repo_id)


def checked_commit(commit, repo_id):
    """Returns a commit that a server or the cache names, if it is a hash; it becomes the name of a folder."""
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise HubError(f"The Hub names the commit {shown(commit)} of {repo_id!r}, expected 40 hexadecimal digits.")
    return commit


def _fetch_texts(ask, repo_id, commit, force=False):
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    for name in (METADATA, CONFIG):
        fetch_file(ask, repo_id, commit, name, force)
    folder = repo_folder_name(repo_id=repo_id, repo_type="model")
    return Path(constants.HF_HUB_CACHE, folder, "snapshots", commit)


def fetch_file(ask, repo_id, commit, name, force=False, most=None, token=None):
    """Downloads a file of a commit into the cache, unless it is cached or the commit has no such file.

    Args:
        ask: as `asker` returns it.
        repo_id: `org/name`.
        commit: 40 hexadecimal digits.
        name: name of the file.
        force: bool, whether to download a cached file again; default False.
        most: maximum size in bytes, if smaller than the limit of such a file; default None.
        token: default None takes the token of the environment.

    Returns:
        Path of the file, or None if the commit has no such file.
    """
    if force or _find(ask, repo_id, commit, name) is None:
        announced = ask(_announced, repo_id, commit, name, token, not force)
        _check_announced(announced, repo_id, commit, name, min(_LIMITS[name], most or _LIMITS[name]))
        ask(_download, repo_id, commit, name, token, force)
    return _find(ask, repo_id, commit, name) or None


class _Announced(NamedTuple):
    """What a server states of a file before it sends it."""

    exists: bool
    commit: str | None
    etag: str | None = None
    size: int | None = None


def _announced(repo_id, commit, name, token, is_patient):
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import RemoteEntryNotFoundError

    url = hf_hub_url(repo_id, name, revision=commit)
    try:
        found = get_hf_file_metadata(url, token=token, retry_on_errors=is_patient)
    except RemoteEntryNotFoundError as error:
        return _Announced(False, error.response.headers.get(constants.HUGGINGFACE_HEADER_X_REPO_COMMIT, commit))
    return _Announced(True, found.commit_hash, found.etag, found.size)


def _check_announced(announced, repo_id, commit, name, limit):
    """Checks what the server announces before the client downloads, since its path comes from the commit and the
    ETag."""
    subject = f"The Hub announces {name} of {repo_id!r}"
    if announced.commit != commit:
        raise HubError(f"{subject} at the commit {shown(announced.commit)}, expected {commit}.")
    if not announced.exists:
        return
    if announced.etag is None or not _ETAG.fullmatch(announced.etag):
        raise HubError(f"{subject} with the ETag {shown(announced.etag)}, expected a hash.")
    if announced.size is None or announced.size > limit:
        size = "no size" if announced.size is None else f"{announced.size} bytes"
        raise PresetError(f"{subject} with {size}, expected at most {limit} bytes.")


def _download(repo_id, commit, name, token, force):
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError
    from huggingface_hub.utils import tqdm

    class Bar(tqdm):
        """The client's progress bar, which also stops a download that exceeds the limit of such a file."""

        received = 0

        def update(self, n=1):
            self.received += n
            if self.received > _LIMITS[name]:
                raise HubError(f"The Hub sends more of {name} of {repo_id!r} than {_LIMITS[name]} bytes.")
            return super().update(n)

    # The client records in the cache that a file is missing, so later calls do not request it again.
    with contextlib.suppress(RemoteEntryNotFoundError):
        hf_hub_download(repo_id, name, revision=commit, token=token, force_download=force, tqdm_class=Bar)


def _find(ask, repo_id, revision, name):
    """The path of a cached file; False if it is known not to exist, None if nothing is known of it."""
    from huggingface_hub import try_to_load_from_cache

    found = ask(try_to_load_from_cache, repo_id, name, revision=revision)
    if not isinstance(found, str):
        return None if found is None else False
    repository = Path(found).parents[2]
    # Repositories share the second folder.
    homes = [os.path.realpath(folder) for folder in (repository, repository.parent / "blobs")]
    if not any(Path(os.path.realpath(found)).is_relative_to(home) for home in homes):
        raise HubError(f"{found!r} leads out of the cache of {repo_id!r}, to {os.path.realpath(found)!r}; delete it.")
    return Path(found)
