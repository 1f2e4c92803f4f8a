"""Publishing presets to the Hugging Face Hub and fetching them: the only file that talks to it.

`publish` makes one commit on the parent that it inspected; `fetch` takes one snapshot of one commit and checks its
hashes before Keras opens a file. The client itself reads HF_TOKEN, HF_HOME, HF_ENDPOINT and HF_HUB_OFFLINE.
ZOO_HUB_DEADLINE sets the seconds after which a fetch or a push gives up.
"""

import concurrent.futures
import contextlib
import errno
import hashlib
import logging
import os
import re
import threading
import time
from pathlib import Path
from typing import NamedTuple

from zoo.errors import HubError, InputError, PresetError, printable, shown
from zoo.presets.card import CARD, PICTURES, SCHEME, card_and_metadata, read_files, read_text
from zoo.presets.files import CONFIG, HASHED_FILES, LIMITS, METADATA, WEIGHTS, metadata_of, stated_of
from zoo.version import __version__

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
# Limits that the Hub sets for names of repositories.
_LONGEST_REPOSITORY, _REFUSED_IN_REPOSITORY = 96, ("..", "--")
_REPOSITORY = re.compile(rf"{_NAME}/{_NAME}")
_REVISION = re.compile(r"[A-Za-z0-9][\w.+-]*(?:/[\w.+-]+)*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
# The client names a cache file after its ETag, so only hashes, as the Hub sends them, are accepted.
_ETAG = re.compile(r"[A-Za-z0-9_-]{1,128}")
# Maximum size in bytes of a file on the Hub.
_LIMITS = {**LIMITS, CARD: 1024**2}
_DEADLINE, _SECONDS = "ZOO_HUB_DEADLINE", 600


# === References ===


def parse(reference):
    """Parses `"hf://org/name@revision"`.

    Args:
        reference: str.

    Returns:
        Tuple `(repo_id, revision)`; the revision is None if the reference has none.

    Raises:
        InputError: the reference is malformed.
    """
    if not isinstance(reference, str):
        raise InputError(f"preset is {shown(reference)}, expected hf://org/name or hf://org/name@revision.")
    repo_id, _, revision = reference.removeprefix(SCHEME).partition("@")
    check_repo_id(repo_id, "preset")
    if "@" in reference:
        _check_revision(revision, "preset")
    return repo_id, revision or None


def check_repo_id(repo_id, argument="repo_id"):
    """Returns `repo_id`, or raises `InputError` unless it is a repository's name `org/name`."""
    is_name = isinstance(repo_id, str) and _REPOSITORY.fullmatch(repo_id) and len(repo_id) <= _LONGEST_REPOSITORY
    if not is_name or repo_id.endswith(".git") or any(part in repo_id for part in _REFUSED_IN_REPOSITORY):
        expected = "hf://org/name or hf://org/name@revision" if argument == "preset" else "org/name"
        raise InputError(f"{argument} names the repository {shown(repo_id)}, expected {expected}.")
    return repo_id


def check_names(repo_id, revision, tag):
    """Raises `InputError` if the name of a repository, branch or tag is malformed; `revision` and `tag` may be None."""
    check_repo_id(repo_id)
    for argument, value in (("revision", revision), ("tag", tag)):
        if value is not None:
            _check_revision(value, argument)


def _check_revision(revision, argument):
    if not isinstance(revision, str) or not _REVISION.fullmatch(revision) or ".." in revision:
        raise InputError(f"{argument} names the revision {shown(revision)}, expected a branch, a tag or a commit.")


# === Asking the client ===


def _asker(repo_id, revision=None, token=None):
    """Returns `ask(call, *arguments, **options)`, which makes every call of the client.

    All calls of one `ask` share a deadline, because the client's own timeouts restart with every byte. A call that
    misses the deadline continues in its daemon thread, which does not keep the process from ending; it downloads at
    most what `_LIMITS` allows.

    Every exception of a call becomes one `HubError`, because only the client's code runs in it. The client's exception
    is neither quoted nor chained, because its text, which includes headers, may hold a token.
    """
    seconds = _deadline()
    end = time.monotonic() + seconds

    def ask(call, *arguments, **options):
        answer = concurrent.futures.Future()

        def run():
            try:
                answer.set_result(call(*arguments, **options))
            except BaseException as error:  # noqa: BLE001 - the thread that waits raises it
                answer.set_exception(error)

        _escape_logs()
        threading.Thread(target=run, daemon=True).start()
        # This wait ends at once on Ctrl-C, unlike a call of the client.
        concurrent.futures.wait([answer], max(0, end - time.monotonic()))
        if not answer.done():
            from huggingface_hub import constants

            raise HubError(
                f"{constants.ENDPOINT} has not dealt with {repo_id!r} within {seconds:g} seconds; set {_DEADLINE} to "
                "more seconds to wait longer."
            )
        try:
            return answer.result()
        # `_download` raises HubError itself.
        except HubError:
            raise
        except Exception as error:  # noqa: BLE001 - the client lets through what a malformed answer makes Python raise
            raise HubError(_explanation(error, repo_id, revision, token)) from None

    return ask


def _deadline():
    """The number of seconds that a fetch or a push may take."""
    given = os.environ.get(_DEADLINE) or _SECONDS
    with contextlib.suppress(ValueError):
        if 0 < (seconds := float(given)) <= threading.TIMEOUT_MAX:
            return seconds
    raise InputError(f"The environment variable {_DEADLINE} is {given!r}, expected a number of seconds above 0.")


def _escape_logs():
    """Escapes control characters from a server, because the client repeats them in its warnings."""
    import huggingface_hub.utils  # noqa: F401 - makes the handler

    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(_escape_record)


def _escape_record(record):
    record.msg, record.args = printable(record.getMessage()), ()
    return True


def _explanation(error, repo_id, revision, token):
    from huggingface_hub import constants, errors, get_token

    if isinstance(error, errors.LocalTokenNotFoundError):
        return "No token is stored; set HF_TOKEN, or run `hf auth login`."
    # If nothing is cached, the client has the server's answer only as the cause of its exception.
    if isinstance(error.__cause__, errors.HfHubHTTPError):
        error = error.__cause__
    status = getattr(getattr(error, "response", None), "status_code", None)
    endpoint = constants.ENDPOINT
    subject = f"{repo_id!r} on {endpoint}"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"The repository {subject} has no revision {revision or 'main'!r}."
    if isinstance(error, errors.GatedRepoError):
        return f"The repository {subject} is gated; ask for access on its page, then set HF_TOKEN to your token."
    if isinstance(error, errors.RepositoryNotFoundError):
        if token is None and get_token() is None:
            return (
                f"There is no public repository {subject}; if it is private, set HF_TOKEN to a token that may read it."
            )
        return f"There is no repository {subject} that your token may read; check the name, or set another HF_TOKEN."
    if status == 401:
        return f"{endpoint} does not accept your token; set HF_TOKEN to a valid one (`hf auth login` stores it)."
    if status == 403:
        return f"Your token has no right to do this with {subject}; set HF_TOKEN to one that has."
    if status == 412:
        return (
            f"Somebody else pushed to {subject} since it was looked at; nothing was overwritten. Look at the new "
            "commit, then publish again."
        )
    if status is not None and status < 500:
        return f"{endpoint} refused the request about {repo_id!r} with status {status}."
    if isinstance(error, errors.OfflineModeIsEnabled):
        return f"HF_HUB_OFFLINE is set, so that {endpoint} cannot be asked about {repo_id!r}."
    if constants.is_offline_mode():
        return (
            f"{repo_id!r} is not wholly in the cache {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE forbids to fetch it."
        )
    # The client's own network errors are OSErrors, too, but have no error number.
    if isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOTDIR,
    ):
        return (
            f"The cache {constants.HF_HUB_CACHE} cannot be written ({error.strerror}); free space there, or point "
            "HF_HOME to another folder."
        )
    failure = f"{repo_id!r} could not be fetched or written"
    if status is not None:
        return f"{failure}: {endpoint} cannot be reached or answered with status {status}."
    if isinstance(error, (errors.HTTPError, OSError, errors.RevisionResolutionError)):
        # The client wraps the original exception.
        reason = type(error.__cause__ or error).__name__
        return f"{failure}: {endpoint} cannot be reached or failed with {reason}."
    return f"{failure}: an answer of {endpoint} or a setting of yours makes no sense ({type(error).__name__})."


def _api(token=None):
    from huggingface_hub import HfApi

    return HfApi(token=token, library_name="generative-zoo", library_version=__version__)


# === Fetching ===


def fetch(repo_id, revision, check):
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
    ask = _asker(repo_id, revision)
    commit = _commit_of(ask, repo_id, revision)

    def fetched(force=False):
        directory = _fetch_texts(ask, repo_id, commit, force)
        stated = stated_of(metadata_of(directory).get("files"), WEIGHTS)
        _fetch_file(ask, repo_id, commit, WEIGHTS, force, most=stated and stated["size"])
        return check(directory)

    try:
        return fetched()
    except PresetError as damage:
        try:
            return fetched(force=True)
        except HubError as error:
            raise PresetError(f"{damage} A new copy could not be fetched: {error}") from None


def cached(repo_id, revision):
    """Returns the directory of a snapshot that is completely cached, or None, without using the network."""
    ask = _asker(repo_id, revision)
    found = {name: _find(ask, repo_id, revision, name) for name in (*HASHED_FILES, METADATA)}
    # False means that the snapshot is known to have no metadata, which is optional.
    return found[CONFIG].parent if all(found[name] for name in HASHED_FILES) and found[METADATA] is not None else None


def fetch_texts(repo_id, revision):
    """Fetches the configuration and the metadata of a snapshot, if it has any, without its weights.

    Args:
        repo_id: `org/name`.
        revision: branch, tag or commit; None for the default branch.

    Returns:
        Directory of the snapshot.

    Raises:
        HubError, PresetError: as for `fetch`.
    """
    ask = _asker(repo_id, revision)
    return _fetch_texts(ask, repo_id, _commit_of(ask, repo_id, revision))


def _commit_of(ask, repo_id, revision):
    commit = ask(_api().resolve_revision, repo_id, revision=revision).resolved
    return _checked_commit(commit, repo_id)


def _checked_commit(commit, repo_id):
    """Returns a commit that a server or the cache names, if it is a hash; it becomes the name of a folder."""
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise HubError(f"The Hub names the commit {shown(commit)} of {repo_id!r}, expected 40 hexadecimal digits.")
    return commit


def _fetch_texts(ask, repo_id, commit, force=False):
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    for name in (METADATA, CONFIG):
        _fetch_file(ask, repo_id, commit, name, force)
    folder = repo_folder_name(repo_id=repo_id, repo_type="model")
    return Path(constants.HF_HUB_CACHE, folder, "snapshots", commit)


def _fetch_file(ask, repo_id, commit, name, force=False, most=None, token=None):
    """Downloads a file of a commit into the cache, unless it is cached or the commit has no such file.

    Args:
        ask: as `_asker` returns it.
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


# === Publishing ===


class Publication(NamedTuple):
    """The result of publishing: the repository, its commit of 40 hexadecimal digits, and whether that commit is new."""

    repo_id: str
    revision: str
    changed: bool


def default_repo_id(name):
    """Returns `user/name` for the user to whom the token belongs.

    Raises:
        HubError: there is no token, or the Hub does not accept it.
    """
    user = _asker(name)(lambda: _api().whoami()["name"])
    return f"{user}/{name}"


def publish(
    directory, repo_id, *, title=None, facts=None, revision=None, tag=None, private=False, token=None, message=None
):
    """Publishes a preset directory in one commit, then tags it; an unchanged preset makes no new commit.

    The repository is created if there is none. A model card that a person edited keeps its text, and metadata keys that
    the zoo does not write are kept, too.

    Args:
        directory: a preset directory whose files were verified.
        repo_id: `org/name`.
        title: heading of the card; default the repository's name.
        facts: dict of the manifest's facts about an official preset, for the card and `metadata.json`; default None.
        revision: branch to publish on, created if there is none; default `main`.
        tag: name of a tag for the commit; default None sets none.
        private: bool, whether a newly created repository is private; default False.
        token: default the one in HF_TOKEN or stored by `hf auth login`.
        message: message of the commit; default "Publish" and the title.

    Returns:
        `Publication`.

    Raises:
        InputError: the name of the repository, branch or tag is malformed.
        PresetError: the card beside the preset, its metadata or its configuration cannot be read.
        HubError: permission or connection is missing, the tag names another commit, or somebody else pushed meanwhile.
    """
    from huggingface_hub import CommitOperationAdd

    check_names(repo_id, revision, tag)
    api, branch, directory = _api(token), revision or "main", Path(directory)
    for name in (*HASHED_FILES, METADATA, CARD, *PICTURES):
        # A stranger's folder could link to a secret of the user's.
        if (directory / name).is_symlink():
            raise PresetError(f"{directory / name} is a link, expected a file to publish.")
    files = read_files(directory)
    # A card that cannot be made is refused before anything is created on the Hub.
    card_and_metadata(directory, files, repo_id, title, facts or {}, {})
    ask = _asker(repo_id, branch, token)
    ask(api.create_repo, repo_id, private=private, exist_ok=True)
    if revision is not None:
        ask(api.create_branch, repo_id, branch=branch, exist_ok=True)
    parent = _checked_commit(ask(api.repo_info, repo_id, revision=branch).sha, repo_id)
    there = ask(_published, api, repo_id, parent, [CARD, METADATA, *files])
    tags = ask(lambda: {found.name: found.target_commit for found in api.list_repo_refs(repo_id).tags})
    texts = {name: _fetch_file(ask, repo_id, parent, name, token=token) for name in (CARD, METADATA) if name in there}
    published = {name: read_text(path) for name, path in texts.items() if path is not None}
    contents = files | card_and_metadata(directory, files, repo_id, title, facts or {}, published)
    added = [
        CommitOperationAdd(name, content)
        for name, content in contents.items()
        if name not in there or not _is_same(content, there[name])
    ]
    if tag in tags and (added or tags[tag] != parent):
        raise HubError(f"The tag {tag!r} of {repo_id!r} names another commit already; choose another tag.")
    commit = parent
    if added:
        # Additions are uploaded one by one, because the client's upload threads would keep the process from ending.
        for addition in added:
            ask(api.preupload_lfs_files, repo_id, [addition], revision=branch)
        made = ask(
            api.create_commit,
            repo_id,
            added,
            commit_message=message or f"Publish {title or repo_id.split('/')[1]}",
            revision=branch,
            parent_commit=parent,
        )
        commit = _checked_commit(made.oid, repo_id)
    if tag is not None and tag not in tags:
        ask(api.create_tag, repo_id, tag=tag, revision=commit)
    return Publication(repo_id, commit, bool(added))


def _published(api, repo_id, commit, names):
    """Returns, by name, what the Hub states of those of these files that a commit has."""
    from huggingface_hub.hf_api import RepoFile

    found = api.get_paths_info(repo_id, names, revision=commit)
    return {file.path: file for file in found if isinstance(file, RepoFile)}


def _is_same(content, file):
    """Whether a file on the Hub has this content, judged by the hash that the Hub stores."""
    if file.lfs is not None:
        return file.lfs.sha256 == hashlib.sha256(content).hexdigest()
    return file.blob_id == hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
