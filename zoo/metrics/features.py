"""Feature networks: images are compared by their features instead of their pixels."""

import functools
import os
import re

import keras
import numpy as np

from zoo import presets
from zoo.arrays import as_array
from zoo.backend import check_process
from zoo.errors import DataError, InputError, first_line, shown
from zoo.files import expanded
from zoo.images import check_images, fit_image, to_float
from zoo.nets import efficientnet_lite
from zoo.progress import bar, predict_batch

INCEPTION = "inception_v3"
#: Network that compares pictures of 64x64 pixels whose own data set has no classifier.
PICTURE_FEATURES = "classifier_avatars_64"
#: Height and width of the images that a network for images of any size gets, so that its distances compare.
GENERAL_SIDE = 128
_BATCH = 256
# A classifier gets all images at its own size, so it knows the same faces at another one.
_KNOWN_AS = {"avatars128": "avatars"}


class FeatureNetwork:
    """A frozen network from images to feature vectors.

    Attributes:
        name: name of the network in the names of metrics, such as `fashion_mnist_classifier`.
        identity: text that differs between this network and a retrained one: the SHA-256 of its weights file, if it has
            one.
        description: what protocols call the network: its name, and the size of its images if the name leaves it open.
    """

    def __init__(self, name, identity, network, description=None):
        self.name, self.identity, self._network = name, identity, network
        self.description = description or name

    def __call__(self, images):
        """Computes the features of images, which are resized to the network's input shape.

        Args:
            images: uint8 `(n, h, w, c)`.

        Returns:
            float32 `(n, dimensions)`.

        Raises:
            InputError: `images` does not hold uint8 images.
        """
        return np.concatenate(_run(self._network, images))


def _run(network, images):
    """Returns the outputs of `network` for uint8 images of any size, a list of batches."""
    if not isinstance(network, keras.Model):
        raise InputError(f"A network is {shown(network)}, expected a Keras model.")
    check_process()
    images = check_images(images)
    if images.dtype != np.uint8:
        raise InputError(f"images has dtype {images.dtype}, expected uint8.")
    shape = tuple(network.input_shape[1:])
    batches = []
    for start in bar(range(0, len(images), _BATCH), "features", unit="batch"):
        part = images[start : start + _BATCH]
        if part.shape[1:] != shape:
            part = np.stack([fit_image(image, shape) for image in part])
        batches.append(predict_batch(network, to_float(part)))
    return batches


@functools.cache
def bundled(name):
    """Returns the bundled classifier of that name; it is cached, so that its prediction is traced only once."""
    return presets.load_as(None, name)


def load(name):
    """Loads a feature network: a preset of kind `feature_network`, a preset directory, or `"inception_v3"`.

    A classifier of a data set tells the images of that data set apart. A network that takes images of any size, such as
    EfficientNet-Lite, is general: it gets all images at 128x128 pixels, so its distances compare across data sets.

    `keras.applications` provides Inception v3 with ImageNet weights and downloads it once. Published Fréchet distances
    use other weights (the graph of 2015-12-05) and another resizing, so they are not comparable with its figures.

    Args:
        name: str, or path of a directory with a network that has a layer `features`.

    Returns:
        `FeatureNetwork`.

    Raises:
        PresetError: no preset has that name.
        InputError: the preset is not a feature network.
        DataError: Inception's weights can be neither found nor downloaded.
    """
    if isinstance(name, str) and name == INCEPTION:
        try:
            network = keras.applications.InceptionV3(
                include_top=False, pooling="avg", input_shape=(299, 299, 3), weights="imagenet"
            )
        except Exception as error:
            raise DataError(
                f"Inception v3's ImageNet weights could not be downloaded ({first_line(error)})."
            ) from error
        return FeatureNetwork(INCEPTION, f"keras-applications-{INCEPTION}", network)
    if isinstance(name, (str, os.PathLike)) and presets.resolve(name).origin == "directory":
        return _of_directory(name)
    _check_kind(name, "feature_network", (INCEPTION,))
    return _of_bundled(name)


@functools.cache
def _of_bundled(name):
    entry, network = presets.entry_of(name), bundled(name)
    identity = entry["files"][presets.WEIGHTS]["sha256"]
    if efficientnet_lite.is_network(network):
        return of_network(network, identity)
    return of_classifier(network, entry["dataset"], identity)


def _of_directory(name):
    network = presets.load_as(None, name)
    if not any(layer.name == "features" for layer in network.layers):
        raise InputError(f"feature_network is {shown(name)}, expected a network with a layer named 'features'.")
    return of_network(network, presets.describe_file(expanded(name) / presets.WEIGHTS)["sha256"])


def _check_kind(name, argument, others=()):
    if not isinstance(name, str) or presets.entry_of(name)["kind"] != "feature_network":
        known = ", ".join([*presets.list_presets(kind="feature_network"), *others])
        raise InputError(f"{argument} is {shown(name)}, expected one of {known}.")


def of_classifier(classifier, dataset, identity):
    """Returns a `FeatureNetwork` of the part of a classifier up to its layer `features`."""
    network = keras.Model(classifier.inputs[0], classifier.get_layer("features").output)
    return FeatureNetwork(f"{dataset}_classifier", identity, network)


def of_network(network, identity):
    """Returns a `FeatureNetwork` of the part of a network up to its layer `features`, under the network's own name.

    A network for images of any size gets them at `GENERAL_SIDE`, which is then a part of its identity.
    """
    name, size = network.name, ""
    network = keras.Model(network.inputs[0], network.get_layer("features").output)
    if None in network.input_shape[1:]:
        size = f" at {GENERAL_SIDE}x{GENERAL_SIDE} pixels"
        images = keras.Input((GENERAL_SIDE, GENERAL_SIDE, network.input_shape[-1]), name="images")
        network = keras.Model(images, network(images))
    return FeatureNetwork(name, f"{identity}{size}", network, f"{name}{size}")


def general_for(model):
    """Returns the name of a bundled network for images of any kind, on whose features a model was not trained."""
    lite0 = efficientnet_lite.LITE0
    return PICTURE_FEATURES if lite0 in getattr(model, "trained_on_features", ()) else lite0


def check_judge(model, name):
    """Refuses a feature network on whose features a model was trained, because it would flatter the model.

    Args:
        model: model of the zoo. Its attribute `trained_on_features`, if it has one, holds the names of such networks.
        name: name of a feature network.

    Raises:
        InputError: the model was trained on the features of that network.
    """
    if name in getattr(model, "trained_on_features", ()):
        raise InputError(
            f"feature_network is {name!r}, on whose features this {type(model).__name__} was trained; expected another "
            "network, which judges it independently."
        )


def class_probabilities(classifier, images):
    """Returns a classifier's probabilities `(n, classes)` for uint8 images `(n, h, w, c)`, resized to its input
    shape."""
    return keras.ops.convert_to_numpy(keras.ops.softmax(np.concatenate(_run(classifier, images))))


def trunk_of(classifier):
    """Builds the trunk of a feature network of the zoo for images of any size.

    Args:
        classifier: classifier of `zoo.nets.conv`, or network of `zoo.nets.efficientnet_lite`.

    Returns:
        Keras model from images `(n, h, w, c)` in [-1, 1] to a list of the features of each stage, from fine to coarse:
        the outputs of the last activation before each pooling, and of the last layer. Those of an EfficientNet-Lite are
        its `scales`.
    """
    if efficientnet_lite.is_network(classifier):
        return efficientnet_lite.scales(classifier)
    layers = [layer for layer in classifier.layers if re.fullmatch(r"(conv|norm|relu|pool)_\d+(_\d+)?", layer.name)]
    x = inputs = keras.Input((None, None, classifier.input_shape[-1]), name="images")
    stages = []
    for layer in layers:
        if layer.name.startswith("pool"):
            stages.append(x)
        x = layer(x)
    return keras.Model(inputs, [*stages, x], name="trunk")


class PerceptualDistance:
    """The perceptual distance of two images: LPIPS without its learned weights (Zhang et al. 2018, eq. 1).

    The features of each stage are normalized to unit length at each position. The distance is their squared difference,
    summed over channels and stages and averaged over positions.

    Args:
        name: a preset of kind `feature_network`.

    Raises:
        PresetError: no preset has that name.
        InputError: the preset is not a feature network.
    """

    def __init__(self, name):
        _check_kind(name, "name")
        self._trunk = trunk_of(bundled(name))

    def __call__(self, image, other):
        """Computes the distance of two images.

        Args:
            image, other: uint8 images `(h, w, c)` of one shape.

        Returns:
            float, at least 0.

        Raises:
            InputError: an image is not uint8, has other channels than the network, or is too small for the last stage,
                or the shapes differ.
        """
        least, channels = 2 ** (len(self._trunk.outputs) - 1), self._trunk.input_shape[-1]
        image, other = as_array(image, "image"), as_array(other, "other")
        for name, found in {"image": image, "other": other}.items():
            shape = found.shape
            fits = found.dtype == np.uint8 and len(shape) == 3 and shape[-1] == channels and min(shape[:2]) >= least
            if not fits or shape != image.shape:
                expected = f"({channels} channels, sides of at least {least})" if name == "image" else image.shape
                raise InputError(
                    f"{name} has dtype {found.dtype} and shape {shape}, expected a uint8 image {expected}."
                )
        stages = zip(self._unit_features(image), self._unit_features(other), strict=True)
        return sum(float(np.mean(np.sum((one - two) ** 2, axis=-1))) for one, two in stages)

    def _unit_features(self, image):
        # Each image is computed alone, because rounding may depend on the place in a batch. `predict` is not used,
        # because it would be traced again for each size.
        for stage in self._trunk(to_float(image[None]), training=False):
            stage = keras.ops.convert_to_numpy(stage)
            yield stage / np.maximum(np.linalg.norm(stage, axis=-1, keepdims=True), 1e-10)


class AvatarAttributes:
    """Reads the attributes of the data set `avatars` from images, including generated and edited ones.

    Args:
        classifier: a network as `recipes/classifier_avatars_64.py` trains it; default the bundled one.

    Raises:
        PresetError: no classifier is given and none is bundled.
    """

    def __init__(self, classifier=None):
        self._network = bundled("classifier_avatars_64") if classifier is None else classifier

    def __call__(self, images):
        """Predicts the attributes of images, which are resized to the network's input shape.

        Args:
            images: uint8 `(n, h, w, c)`.

        Returns:
            Dict of arrays `(n,)` with the meaning of those of `zoo.data.attributes`: the most likely value of each
            attribute as an integer, the attributes that `zoo.datasets.avatars.derive` computes from these, and
            `rotation` in degrees. Mirroring is not predicted, because many faces do not show it.

        Raises:
            InputError: `images` does not hold uint8 images.
        """
        batches = _run(self._network, images)
        found = {}
        for name in batches[0]:
            output = np.concatenate([batch[name] for batch in batches])
            found[name] = output[:, 0] if output.shape[1] == 1 else output.argmax(axis=1)
        # Data sets import TensorFlow.
        from zoo.datasets import avatars

        return found | avatars.derive(found)


def default_for(dataset):
    """Returns the name of the bundled feature network that was trained on `dataset`.

    Raises:
        InputError: there is no such network.
    """
    names = presets.list_presets(dataset=_KNOWN_AS.get(dataset, dataset), kind="feature_network")
    if dataset is None or not names:
        raise InputError(
            f"No bundled feature network knows the data set {shown(dataset)}; name one for images of any kind, such as "
            f"{efficientnet_lite.LITE0}."
        )
    return names[0]
