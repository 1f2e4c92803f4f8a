"""Fetching presets from the Hub: whole, verified and pinned, or one clear sentence.

The client, its cache and the files are real; most cases stop where Keras would open the files, which spares an import
of TensorFlow each.
"""

import json
import os
import resource
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

REPO = "me/my-gan"
LOCAL = {"HF_HUB_OFFLINE": "1"}

# Prints what the preset's `Location` says, or the error as the command line would.
OBTAIN = """
import json, sys, warnings
from zoo import presets
from zoo.errors import ZooError
try:
    found = presets.obtain(sys.argv[1])
except ZooError as error:
    print(json.dumps({"error": str(error), "kind": type(error).__name__}))
else:
    files = {path.name: path.read_bytes()[:20].hex() for path in found.directory.iterdir()}
    print(json.dumps({"directory": str(found.directory), "origin": found.origin, "files": files}))
"""


@pytest.fixture
def published(hub, preset_files):
    """A preset with 12 MB of weights on the Hub; returns its commit."""
    return hub.add_commit(REPO, preset_files(large=True))


@pytest.fixture
def obtain(hub, python, tmp_path):
    """Runs `presets.obtain` in a process of its own and returns what it found, with what it wrote to stderr."""

    def run(preset=f"hf://{REPO}", home=tmp_path / "home", **options):
        result = python(OBTAIN, preset, home=home, **options)
        assert result.returncode == 0, result.stderr
        return {**json.loads(result.stdout), "stderr": result.stderr}

    return run


def sentence(found):
    """The error of a run that must fail, which is one sentence or two."""
    assert "error" in found, found
    assert "\n" not in found["error"] and found["error"].endswith(".")
    return found["error"]


def downloads(hub, name):
    return [request for request in hub.requests if request.method == "GET" and request.path.endswith(name)]


# === What is fetched ===


@pytest.mark.parametrize("reference", ["", "@main", "@v1", "@{commit}"])
def test_a_reference_names_the_default_branch_a_branch_a_tag_or_a_commit(hub, published, obtain, reference):
    hub.add_tag(REPO, "v1")
    found = obtain(f"hf://{REPO}" + reference.format(commit=published))
    assert found["origin"] == "cached"
    assert found["directory"].endswith(f"snapshots/{published}")
    assert {"config.json", "model.weights.h5", "metadata.json"} <= set(found["files"])


def test_all_files_come_from_one_commit(hub, published, obtain):
    found = obtain()
    resolved = [request.path for request in hub.requests if "/resolve/" in request.path]
    assert resolved and all(f"/resolve/{published}/" in path for path in resolved)
    # A pushed commit is seen by the next load, and an old one stays what it was.
    later = hub.add_commit(REPO, {"README.md": b"# New\n"})
    assert obtain()["directory"].endswith(later)
    assert obtain(f"hf://{REPO}@{published}")["directory"] == found["directory"]


def test_a_cached_commit_needs_no_network(hub, published, obtain):
    obtain(f"hf://{REPO}@{published}")
    hub.requests.clear()
    found = obtain(f"hf://{REPO}@{published}")
    assert found["stderr"] == ""
    assert hub.requests == []


@pytest.mark.parametrize(
    "reference",
    [
        "hf://me",
        "hf://me/a/b",
        "hf://../x",
        "hf://me/..",
        "hf://me/x@",
        "hf://me/x@../../y",
        "hf:///x",
        "hf://",
        "hf://me/model.git",
        "hf://me/na\u00efve",
        f"hf://me/{'x' * 97}",
    ],
)
def test_a_malformed_reference_is_refused(hub, obtain, reference):
    found = obtain(reference)
    assert found["kind"] == "InputError"
    assert "expected" in sentence(found)
    assert hub.requests == []


def test_a_repository_without_hashes_loads_with_a_warning(hub, preset_files, obtain):
    hub.add_commit(REPO, {name: data for name, data in preset_files().items() if name != "metadata.json"})
    found = obtain()
    assert "carries no hashes" in found["stderr"]
    assert set(found["files"]) == {"config.json", "model.weights.h5"}
    # That there are none is cached, too.
    assert obtain(**LOCAL)["directory"] == found["directory"]


# === Damage ===


def test_a_flipped_bit_is_healed_by_one_forced_download(hub, published, obtain):
    hub.corrupt("model.weights.h5", times=1)
    assert obtain()["origin"] == "cached"
    assert len(downloads(hub, "model.weights.h5")) >= 2
    hub.requests.clear()
    assert obtain()["origin"] == "cached"
    assert downloads(hub, "model.weights.h5") == []


def test_a_flipped_bit_that_the_server_keeps_serving_is_refused(hub, published, obtain):
    hub.corrupt("model.weights.h5")
    assert "model.weights.h5 does not match its SHA-256" in sentence(obtain())


def test_a_flipped_bit_in_the_configuration_is_refused(hub, published, obtain):
    hub.corrupt("config.json")
    assert "config.json does not match its SHA-256" in sentence(obtain())


def test_damage_in_the_cache_without_a_network_names_both(hub, published, obtain):
    hub.corrupt("model.weights.h5", times=2)
    assert "does not match" in sentence(obtain())
    hub.stop()
    assert "does not match" in (said := sentence(obtain()))
    assert "could not be fetched" in said


def test_a_connection_cut_in_the_middle_of_12_mb_is_resumed(hub, published, obtain):
    # The client writes what it gets in parts of 10 MiB.
    hub.cut("model.weights.h5", after_bytes=11_000_000, times=1)
    assert obtain()["origin"] == "cached"
    assert [request.range for request in hub.requests if request.range] == [f"bytes={10 * 2**20}-"]


def test_a_connection_that_is_always_cut_is_one_sentence(hub, published, obtain):
    hub.cut("model.weights.h5", after_bytes=0)
    found = obtain()
    assert found["kind"] == "HubError"
    assert f"{hub.endpoint} cannot be reached" in sentence(found)


# === Permission ===


def test_a_private_repository_without_a_token_says_what_to_set(hub, preset_files, obtain):
    hub.add_commit("me/secret", preset_files(), private=True)
    said = sentence(obtain("hf://me/secret"))
    assert "'me/secret'" in said and "set HF_TOKEN" in said


def test_a_private_repository_with_its_owners_token_loads(hub, preset_files, obtain):
    hub.add_commit("me/secret", preset_files(), private=True)
    assert obtain("hf://me/secret", token="hf_owner")["origin"] == "cached"


def test_a_private_repository_with_a_strangers_token_is_refused(hub, preset_files, obtain):
    hub.add_commit("me/secret", preset_files(), private=True)
    assert "another HF_TOKEN" in sentence(obtain("hf://me/secret", token="hf_reader"))


def test_an_invalid_token_says_what_to_set(hub, published, obtain):
    assert "does not accept your token; set HF_TOKEN" in sentence(obtain(token="hf_invalid"))


def test_a_malformed_token_appears_nowhere(hub, published, obtain):
    sentence(obtain(token="hf_torn\nsecret"))
    sentence(obtain(token="hf_ümlaut"))


@pytest.mark.parametrize("token", ["hf_invalid", "hf_torn\nsecret"])
def test_a_traceback_holds_no_token_either(hub, published, python, tmp_path, token):
    script = "import sys; from zoo import presets; presets.obtain(sys.argv[1])"
    result = python(script, f"hf://{REPO}", home=tmp_path / "home", token=token)
    # That no token is in it holds of every run.
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("zoo.errors.HubError: ")


def test_status_403_says_what_to_set(hub, published, obtain):
    hub.fail(403, f"/api/models/{REPO}")
    assert "set HF_TOKEN to one that has" in sentence(obtain(token="hf_reader"))


# === What does not exist ===


def test_a_missing_repository_is_named(hub, obtain):
    assert "'me/nothing'" in sentence(obtain("hf://me/nothing"))


@pytest.mark.parametrize("revision", ["nothing", "0" * 40])
def test_a_missing_revision_is_named(hub, published, obtain, revision):
    said = sentence(obtain(f"hf://{REPO}@{revision}"))
    assert f"has no revision {revision!r}" in said


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_a_missing_file_is_named(hub, published, obtain, name):
    hub.add_commit(REPO, {name: None})
    assert f"{name} is missing" in sentence(obtain())


# === No network ===


def test_a_server_that_is_down_leaves_the_cached_copy_and_says_so_once(hub, published, obtain):
    directory = obtain()["directory"]
    hub.stop()
    found = obtain()
    assert found["directory"] == directory
    assert found["stderr"].count("Could not reach the Hub") == 1


def test_a_server_error_leaves_the_cached_copy(hub, published, obtain):
    directory = obtain()["directory"]
    hub.fail(503, "/api/")
    assert obtain()["directory"] == directory


def test_a_server_that_is_down_with_nothing_cached_is_one_sentence(hub, obtain):
    hub.stop()
    assert f"{hub.endpoint} cannot be reached" in sentence(obtain())


def test_offline_reads_the_cache(hub, published, obtain):
    directory = obtain()["directory"]
    hub.requests.clear()
    assert obtain(**LOCAL)["directory"] == directory
    assert hub.requests == []


def test_offline_with_nothing_cached_says_why(hub, obtain):
    assert "HF_HUB_OFFLINE" in sentence(obtain(**LOCAL))


def test_offline_with_an_incomplete_cache_says_why(hub, published, obtain):
    directory = obtain()["directory"]
    os.unlink(os.path.join(directory, "model.weights.h5"))
    assert "HF_HUB_OFFLINE" in sentence(obtain(**LOCAL))


# === The machine ===


def test_two_processes_may_fetch_one_preset_at_once(hub, published, tmp_path):
    environment = hub.environment(tmp_path / "home")
    command = [sys.executable, "-c", OBTAIN, f"hf://{REPO}"]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [json.loads(process.communicate()[0]) for process in both]
    assert answers[0] == answers[1]
    assert answers[0]["origin"] == "cached"


def test_a_full_disk_is_one_sentence_and_heals(hub, published, obtain, tmp_path):
    # A limit on the size of files is what a process without privileges can make of a full disk.
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    said = sentence(obtain(preexec_fn=limit))
    assert "cannot be written" in said and "HF_HOME" in said
    assert obtain()["origin"] == "cached"


def test_a_cache_that_cannot_be_written_is_one_sentence(hub, published, obtain, tmp_path):
    # Permissions do not bind root, under whom tests may run; a file in the way binds everyone.
    (tmp_path / "file").write_text("")
    said = sentence(obtain(home=tmp_path / "file" / "home"))
    assert "cannot be written" in said and "HF_HOME" in said


# === Hostile repositories ===


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "sub/../../x"])
def test_a_path_out_of_the_preset_is_refused(hub, preset_files, obtain, name):
    files = preset_files()
    metadata = json.loads(files["metadata.json"])
    metadata["files"][name] = metadata["files"]["config.json"]
    hub.add_commit(REPO, {**files, "metadata.json": json.dumps(metadata).encode()})
    assert repr(name) in sentence(obtain())


@pytest.mark.parametrize("metadata", [b"{", b"[]", b'{"files": 3}', b'{"files": {"config.json": {}}}', b"\xff"])
def test_metadata_that_make_no_sense_are_refused(hub, preset_files, obtain, metadata):
    hub.add_commit(REPO, {**preset_files(), "metadata.json": metadata})
    assert sentence(obtain())
