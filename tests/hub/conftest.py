"""A Hub of its own for every test, and a way to run the real client against it."""

import hashlib
import json
import subprocess
import sys

import pytest
from processes import Python
from server import Hub

import zoo

TOKENS = {"hf_owner": "me", "hf_reader": "someone"}

# Runs the code it is given and prints, as the last line, what the code left in `result` or the error that ended it.
CLIENT = """
import json, sys, traceback
from pathlib import Path
import huggingface_hub as hf

names = {"hf": hf, "Path": Path, "result": None, **json.loads(sys.argv[2])}
try:
    exec(sys.argv[1], names)
    outcome = {"result": names["result"]}
except Exception as error:
    traceback.print_exc()
    outcome = {"errors": [kind.__name__ for kind in type(error).__mro__], "message": str(error)}
print()
print(json.dumps(outcome))
"""


@pytest.fixture
def hub():
    """A Hub with the users "me" and "someone", whose tokens are "hf_owner" and "hf_reader"."""
    hub = Hub(TOKENS)
    yield hub
    hub.stop()


@pytest.fixture
def hf_client(hub, tmp_path):
    """Returns `hf_client(code, token=None, raises=None, **names)`.

    It runs code that uses huggingface_hub as `hf` in a process of its own, with `names` as its variables, and returns
    what the code leaves in `result`. Code that has to fail with an error of the class `raises` makes it return the
    error's message. All clients of a test share one cache.
    """

    def run(code, token=None, raises=None, **names):
        command = [sys.executable, "-c", CLIENT, code, json.dumps(names)]
        environment = hub.environment(tmp_path / "hf", token)
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        outcome = json.loads(done.stdout.splitlines()[-1])
        if raises is None:
            assert "result" in outcome, done.stderr
            return outcome["result"]
        assert raises in outcome.get("errors", []), done.stdout + done.stderr
        return outcome["message"]

    return run


@pytest.fixture(scope="module")
def module_hub():
    """A Hub as `hub`, which the tests of a file share."""
    hub = Hub(TOKENS)
    yield hub
    hub.stop()


@pytest.fixture
def python(hub):
    """Returns `python(script, *arguments, home, token=None, ...)`, which runs the zoo in a process of its own."""
    return Python(hub)


@pytest.fixture(scope="module")
def module_python(module_hub):
    """As `python`, for the Hub that the tests of a file share."""
    return Python(module_hub)


@pytest.fixture(scope="session")
def preset(tmp_path_factory):
    """The directory of a tiny GAN's preset, with a picture of its samples."""
    from zoo.images import grid, write_png

    directory = tmp_path_factory.mktemp("presets") / "tiny"
    model = zoo.GAN((8, 8, 1), latent_dim=4, hidden_units=(16,))
    model.compile()
    model.save_to_preset(directory)
    write_png(directory / "samples.png", grid(model.generate(4, seed=0)))
    return directory


@pytest.fixture(scope="session")
def preset_files(preset):
    """Returns `preset_files(large=False)`: the files of the tiny preset, or of one that claims 12 MB of weights."""

    def files(large=False):
        found = {path.name: path.read_bytes() for path in preset.iterdir()}
        if large:
            weights = bytes(range(256)) * (12_000_000 // 256)
            metadata = json.loads(found["metadata.json"])
            stated = {"sha256": hashlib.sha256(weights).hexdigest(), "size": len(weights)}
            metadata["files"]["model.weights.h5"] = stated
            found |= {"model.weights.h5": weights, "metadata.json": json.dumps(metadata).encode()}
        return found

    return files
