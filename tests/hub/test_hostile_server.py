"""Servers that are broken or mean harm: whatever they answer, a fetch or a push ends soon and in one sentence.

One process asks for many repositories, each of which the loopback Hub spoils in another way.
"""

import concurrent.futures
import json
import re
import signal
import subprocess
import sys
import time

import pytest
from helpers import HOSTILE_TEXT, assert_harmless

pytestmark = pytest.mark.slow

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEAD = "http://127.0.0.1:1"
ASK = """
import json, sys
from zoo import hub, presets
from zoo.errors import ZooError

def publish(name):
    return hub.publish(sys.argv[1], f"me/{name}", revision="new")

def answer(name):
    try:
        return publish(name) and "published" if name.startswith("publish") else presets.obtain(f"hf://me/{name}").origin
    except ZooError as error:
        return f"{type(error).__name__}: {error}"

print(json.dumps({name: answer(name) for name in sys.argv[2:]}))
"""

# === What a server answers about a repository ===

INFO = {
    "no-json": {"body": b"<html>"},
    "nothing": {"body": b""},
    "a-list": {"body": b"[]"},
    "a-number": {"body": b"3"},
    "null": {"body": b"null"},
    "no-keys": {"body": b"{}"},
    "no-commit": {"body": b'{"id": "me/x"}'},
    "a-commit-that-is-a-number": {"body": b'{"id": "me/x", "sha": 5}'},
    "a-commit-that-is-a-path": {"body": b'{"id": "me/x", "sha": "../../x"}'},
    "files-that-are-a-number": {"body": b'{"id": "me/x", "siblings": 3}'},
    "a-date-that-is-a-list": {"body": b'{"id": "me/x", "createdAt": [1]}'},
    "a-million-brackets": {"body": b"[" * 1_000_000},
    "an-error-that-is-a-list": {"status": 400, "body": b"[1]"},
    "an-error-without-json": {"status": 418, "body": b"\x1b[2J\r\n"},
    "too-short-a-body": {"body": b"{}", "headers": {"Content-Length": 5000}},
    "a-length-that-is-no-number": {"body": b"{}", "headers": {"Content-Length": "many"}},
    "a-body-that-is-not-packed": {"body": b"{}", "headers": {"Content-Encoding": "gzip"}},
    "a-redirect-to-nowhere": {"status": 302, "headers": {"Location": f"{DEAD}/x"}},
    "a-redirect-to-nonsense": {"status": 302, "headers": {"Location": "http://[x"}},
    "a-redirect-to-another-protocol": {"status": 302, "headers": {"Location": "file:///etc/passwd"}},
    "a-redirect-without-a-place": {"status": 302},
}

# === What it announces of a file, and where it sends the client for it ===

GOOD = {"X-Repo-Commit": None, "ETag": '"0123"', "Content-Length": 10}
ANNOUNCED = {
    "an-etag-that-leads-out": ("config.json", {"ETag": '"../../../harmed"'}),
    "an-etag-that-is-a-path": ("config.json", {"ETag": '"{harm}"'}),
    "an-etag-of-dots": ("config.json", {"ETag": '".."'}),
    "no-etag": ("config.json", {"ETag": None}),
    "a-commit-header-that-leads-out": ("config.json", {"X-Repo-Commit": "../../../harmed"}),
    "another-commit-header": ("config.json", {"X-Repo-Commit": COMMIT}),
    "gigabytes-of-metadata": ("metadata.json", {"Content-Length": 3 * 2**30}),
    "gigabytes-of-configuration": ("config.json", {"Content-Length": 3 * 2**30}),
    "more-weights-than-stated": ("model.weights.h5", {"X-Linked-Size": 10**6}),
    "no-size": ("config.json", {"Content-Length": None}),
    "a-redirect-loop": ("config.json", {"Location": "{url}"}),
    "a-redirect-of-a-file-to-nonsense": ("config.json", {"Location": "http://[x"}),
}
REASONS = {
    "a-commit-that-is-a-path": "names the commit '../../x' of",
    "an-etag-that-leads-out": "with the ETag '../../../harmed', expected a hash",
    "no-etag": "with the ETag None",
    "a-commit-header-that-leads-out": "at the commit '../../../harmed', expected ",
    "a-missing-file-at-a-commit-that-leads-out": "at the commit '../../../harmed', expected ",
    "gigabytes-of-metadata": "announces metadata.json of 'me/gigabytes-of-metadata' with 3221225472 bytes, expected at "
    "most 1048576 bytes",
    "gigabytes-of-configuration": "with 3221225472 bytes, expected at most 4194304 bytes",
    "more-weights-than-stated": "with 1000000 bytes, expected at most ",
    "no-size": "with no size",
    "more-than-announced": "sends more of config.json of 'me/more-than-announced' than 4194304 bytes",
}

# === What it sends, and what it answers to a push; the client repeats some for seconds ===

SENT = ("more-than-announced", "fewer-than-announced", "a-missing-file-at-a-commit-that-leads-out")
PATIENT = ("a-file-that-is-always-cut", "weights-on-a-dead-host")
PUSHED = {
    "publish-created-nothing": ("POST /api/repos/create", {"body": b"[]"}),
    "publish-branch-is-refused": ("POST /api/models/me/publish-branch-is-refused/branch", {"status": 418}),
    "publish-lists-a-number": ("POST /api/models/me/publish-lists-a-number/paths-info", {"body": b"3"}),
    "publish-lists-odd-files": ("POST /api/models/me/publish-lists-odd-files/paths-info", {"body": b'[{"path": []}]'}),
    "publish-tags-without-names": ("GET /api/models/me/publish-tags-without-names/refs", {"body": b'{"tags": [{}]}'}),
    "publish-uploads-nowhere": ("POST /api/models/me/publish-uploads-nowhere/preupload", {"body": b'{"files": 3}'}),
    "publish-commits-nothing": ("POST /api/models/me/publish-commits-nothing/commit", {"body": b"{}"}),
    "publish-commits-a-path": (
        "POST /api/models/me/publish-commits-a-path/commit",
        {"body": b'{"commitOid": "../x", "commitUrl": "http://x/me/y/commit/z"}'},
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def answers(module_hub, module_python, preset, preset_files, folder):
    """What the zoo said of each repository."""
    for name, fault in INFO.items():
        module_hub.answer(f"GET /api/models/me/{name}", **fault)
    commits = {name: module_hub.add_commit(f"me/{name}", preset_files()) for name in (*ANNOUNCED, *SENT, *PATIENT)}
    for name, (file, headers) in ANNOUNCED.items():
        path = f"/me/{name}/resolve/{commits[name]}/{file}"
        given = {**GOOD, "X-Repo-Commit": commits[name], **headers}
        given = {
            key: value.format(harm=folder / "harmed", url=path) if isinstance(value, str) else value
            for key, value in given.items()
        }
        module_hub.answer(f"HEAD {path}", 302 if "Location" in headers else 200, headers=given)
    more, fewer, missing = (f"/me/{name}/resolve/{commits[name]}" for name in SENT)
    module_hub.answer(f"GET {more}/config.json", body=b" " * 30_000_000, headers={"Content-Length": None})
    module_hub.answer(f"GET {fewer}/config.json", body=b"{}")
    leading_out = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": "../../../harmed"}
    module_hub.answer(f"HEAD {missing}/metadata.json", 404, headers=leading_out)
    cut, dead = (f"/me/{name}/resolve/{commits[name]}" for name in PATIENT)
    module_hub.answer(f"GET {cut}/config.json", body=b"{", headers={"Content-Length": 100})
    linked = {"X-Repo-Commit": commits[PATIENT[1]], "X-Linked-ETag": '"0123"', "X-Linked-Size": 10}
    module_hub.answer(f"HEAD {dead}/model.weights.h5", 302, headers={**linked, "Location": f"{DEAD}/x"})
    for line, fault in PUSHED.values():
        if line != "POST /api/repos/create":
            module_hub.answer(line, **fault)

    def ask(*names):
        result = module_python(ASK, preset, *names, home=folder / "home", token="hf_owner")
        assert result.returncode == 0, result.stderr[-3000:]
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", result.stdout + result.stderr)
        return json.loads(result.stdout.splitlines()[-1])

    groups = [(*INFO, *ANNOUNCED, *SENT), [name for name in PUSHED if "created" not in name], *zip(PATIENT)]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = {
            name: said for answered in pool.map(lambda names: ask(*names), groups) for name, said in answered.items()
        }
    module_hub.answer("POST /api/repos/create", **PUSHED["publish-created-nothing"][1])
    return {**found, **ask("publish-created-nothing")}


@pytest.mark.parametrize("name", [*INFO, *ANNOUNCED, *SENT, *PATIENT, *PUSHED])
def test_a_hostile_server_gets_one_sentence(answers, name):
    assert re.fullmatch(r"(HubError|PresetError): [^\n]+\.", answers[name])
    assert REASONS.get(name, repr(f"me/{name}")) in answers[name]


def test_nothing_is_written_outside_of_the_cache(answers, folder):
    written = {path.relative_to(folder).parts[:2] for path in folder.rglob("*")}
    assert written <= {("home",), ("home", "hub"), ("home", "xet"), ("home", "assets")}
    assert not list(folder.rglob("harmed*"))


# === What `zoo info` shows ===

DESCRIBE = """
import sys
from zoo.cli import main
main(["info", sys.argv[1]], standalone_mode=False)
print(sorted({"keras", "tensorflow"} & set(sys.modules)))
"""


@pytest.fixture(scope="module")
def described(module_hub, module_python, tmp_path_factory):
    """What `zoo info` prints of a repository whose every text is hostile, and writes to standard error."""
    facts = dict.fromkeys(("class", "dataset", "weights_licence", "recipe", "commit", "machine"), HOSTILE_TEXT)
    facts |= {"files": {"model.weights.h5": {"size": 3, "sha256": HOSTILE_TEXT}}, "seed": {HOSTILE_TEXT: HOSTILE_TEXT}}
    facts["metrics"] = {HOSTILE_TEXT: {"value": 1, "protocol": HOSTILE_TEXT}}
    config = {"class_name": "Lambda"}
    texts = {"metadata.json": facts, "config.json": config}
    files = {name: json.dumps(content).encode() for name, content in texts.items()}
    commit = module_hub.add_commit("me/shouting", {**files, "model.weights.h5": b"abc"})
    warning = {"X-HF-Warning": "shout; \x1b[2J\x1b]0;owned\x07"}
    body = json.dumps({"id": "me/shouting", "sha": commit}).encode()
    module_hub.answer("GET /api/models/me/shouting", body=body, headers=warning)
    return module_python(DESCRIBE, "hf://me/shouting", home=tmp_path_factory.mktemp("described"), warm=False)


def test_info_shows_hostile_texts_as_text(described):
    assert_harmless(described.stdout)


def test_warnings_of_a_server_are_shown_as_text(described):
    assert described.stderr == "\\x1b[2J\\x1b]0;owned\\x07\n"


def test_info_says_whether_the_configuration_is_allowed(described):
    assert re.search(r"^  configuration     refused: .*Lambda", described.stdout, re.MULTILINE)


def test_info_fetches_no_weights_and_imports_no_keras(module_hub, described):
    paths = [request.path for request in module_hub.requests if "me/shouting" in request.path]
    assert any(path.endswith("config.json") for path in paths)
    assert not any(path.endswith(".h5") for path in paths)
    assert described.stdout.endswith("\n[]\n")


# === Proxies ===


@pytest.mark.parametrize(("proxy", "says"), [(DEAD, "cannot be reached"), ("nonsense://x", "makes no sense")])
def test_a_proxy_that_does_not_serve_is_one_sentence(hub, python, tmp_path, proxy, says):
    result = python(ASK, "", "gan", home=tmp_path / "home", HTTP_PROXY=proxy)
    assert re.search(rf"HubError: 'me/gan' could not be fetched or written: [^\n]*{says}", result.stdout)


# === Time ===


@pytest.mark.parametrize(("name", "file"), [("gan", "model.weights.h5"), ("publish-gan", "metadata.json")])
def test_a_download_that_drips_ends_at_the_deadline(hub, python, preset, preset_files, tmp_path, name, file):
    hub.add_commit(f"me/{name}", preset_files())
    hub.drip(file, 0.5)
    started = time.monotonic()
    result = python(ASK, preset, name, home=tmp_path / "home", token="hf_owner", ZOO_HUB_DEADLINE="2")
    assert time.monotonic() - started < 8
    assert f"{hub.endpoint} has not dealt with 'me/{name}' within 2 seconds; set ZOO_HUB_DEADLINE to" in result.stdout


def test_a_download_that_drips_is_interrupted_at_once(hub, preset_files, tmp_path):
    hub.add_commit("me/gan", preset_files())
    hub.drip("model.weights.h5", 0.5)
    # A job in the background of a shell starts with this signal ignored.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [sys.executable, "-c", heeding + ASK, "", "gan"]
    process = subprocess.Popen(command, env=hub.environment(tmp_path / "home"), stderr=subprocess.PIPE, text=True)
    while not any(request.method == "GET" and request.path.startswith("/download") for request in hub.requests):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    interrupted = time.monotonic()
    assert "KeyboardInterrupt" in process.communicate(timeout=20)[1]
    assert time.monotonic() - interrupted < 3


@pytest.mark.parametrize("seconds", ["soon", "0", "nan", "1e300"])
def test_a_deadline_that_is_no_time_is_refused(python, tmp_path, seconds):
    result = python(ASK, "", "gan", home=tmp_path / "home", ZOO_HUB_DEADLINE=seconds)
    assert f"InputError: The environment variable ZOO_HUB_DEADLINE is '{seconds}', expected a number" in result.stdout


# === The cache ===


def test_a_cached_file_that_leads_out_of_the_cache_is_refused(hub, python, preset_files, tmp_path):
    commit = hub.add_commit("me/gan", preset_files())
    assert '"cached"' in python(ASK, "", "gan", home=tmp_path / "home").stdout
    link = tmp_path / f"home/hub/models--me--gan/snapshots/{commit}/config.json"
    outside = link.resolve().rename(tmp_path / "config.json")
    link.unlink()
    link.symlink_to(outside)
    assert "leads out of the cache of 'me/gan'" in python(ASK, "", "gan", home=tmp_path / "home").stdout
