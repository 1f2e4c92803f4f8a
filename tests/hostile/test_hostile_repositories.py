"""Repositories made to harm: whatever they hold, no code of theirs runs, and the load ends in one sentence."""

import hashlib
import io
import json

import h5py
import numpy as np
import pytest

pytestmark = pytest.mark.slow

# One process loads them all, since TensorFlow takes seconds to import.
LOAD = """
import json, sys, warnings
import zoo
from zoo.errors import PresetError
answers = {}
for name in sys.argv[1:]:
    try:
        zoo.load(f"hf://me/{name}")
        answers[name] = "loaded"
    except PresetError as error:
        answers[name] = str(error)
print(json.dumps(answers))
"""


def with_generator(gan, **generator):
    """The configuration of a GAN whose generator is another object."""
    return {**gan, "config": {**gan["config"], "generator": generator}}


def system(command):
    """How Keras would write down a call of `os.system`, if it did."""
    return {"module": "os", "class_name": "system", "config": {"command": command}, "registered_name": None}


def switch(callee):
    """A functional network whose node calls a function of Keras' package while it is read."""
    function = {"module": "keras", "class_name": "function", "config": callee, "registered_name": callee}
    node = {
        "module": "keras.src.ops.core",
        "class_name": "Switch",
        "config": {},
        "registered_name": None,
        "name": "e",
        "inbound_nodes": [{"args": [0, [function], "float16"], "kwargs": {}}],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {"name": "network", "layers": [node], "input_layers": [], "output_layers": []},
        "registered_name": "Functional",
    }


CONFIGS = {
    "a-switch": lambda gan, harm: switch("config.set_floatx"),
    "a-switch-as-a-network": lambda gan, harm: with_generator(gan, **switch("config.set_floatx")),
    "an-unregistered-class": lambda gan, harm: {**gan, "registered_name": "evil>Model", "class_name": "Model"},
    "a-class-of-a-module-to-import": lambda gan, harm: {
        **gan,
        "module": "antigravity",
        "class_name": "Model",
        "registered_name": None,
    },
    "os-system": lambda gan, harm: system(f"touch {harm}"),
    "os-system-as-a-network": lambda gan, harm: with_generator(gan, **system(f"touch {harm}")),
    "a-function-of-os": lambda gan, harm: with_generator(
        gan, module="os", class_name="function", config="system", registered_name="system"
    ),
    "get-file": lambda gan, harm: with_generator(
        gan,
        module="keras.utils",
        class_name="get_file",
        config={"fname": harm, "origin": "http://127.0.0.1:1/x"},
        registered_name=None,
    ),
    "a-lambda": lambda gan, harm: with_generator(
        gan,
        module="keras.layers",
        class_name="Lambda",
        config={
            "name": "lambda",
            "function": {
                "class_name": "__lambda__",
                "config": {"code": "4wAAAAAAAAAA", "defaults": None, "closure": None},
            },
        },
        registered_name=None,
    ),
    "a-pickle": lambda gan, harm: with_generator(
        gan,
        module="keras.layers",
        class_name="TorchModuleWrapper",
        config={"module": "gASVHAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjARldmlslIWUUpQu"},
        registered_name=None,
    ),
    "not-a-model": lambda gan, harm: {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"units": 1},
        "registered_name": None,
    },
    "no-json": lambda gan, harm: "no json",
    "a-number": lambda gan, harm: 3,
}


def weights(change):
    """The bytes of a weights file that `change` has altered."""

    def changed(content):
        buffer = io.BytesIO(content)
        with h5py.File(buffer, "r+") as file:
            path = next(name for name in names(file) if name.endswith("/0"))
            change(file, path)
        return buffer.getvalue()

    return changed


def names(file):
    found = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def external_link(file, path):
    del file[path]
    file[path] = h5py.ExternalLink("/etc/hostname", "/")


def external_storage(file, path):
    shape = file[path].shape
    del file[path]
    file.create_dataset(path, shape, "uint8", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])


def absurd_shape(file, path):
    del file[path]
    file.create_dataset(path, (2**40,), "float32", chunks=(2**10,))


def another_shape(file, path):
    del file[path]
    file[path] = np.zeros((3, 5, 7), "float32")


def nothing_in_it(file, path):
    for key in list(file):
        del file[key]


WEIGHTS = {
    function.__name__.replace("_", "-"): weights(function)
    for function in (external_link, external_storage, absurd_shape, another_shape, nothing_in_it)
} | {"no-hdf5": lambda content: b"no hdf5 " * 1000}


@pytest.fixture(scope="module")
def answers(module_hub, module_python, preset_files, tmp_path_factory):
    """What `zoo.load` said of each repository; the harm none may have done is a file."""
    folder = tmp_path_factory.mktemp("hostile")
    harm = folder / "harmed"
    files = preset_files()
    config = json.loads(files["config.json"])
    for name, change in CONFIGS.items():
        module_hub.add_commit(f"me/{name}", vouched({**files, "config.json": encoded(change(config, str(harm)))}))
    for name, change in WEIGHTS.items():
        module_hub.add_commit(f"me/{name}", vouched({**files, "model.weights.h5": change(files["model.weights.h5"])}))
    module_hub.add_commit("me/harmless", vouched(files))
    result = module_python(LOAD, "harmless", *CONFIGS, *WEIGHTS, home=folder / "home", cwd=folder)
    assert result.returncode == 0, result.stderr[-3000:]
    found = json.loads(result.stdout.splitlines()[-1])
    found["files"] = sorted(path.name for path in folder.iterdir())
    return found


def encoded(config):
    return config.encode() if isinstance(config, str) else json.dumps(config).encode()


def vouched(files):
    """The files with metadata whose hashes vouch for them, as anybody can write them."""
    hashes = {
        name: {"sha256": hashlib.sha256(files[name]).hexdigest(), "size": len(files[name])}
        for name in ("config.json", "model.weights.h5")
    }
    return {**files, "metadata.json": json.dumps({"files": hashes}).encode()}


def test_the_harmless_one_loads(answers):
    assert answers["harmless"] == "loaded"


@pytest.mark.parametrize("name", [*CONFIGS, *WEIGHTS])
def test_a_hostile_repository_is_refused(answers, name):
    assert answers[name].startswith("The preset in ")
    assert "\n" not in answers[name]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a-switch", "holds keras.src.ops.core.Switch, which presets may not"),
        ("a-lambda", "holds keras.layers.Lambda, which presets may not"),
        ("a-pickle", "holds keras.layers.TorchModuleWrapper, which presets may not"),
        ("external-link", "link"),
        ("external-storage", "whose numbers lie in another file"),
    ],
)
def test_the_sentence_gives_the_reason(answers, name, reason):
    assert reason in answers[name]


def test_nothing_of_theirs_ran(answers):
    assert answers["files"] == ["home"]
