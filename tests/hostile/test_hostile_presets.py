"""Presets made to harm: they run no code, change nothing in the process, and end in one sentence, soon."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from helpers import ROOT, tiny_gan, tiny_vae
from hostile.tables import assert_table

from zoo import presets

pytestmark = pytest.mark.slow

MOST_SECONDS, MOST_MEGABYTES = 3.0, 1024.0
SYMBOLIC = {
    "class_name": "__keras_tensor__",
    "config": {"shape": [None, 4], "dtype": "float32", "keras_history": ["latents", 0, 0]},
}


# === Configurations ===


def functional(*layers):
    """A functional network of an input and further layers, as Keras writes one."""
    inputs = {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {"batch_shape": [None, 4], "dtype": "float32", "sparse": False, "name": "latents"},
        "registered_name": None,
        "name": "latents",
        "inbound_nodes": [],
    }
    return {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {
            "name": "network",
            "trainable": True,
            "layers": [inputs, *layers],
            "input_layers": [["latents", 0, 0]],
            "output_layers": [["latents", 0, 0]],
        },
        "registered_name": "Functional",
    }


def layer(module, class_name, config, *arguments, **keywords):
    """A layer or operation of a functional network, called once on these arguments."""
    return {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": None,
        "name": "e",
        "inbound_nodes": [{"args": list(arguments), "kwargs": keywords}],
    }


def function(name, module="keras"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def switch(callee, *arguments):
    """A node at which Keras calls any function or constructor of its package while it reads the network."""
    return functional(layer("keras.src.ops.core", "Switch", {}, 0, [callee], *arguments))


def lambda_of(code):
    value = {"class_name": "__lambda__", "config": {"code": code, "defaults": None, "closure": None}}
    return layer("keras.layers", "Lambda", {"name": "e", "function": value}, SYMBOLIC)


def called(module, class_name, config):
    return functional(layer(module, class_name, config, SYMBOLIC))


# Each as a network of its own, which also stands for the generator of a GAN.
NETWORKS = {
    "a switch that builds a layer around a saved model": lambda path: switch(
        function("layers.TFSMLayer"), f"{path}/saved_model", "serve"
    ),
    "a switch that sets the dtype policy": lambda path: switch(function("config.set_dtype_policy"), "float16"),
    "a switch that sets floatx": lambda path: switch(function("config.set_floatx"), "float16"),
    "a switch that sets the backend": lambda path: switch(function("config.set_backend"), "jax"),
    "a switch that sets seeds": lambda path: switch(function("utils.set_random_seed"), 1),
    "a switch that downloads": lambda path: switch(function("datasets.cifar10.load_data")),
    "a switch that opens files": lambda path: switch(function("saving.KerasFileEditor"), f"{path}/model.keras"),
    "a condition that calls": lambda path: functional(
        layer("keras.src.ops.core", "Cond", {}, True, function("config.set_floatx"), function("config.set_floatx"))
    ),
    "a map that calls": lambda path: functional(
        layer("keras.src.ops.core", "Map", {}, function("config.set_floatx"), ["float16"])
    ),
    "a vectorized map that calls": lambda path: functional(
        layer("keras.src.ops.core", "VectorizedMap", {"function": function("config.set_floatx")}, ["float16"])
    ),
    "a loop that calls": lambda path: functional(
        layer("keras.src.ops.core", "ForiLoop", {}, 0, 1, function("config.set_floatx"), "float16")
    ),
    "a layer that computes on numbers": lambda path: functional(
        layer("keras.layers", "UpSampling2D", {"size": [30_000, 30_000]}, [[[[1.0]]]])
    ),
    "a function among a layer's arguments": lambda path: functional(
        layer("keras.layers", "Dense", {"units": 4}, SYMBOLIC, function("config.set_floatx"))
    ),
    "an activation that is no activation": lambda path: called(
        "keras.layers", "Activation", {"activation": function("set_floatx", "keras.config")}
    ),
    "a builtin that is no activation": lambda path: called(
        "keras.layers", "Activation", {"activation": function("get", "builtins")}
    ),
    "a network in the legacy form": lambda path: functional(
        {"class_name": "Lambda", "config": {}, "name": "e", "inbound_nodes": [[["latents", 0, 0, {}]]]}
    ),
    "a text of a gigabyte": lambda path: called(
        "keras.layers",
        "Rescaling",
        {"scale": {"class_name": "__numpy__", "config": {"value": ["x"], "dtype": "U999999999"}}},
    ),
    "a type specification": lambda path: called(
        "keras.layers",
        "Dense",
        {
            "units": {
                "class_name": "__typespec__",
                "spec_name": "TensorSpec",
                "module": "tensorflow",
                "registered_name": None,
                "config": [],
            }
        },
    ),
    "CVE-2024-3660: a lambda": lambda path: functional(lambda_of("4wAAAAAAAAAA")),
    "CVE-2025-1550: a function of any module": lambda path: functional(
        layer("keras.layers", "Dense", {"units": 4}, SYMBOLIC),
        {**layer("os", "function", "system", f"touch {path}/harm"), "registered_name": "system"},
    ),
    "CVE-2025-1550: a class of any module": lambda path: called("antigravity", "Model", {}),
    "CVE-2025-8747: a lambda that fetches a file": lambda path: functional(
        layer(
            "keras.layers",
            "Lambda",
            {
                "name": "e",
                "function": function("get_file", "keras.utils"),
                "arguments": {"origin": "http://127.0.0.1:1"},
            },
            f"{path}/harm",
        )
    ),
    "CVE-2025-9906: a lambda that allows code": lambda path: functional(
        layer(
            "keras.layers",
            "Lambda",
            {"name": "e", "function": function("enable_unsafe_deserialization", "keras.config")},
        )
    ),
    "CVE-2025-12058: a vocabulary in a file": lambda path: called(
        "keras.layers", "StringLookup", {"vocabulary": f"{path}/secret.txt"}
    ),
    "CVE-2025-12060: an archive that unpacks anywhere": lambda path: switch(
        function("utils.get_file"), "x.tar", f"file://{path}/x.tar", True
    ),
    "CVE-2025-49655: a pickle of PyTorch": lambda path: called(
        "keras.layers", "TorchModuleWrapper", {"module": "gASVHAAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjARldmlslIWUUpQu"}
    ),
    "CVE-2026-1462: a saved model": lambda path: called(
        "keras.layers", "TFSMLayer", {"filepath": f"{path}/saved_model", "call_endpoint": "serve"}
    ),
    "a registered name beside another class": lambda path: functional(
        {
            "class_name": "Lambda",
            "registered_name": "zoo>GAN",
            "config": {"name": "e", "function": "zoo>R1"},
            "name": "e",
            "inbound_nodes": [],
        }
    ),
    "a registered name with a module beside another class": lambda path: functional(
        layer("keras.layers", "Lambda", {"function": "zoo>R1"}, SYMBOLIC) | {"registered_name": "zoo>GAN"}
    ),
    "a function without a name": lambda path: functional({"class_name": "function", "name": "e", "inbound_nodes": []}),
    "a node that calls on a list": lambda path: functional(
        layer("keras.layers", "Dense", {"units": 4}, {"class_name": []})
    ),
    "an optimizer with a regular expression": lambda path: {
        **functional(),
        "compile_config": {
            "optimizer": {
                "module": "keras.optimizers",
                "class_name": "Muon",
                "config": {"exclude_layers": ["(a+)+$"]},
                "registered_name": None,
            }
        },
    },
    "a metric of endless thresholds": lambda path: called("keras.metrics", "AUC", {"num_thresholds": 10**9}),
    "statistics of an endless input": lambda path: called("keras.layers", "Normalization", {"mean": 0, "variance": 1}),
    "a JAX function": lambda path: called("keras.layers", "JaxLayer", {"call_fn": function("config.set_floatx")}),
}


# === Files of weights ===


def first_array(file):
    found = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found[0]


def external_link(file, name):
    del file[name]
    file[name] = h5py.ExternalLink("/etc/hostname", "/")


def soft_link(file, name):
    del file[name]
    file[name] = h5py.SoftLink("/elsewhere")


def external_storage(file, name):
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape, "uint8", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])


def virtual_dataset(file, name):
    shape = file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape=shape, dtype="uint8")
    layout[...] = h5py.VirtualSource("/etc/hostname", "x", shape=shape)
    file.create_virtual_dataset(name, layout)


def shape_bomb(file, name):
    del file[name]
    file.create_dataset(name, (2**40,), "float32", chunks=(2**10,))


def packed_bomb(file, name):
    del file[name]
    file.create_dataset(name, (2**28,), "float32", chunks=(2**20,), compression="gzip", fillvalue=0)


def many_links(file, name):
    below = file.create_group("links0")
    below["x"] = file[name]
    for level in range(1, 30):
        group = file.create_group(f"links{level}")
        group["a"], group["b"] = below, below
        below = group


def circle(file, name):
    group = file.create_group("circle")
    group["again"] = group


def not_a_number(file, name):
    file[name][...] = np.nan


def infinite(file, name):
    file[name][...] = np.inf


def complex_numbers(file, name):
    value = file[name][()]
    del file[name]
    file[name] = value + 1j


def large_attribute(file, name):
    file[name].attrs["dtype"] = np.zeros(1000, "int8")


def texts(file, name):
    del file[name]
    file[name] = np.array(["a", "b"], dtype=h5py.string_dtype())


def another_shape(file, name):
    del file[name]
    file[name] = np.zeros((3, 5, 7), "float32")


def nothing_in_it(file, name):
    for key in list(file):
        del file[key]


def legacy_model(file, name):
    nothing_in_it(file, name)
    code = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {"function": "x"}}]}}
    file.attrs["model_config"] = json.dumps(code)


WEIGHTS = {
    "CVE-2025-9905: a legacy file": legacy_model,
    "CVE-2026-0897: an absurd shape": shape_bomb,
    "CVE-2026-1669: numbers in another file": external_storage,
    "CVE-2026-1669: a virtual dataset": virtual_dataset,
    **{
        change.__name__.replace("_", " "): change
        for change in (
            external_link,
            soft_link,
            packed_bomb,
            many_links,
            circle,
            not_a_number,
            infinite,
            complex_numbers,
            large_attribute,
            texts,
            another_shape,
            nothing_in_it,
        )
    },
}


# === Sizes ===


def edited(preset, **arguments):
    """Changes arguments of the model in a preset's configuration."""
    config = json.loads((preset / "config.json").read_text())
    config["config"].update(arguments)
    (preset / "config.json").write_text(json.dumps(config))


def replaced_by(make, name):
    def change(preset):
        (preset / name).unlink()
        make(preset / name)

    return change


def nested(preset):
    (preset / "config.json").write_text("[" * 100_000)


def many_layers(kind, config):
    def change(preset):
        layers = [layer("keras.layers", kind, config, SYMBOLIC) | {"name": f"e{index}"} for index in range(5_000)]
        write_config(preset, functional(*layers))

    return change


def network_of(*layers):
    return lambda preset: write_config(preset, functional(*layers))


def sequential(kind, config, number):
    layers = [{"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}] * number
    network = {"module": "keras", "class_name": "Sequential", "config": {"layers": layers}, "registered_name": None}
    return lambda preset: write_config(preset, network)


def sparse(name, size):
    def change(preset):
        os.truncate(preset / name, size)

    return change


BOMBS = {
    "a layer of 10**9 units": lambda preset: edited(preset, hidden_units=[10**9]),
    "two layers of 10**5 units": lambda preset: edited(preset, hidden_units=[10**5, 10**5]),
    "5,000 layers by a list": lambda preset: edited(preset, hidden_units=[8] * 5_000),
    "5,000 layers with weights": many_layers("Dense", {"units": 4}),
    "5,000 layers without weights": many_layers("ReLU", {}),
    "an image of 50,000 x 50,000 pixels": lambda preset: edited(preset, image_shape=[50_000, 50_000, 3]),
    "10**9 latents": lambda preset: edited(preset, latent_dim=10**9),
    "5,000 layers in a row": sequential("ReLU", {}, 5_000),
    "5,000 calls of a layer": network_of(
        layer("keras.layers", "ReLU", {}) | {"inbound_nodes": [{"args": [SYMBOLIC], "kwargs": {}}] * 5_000}
    ),
    "10**8 tensors of one": network_of(
        layer("keras.src.ops.numpy", "Split", {"indices_or_sections": 10**8, "axis": 0}, SYMBOLIC)
    ),
    "50,000 stages": network_of(
        {
            **layer(
                "zoo.layers.growing", "GrowingGenerator", {"image_shape": [8, 8, 1], "widths": [1] * 50_000}, SYMBOLIC
            ),
            "registered_name": "zoo>GrowingGenerator",
        }
    ),
    "a name of a megabyte": lambda preset: edited(preset, name="x" * 10**6),
    "a kernel of a large scale": network_of(
        {
            **layer("zoo.layers.upsampling", "BicubicUpsampling", {"scale": 3_000}, SYMBOLIC),
            "registered_name": "zoo>BicubicUpsampling",
        }
    ),
    "an orthogonal kernel of 4,000 x 4,000": network_of(
        layer("keras.layers", "Dense", {"units": 4_000}, SYMBOLIC),
        layer(
            "keras.layers",
            "Dense",
            {"units": 4_000, "kernel_initializer": "orthogonal"},
            {
                "class_name": "__keras_tensor__",
                "config": {"shape": [None, 4_000], "dtype": "float32", "keras_history": ["e", 0, 0]},
            },
        )
        | {"name": "f"},
    ),
    "metadata in a pipe": replaced_by(os.mkfifo, "metadata.json"),
    "a configuration in a pipe": replaced_by(os.mkfifo, "config.json"),
    "weights in a pipe": replaced_by(os.mkfifo, "model.weights.h5"),
    "metadata without end": replaced_by(lambda path: path.symlink_to("/dev/zero"), "metadata.json"),
    "a configuration without end": replaced_by(lambda path: path.symlink_to("/dev/zero"), "config.json"),
    "weights without end": replaced_by(lambda path: path.symlink_to("/dev/zero"), "model.weights.h5"),
    "metadata of 8 GB": sparse("metadata.json", 2**33),
    "a configuration of 8 GB": sparse("config.json", 2**33),
    "weights of 8 GB": sparse("model.weights.h5", 2**33),
    "a configuration nested without end": nested,
}


# === What becomes of them ===


def write_config(preset, config):
    (preset / "config.json").write_text(json.dumps(config))


def as_generator(preset, network):
    """Makes a network the generator of the GAN in a preset."""
    config = json.loads((preset / "config.json").read_text())
    config["config"]["generator"] = network
    write_config(preset, config)


def vouch(preset):
    """Writes metadata whose hashes vouch for the files, as anybody can."""
    files = {
        name: presets.describe_file(preset / name)
        for name in presets.HASHED_FILES
        if (preset / name).is_file() and (preset / name).stat().st_size < 2**24
    }
    if (preset / "metadata.json").is_file() and (preset / "metadata.json").stat().st_size < 2**20:
        (preset / "metadata.json").write_text(json.dumps({"files": files} if len(files) == 2 else {}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of hostile presets; a file `harm` in it would be the doing of one."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "secret.txt").write_text("secret\n")
    keras.utils.set_random_seed(0)
    gan, vae = tiny_gan(), tiny_vae()
    gan.save_to_preset(folder / "harmless")
    vae.save_to_preset(folder / "vae")
    save_writing_model(folder / "saved_model", folder / "harm")
    with zipfile.ZipFile(folder / "model.keras", "w") as archive:
        archive.writestr("config.json", "{}")

    def copy(name, original="harmless"):
        preset = folder / name
        preset.mkdir()
        for file in (folder / original).iterdir():
            (preset / file.name).write_bytes(file.read_bytes())
        return preset

    for name, network in NETWORKS.items():
        write_config(preset := copy(f"network, {name}"), network(folder))
        vouch(preset)
        as_generator(preset := copy(f"generator, {name}"), network(folder))
        vouch(preset)
    for name, change in WEIGHTS.items():
        preset = copy(f"weights, {name}")
        content = io.BytesIO((preset / "model.weights.h5").read_bytes())
        with h5py.File(content, "r+") as file:
            change(file, first_array(file))
        (preset / "model.weights.h5").write_bytes(content.getvalue())
        vouch(preset)
    for name, change in BOMBS.items():
        for original in ("harmless", "vae"):
            preset = copy(f"{original}, {name}", original)
            change(preset)
            vouch(preset)
    return folder


def save_writing_model(path, harm):
    """A SavedModel whose initializer writes a file as soon as it is loaded."""
    import tensorflow as tf
    from tensorflow.python.trackable.resource import TrackableResource

    class Writer(TrackableResource):
        def _create_resource(self):
            return tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

        def _initialize(self):
            tf.io.write_file(str(harm), "harmed")

    module = tf.Module()
    module.writer = Writer()
    module.serve = tf.function(lambda x: x, input_signature=[tf.TensorSpec((None, 4))])
    tf.saved_model.save(module, str(path), signatures={"serve": module.serve})


NAMES = [
    *(f"{place}, {name}" for place in ("network", "generator") for name in NETWORKS),
    *(f"weights, {name}" for name in WEIGHTS),
    *(f"{original}, {name}" for original in ("harmless", "vae") for name in BOMBS),
]


@pytest.fixture(scope="module")
def answers(folder):
    """What `zoo.load` said, took and changed, of each; in one process, since TensorFlow takes seconds to import."""
    result = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("load_and_watch.py"),
            folder / "harmless",
            *(folder / n for n in NAMES),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_preset_is_refused_soon_and_changes_nothing(answers, folder, name):
    answer = answers[name]
    assert str(folder) in answer["said"] and "\n" not in answer["said"], answer["said"]
    assert answer["seconds"] < MOST_SECONDS and answer["megabytes"] < MOST_MEGABYTES
    assert not answer["changed"] and not answer["seen"]


@pytest.mark.parametrize(
    ("section", "place", "names"),
    [("configurations", "generator", NETWORKS), ("weights", "weights", WEIGHTS), ("sizes", "harmless", BOMBS)],
)
def test_the_table_of_what_was_tried_is_true(answers, folder, section, place, names):
    said = {name: answers[f"{place}, {name}"]["said"].replace(str(folder / f"{place}, {name}"), "…") for name in names}
    # Another version of Keras chooses other words, and another one of HDF5 other sizes.
    said = {name: re.sub(r" \(\w+: .*\)$", "", sentence) for name, sentence in said.items()}
    assert_table(section, {name: re.sub(r"in \d+ bytes", "in few bytes", sentence) for name, sentence in said.items()})


def test_nothing_of_theirs_ran(answers, folder):
    assert not (folder / "harm").exists()


def test_the_command_runs_nothing_either(folder):
    name = "generator, a switch that builds a layer around a saved model"
    result = subprocess.run(
        [sys.executable, "-c", "from zoo.cli import main; main()", "sample", folder / name, "-o", folder / "x.png"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1 and "keras.src.ops.core.Switch" in result.stderr
    assert "Traceback" not in result.stderr and not (folder / "x.png").exists() and not (folder / "harm").exists()
