"""The names of repositories on the Hub, of their branches, tags and commits."""

import re

from zoo.errors import InputError, shown
from zoo.presets.card import SCHEME

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
# Limits that the Hub sets for names of repositories.
_LONGEST_REPOSITORY, _REFUSED_IN_REPOSITORY = 96, ("..", "--")
_REPOSITORY = re.compile(rf"{_NAME}/{_NAME}")
_REVISION = re.compile(r"[A-Za-z0-9][\w.+-]*(?:/[\w.+-]+)*")


def parse(reference: str) -> tuple[str, str | None]:
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
