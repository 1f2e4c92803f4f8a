"""A Hub of its own for every test, and ways to run clients of it."""

import hashlib
import json

import pytest
from processes import Python
from server import Hub

import zoo

TOKENS = {"hf_owner": "me", "hf_reader": "someone"}


@pytest.fixture
def hub():
    """A Hub with the users "me" and "someone", whose tokens are "hf_owner" and "hf_reader"."""
    hub = Hub(TOKENS)
    yield hub
    hub.stop()


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
