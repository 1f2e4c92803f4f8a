"""The loopback Hub, driven by the real client: what it does right, and how it misbehaves when told to."""

import random
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

MIB = 2**20
SNAPSHOT = "result = hf.snapshot_download('me/gan')"


@pytest.fixture(scope="module")
def weights():
    """More bytes than the client's downloads keep in memory at a time, which is 10 MiB."""
    return random.Random(0).randbytes(12 * MIB + 1)


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def downloads(hub):
    return [request for request in hub.requests if request.path.startswith("/download/")]


def changed_bits(some, others):
    assert len(some) == len(others)
    return sum((one ^ other).bit_count() for one, other in zip(some, others, strict=True) if one != other)


def test_commit_and_read_back(hub, hf_client, tmp_path, weights):
    (tmp_path / "model.h5").write_bytes(weights)
    publish = """
hf.create_repo("me/gan", private=True)
hf.create_repo("me/gan", exist_ok=True)
paths = {"README.md": b"---\\nlicense: mit\\n---\\n", "sub/empty": b"", "sub/model.h5": "model.h5"}
operations = [hf.CommitOperationAdd(path, content) for path, content in paths.items()]
result = hf.HfApi().create_commit("me/gan", operations, commit_message="Publish").oid
"""
    sha = hf_client(publish, token="hf_owner")
    expected = {"README.md": b"---\nlicense: mit\n---\n", "sub/empty": b"", "sub/model.h5": weights}
    assert hub.commits("me/gan")[0] == (sha, "Publish")
    assert {path: data for path, data in hub.files("me/gan").items() if path != ".gitattributes"} == expected

    folder = hf_client(SNAPSHOT, token="hf_owner")
    assert Path(folder).name == sha
    assert files_in(folder) == hub.files("me/gan")
    assert [request.authorized for request in downloads(hub)] == [False]


def test_same_content_uploads_nothing(hub, hf_client, weights):
    sha = hub.add_commit("me/gan", {"config.json": b"{}", "model.h5": weights[:100]})
    again = """
operations = [hf.CommitOperationAdd("config.json", b"{}"), hf.CommitOperationAdd("model.h5", bytes.fromhex(weights))]
result = hf.HfApi().create_commit("me/gan", operations, commit_message="Again").oid
"""
    assert hf_client(again, token="hf_owner", weights=weights[:100].hex()) == sha
    assert not [request for request in hub.requests if request.method == "PUT" or "/commit/" in request.path]


def test_delete(hub, hf_client):
    hub.add_commit("me/gan", {"old/a": b"a", "old/b": b"b", "kept": b"k", "gone": b"g"})
    delete = "hf.HfApi().create_commit('me/gan', list(map(hf.CommitOperationDelete, paths)), commit_message='Tidy')"
    hf_client(delete, token="hf_owner", paths=["old/", "gone"])
    assert set(hub.files("me/gan")) == {".gitattributes", "kept"}
    hf_client(delete, token="hf_owner", paths=["never"], raises="EntryNotFoundError")


COMMIT = """
operations = [hf.CommitOperationAdd("config.json", b"mine")]
hf.HfApi().create_commit("me/gan", operations, commit_message="Mine", parent_commit=parent)
"""


def test_stale_parent(hub, hf_client):
    parent = hub.add_commit("me/gan", {"config.json": b"old"})
    hub.before_commit(lambda: hub.add_commit("me/gan", {"config.json": b"theirs"}, "Theirs"))
    message = hf_client(COMMIT, token="hf_owner", parent=parent, raises="HfHubHTTPError")
    assert "412" in message and "A commit has happened since" in message
    assert hub.files("me/gan")["config.json"] == b"theirs"

    hf_client(COMMIT, token="hf_owner", parent=hub.commits("me/gan")[0][0])
    assert [title for _, title in hub.commits("me/gan")] == ["Mine", "Theirs", "A commit", "initial commit"]


def test_tag(hub, hf_client):
    sha = hub.add_commit("me/gan", {"config.json": b"first"})
    tag = """
api = hf.HfApi()
api.create_tag("me/gan", tag="v1/a")
api.create_tag("me/gan", tag="v1/a", exist_ok=True)
try:
    api.create_tag("me/gan", tag="v1/a")
except hf.errors.HfHubHTTPError as error:
    result = error.response.status_code
api.create_tag("me/gan", tag="spare")
api.delete_tag("me/gan", tag="spare")
"""
    assert hf_client(tag, token="hf_owner") == 409
    hub.add_commit("me/gan", {"config.json": b"second"})
    hub.add_tag("me/gan", "v2")
    assert hub.tags("me/gan") == {"v1/a": sha, "v2": hub.commits("me/gan")[0][0]}
    folder = hf_client("result = hf.snapshot_download('me/gan', revision='v1/a')")
    assert Path(folder).name == sha
    assert files_in(folder)["config.json"] == b"first"


def test_listings(hub, hf_client):
    first = hub.add_commit("me/gan", {"a/b/model.h5": b"weights", "a/config.json": b"{}"})
    second = hub.add_commit("me/gan", {"a/config.json": None})
    look = """
api = hf.HfApi()
api.create_branch("me/gan", branch="old", revision=first)
refs = api.list_repo_refs("me/gan")
info = api.model_info("me/gan", revision="old")
weights, folder = api.get_paths_info("me/gan", ["a/b/model.h5", "a", "none"], revision="old")
result = {
    "user": hf.whoami()["name"],
    "branches": {branch.name: branch.target_commit for branch in refs.branches},
    "info": [info.sha, info.private, [sibling.rfilename for sibling in info.siblings]],
    "top": [entry.path for entry in api.list_repo_tree("me/gan", revision=first)],
    "inside": [entry.path for entry in api.list_repo_tree("me/gan", "a", revision=first)],
    "all": [entry.path for entry in api.list_repo_tree("me/gan", recursive=True)],
    "commits": [commit.commit_id for commit in api.list_repo_commits("me/gan")],
    "lfs": [weights.size, weights.lfs.size, len(weights.lfs.sha256)],
    "folder": type(folder).__name__,
    "exist": [api.file_exists("me/gan", path, revision="old") for path in ("a/config.json", "none")],
}
"""
    seen = hf_client(look, token="hf_owner", first=first)
    assert seen == {
        "user": "me",
        "branches": {"main": second, "old": first},
        "info": [first, False, [".gitattributes", "a/b/model.h5", "a/config.json"]],
        "top": [".gitattributes", "a"],
        "inside": ["a/b", "a/config.json"],
        "all": [".gitattributes", "a", "a/b", "a/b/model.h5"],
        "commits": [sha for sha, _ in hub.commits("me/gan")],
        "lfs": [7, 7, 64],
        "folder": "RepoFolder",
        "exist": [True, False],
    }


def test_private_repository(hub, hf_client):
    hub.add_commit("me/gan", {"config.json": b"{}"}, private=True)
    assert "401" in hf_client(SNAPSHOT, raises="RepositoryNotFoundError")
    assert "404" in hf_client(SNAPSHOT, token="hf_reader", raises="RepositoryNotFoundError")
    assert "Invalid credentials" in hf_client(SNAPSHOT, token="hf_wrong", raises="HfHubHTTPError")
    assert files_in(hf_client(SNAPSHOT, token="hf_owner")) == hub.files("me/gan")


def test_no_right_to_write(hub, hf_client):
    parent = hub.add_commit("me/gan", {"config.json": b"{}"})
    assert "403" in hf_client(COMMIT, token="hf_reader", parent=parent, raises="HfHubHTTPError")
    assert "401" in hf_client(COMMIT, parent=parent, raises="RepositoryNotFoundError")
    assert "403" in hf_client("hf.create_repo('me/other')", token="hf_reader", raises="HfHubHTTPError")
    assert "Invalid user token" in hf_client("hf.whoami()", token="hf_wrong", raises="HfHubHTTPError")
    assert len(hub.commits("me/gan")) == 2 and list(hub.repos) == ["me/gan"]


def test_missing(hub, hf_client):
    hub.add_commit("me/gan", {"config.json": b"{}"})
    for repo in ("me/none", "none"):
        hf_client("hf.snapshot_download(repo)", repo=repo, raises="RepositoryNotFoundError")
    hf_client("hf.snapshot_download('me/gan', revision='v9')", raises="RevisionNotFoundError")
    hf_client("hf.hf_hub_download('me/gan', 'none.json')", raises="EntryNotFoundError")


def test_corrupt_files_are_kept_until_forced(hub, hf_client):
    hub.add_commit("me/gan", {"model.h5": b"weights", "config.json": b"{}"})
    hub.corrupt("model.h5", times=1)
    for _ in range(2):
        files = files_in(hf_client(SNAPSHOT))
        assert changed_bits(files["model.h5"], b"weights") == 1
        assert files["config.json"] == b"{}"
    healed = hf_client("result = hf.snapshot_download('me/gan', force_download=True)")
    assert files_in(healed) == hub.files("me/gan")


def test_corrupt_until_healed(hub, hf_client):
    hub.add_commit("me/gan", {"config.json": b"{}"})
    hub.corrupt("config.json")
    force = "result = Path(hf.hf_hub_download('me/gan', 'config.json', force_download=True)).read_text()"
    assert [hf_client(force) for _ in range(2)] == ["{|", "{|"]
    hub.heal()
    assert hf_client(force) == "{}"


def test_cut_once(hub, hf_client, weights):
    hub.add_commit("me/gan", {"model.h5": weights})
    hub.cut("model.h5", after_bytes=11 * MIB, times=1)
    assert files_in(hf_client(SNAPSHOT)) == hub.files("me/gan")
    assert [request.range for request in downloads(hub)] == [None, f"bytes={10 * MIB}-"]


def test_cut_always(hub, hf_client):
    hub.add_commit("me/gan", {"config.json": b"{}"})
    hub.cut("config.json", after_bytes=1)
    hf_client(SNAPSHOT, raises="RemoteProtocolError")


def test_ranges(hub):
    sha = hub.add_commit("me/gan", {"digits.txt": b"0123456789"})

    def part(range):
        url = f"{hub.endpoint}/me/gan/resolve/{sha}/digits.txt"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Range": range})) as response:
            return response.read(), response.headers["Content-Range"]

    assert part("bytes=2-4") == (b"234", "bytes 2-4/10")
    assert part("bytes=8-") == (b"89", "bytes 8-9/10")
    with pytest.raises(urllib.error.HTTPError, match="416"):
        part("bytes=10-")


def test_fail(hub, hf_client):
    hub.add_commit("me/gan", {"config.json": b"{}"})
    hub.fail(500, "/api/models/me/gan/revision/", times=1)
    assert "500" in hf_client(SNAPSHOT, raises="LocalEntryNotFoundError")
    hf_client(SNAPSHOT)


def test_stopped(hub, hf_client):
    hub.add_commit("me/gan", {"config.json": b"{}"})
    folder = hf_client(SNAPSHOT)
    hub.stop()
    assert hf_client("result = hf.snapshot_download('me/gan', local_files_only=True)") == folder
    hf_client("hf.model_info('me/gan')", raises="ConnectError")


def test_environment(hub, tmp_path, monkeypatch):
    for name in ("HF_TOKEN", "HF_HUB_CACHE", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_CACHE", "https_proxy"):
        monkeypatch.setenv(name, "foreign")
    environment = hub.environment(tmp_path, HF_HUB_OFFLINE="1")
    assert "foreign" not in environment.values() and "PATH" in environment
    assert (environment["HF_HUB_OFFLINE"], environment["HF_HOME"]) == ("1", str(tmp_path))
