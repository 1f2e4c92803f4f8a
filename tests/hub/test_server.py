"""The loopback Hub does right what the tests of fetching and publishing, which make it misbehave, take for granted."""

import json
import random
import urllib.error
import urllib.request
from pathlib import Path

import pytest


@pytest.mark.slow
def test_commit_and_read_back(hub, python, tmp_path):
    weights = random.Random(0).randbytes(2_000_000)
    (tmp_path / "model.h5").write_bytes(weights)
    publish = """
import json
import huggingface_hub as hf
hf.create_repo("me/gan", private=True)
hf.create_repo("me/gan", exist_ok=True)
paths = {"README.md": b"---\\nlicense: mit\\n---\\n", "sub/empty": b"", "sub/model.h5": "model.h5"}
operations = [hf.CommitOperationAdd(path, content) for path, content in paths.items()]
commit = hf.HfApi().create_commit("me/gan", operations, commit_message="Publish")
print(json.dumps([commit.oid, hf.snapshot_download("me/gan")]))
"""
    result = python(publish, home=tmp_path / "hf", token="hf_owner", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    sha, folder = json.loads(result.stdout)
    expected = {"README.md": b"---\nlicense: mit\n---\n", "sub/empty": b"", "sub/model.h5": weights}
    assert hub.commits("me/gan")[0] == (sha, "Publish")
    assert {path: data for path, data in hub.files("me/gan").items() if path != ".gitattributes"} == expected
    assert Path(folder).name == sha
    found = {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}
    assert found == hub.files("me/gan")
    # The storage of large files is opened by its address alone.
    assert [request.authorized for request in hub.requests if request.path.startswith("/download/")] == [False]


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


@pytest.mark.slow
def test_environment(hub, tmp_path, monkeypatch):
    for name in ("HF_TOKEN", "HF_HUB_CACHE", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_CACHE", "https_proxy"):
        monkeypatch.setenv(name, "foreign")
    environment = hub.environment(tmp_path, HF_HUB_OFFLINE="1")
    assert "foreign" not in environment.values() and "PATH" in environment
    assert (environment["HF_HUB_OFFLINE"], environment["HF_HOME"]) == ("1", str(tmp_path))
