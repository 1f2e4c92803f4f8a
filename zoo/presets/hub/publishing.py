"""Publishing presets to the Hub: one commit on the parent that was inspected, and a tag."""

import hashlib
import os
from pathlib import Path
from typing import Any, NamedTuple

from zoo.errors import HubError, PresetError
from zoo.presets.card import CARD, PICTURES, card_and_metadata, read_files, read_text
from zoo.presets.files import HASHED_FILES, METADATA
from zoo.presets.hub.client import asker, hub_api
from zoo.presets.hub.fetching import checked_commit, fetch_file
from zoo.presets.hub.references import check_names


class Publication(NamedTuple):
    """The result of publishing: the repository, its commit of 40 hexadecimal digits, and whether that commit is new."""

    repo_id: str
    revision: str
    changed: bool


def default_repo_id(name: str) -> str:
    """Returns `user/name` for the user to whom the token belongs.

    Raises:
        HubError: there is no token, or the Hub does not accept it.
    """
    user = asker(name)(lambda: hub_api().whoami()["name"])
    return f"{user}/{name}"


def publish(
    directory: str | os.PathLike[str],
    repo_id: str,
    *,
    title: str | None = None,
    facts: dict[str, Any] | None = None,
    revision: str | None = None,
    tag: str | None = None,
    private: bool = False,
    token: str | None = None,
    message: str | None = None,
) -> Publication:
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
    api, branch, directory = hub_api(token), revision or "main", Path(directory)
    for name in (*HASHED_FILES, METADATA, CARD, *PICTURES):
        # A stranger's folder could link to a secret of the user's.
        if (directory / name).is_symlink():
            raise PresetError(f"{directory / name} is a link, expected a file to publish.")
    files = read_files(directory)
    # A card that cannot be made is refused before anything is created on the Hub.
    card_and_metadata(directory, files, repo_id, title, facts or {}, {})
    ask = asker(repo_id, branch, token)
    ask(api.create_repo, repo_id, private=private, exist_ok=True)
    if revision is not None:
        ask(api.create_branch, repo_id, branch=branch, exist_ok=True)
    parent = checked_commit(ask(api.repo_info, repo_id, revision=branch).sha, repo_id)
    there = ask(_published, api, repo_id, parent, [CARD, METADATA, *files])
    tags = ask(lambda: {found.name: found.target_commit for found in api.list_repo_refs(repo_id).tags})
    texts = {name: fetch_file(ask, repo_id, parent, name, token=token) for name in (CARD, METADATA) if name in there}
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
        commit = checked_commit(made.oid, repo_id)
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
