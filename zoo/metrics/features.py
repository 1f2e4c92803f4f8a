"""Networks whose features are compared instead of pixels."""

import functools
import re

import keras
import numpy as np

from zoo import presets
from zoo.arrays import as_array
from zoo.backend import check_process
from zoo.datasets import avatars
from zoo.errors import DataError, InputError, first_line, shown
from zoo.images import check_images, fit_image, to_float
from zoo.progress import bar, predicted

INCEPTION = "inception_v3"
_BATCH = 256


class FeatureNetwork:
    """A frozen network from images to feature vectors.

    Attributes:
        name: as the names of figures state it, such as `fashion_mnist_classifier`.
        identity: what tells this network from a retrained one, the SHA-256 of its weights file where it has one.
    """

    def __init__(self, name, identity, network):
        self.name, self.identity, self._network = name, identity, network

    def __call__(self, images):
        """Features, float32 `(n, dimensions)`, of uint8 images `(n, h, w, c)`, resized to what the network takes.

        Raises:
            InputError: not uint8 images.
        """
        return np.concatenate(_run(self._network, images))


def _run(network, images):
    """What `network` makes of uint8 images of any size, batch by batch."""
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
        batches.append(predicted(network, to_float(part)))
    return batches


@functools.cache
def bundled(name):
    """The bundled classifier of that name, the same each time: what it predicts is traced once."""
    return presets.load_as(None, name)


def load(name):
    """The feature network of that name: a preset of kind `feature_network`, or `"inception_v3"`.

    Inception v3 with ImageNet weights comes from `keras.applications`, which downloads it once. Published Fréchet
    distances rest on other weights (the graph of 2015-12-05) and another resizing, and do not compare with its figures.

    Raises:
        PresetError: no preset of that name.
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
    _check_kind(name, "feature_network", (INCEPTION,))
    return _of_bundled(name)


@functools.cache
def _of_bundled(name):
    entry = presets.entry_of(name)
    return of_classifier(bundled(name), entry["dataset"], entry["files"][presets.WEIGHTS]["sha256"])


def _check_kind(name, argument, others=()):
    if not isinstance(name, str) or presets.entry_of(name)["kind"] != "feature_network":
        known = ", ".join([*presets.list_presets(kind="feature_network"), *others])
        raise InputError(f"{argument} is {shown(name)}, expected one of {known}.")


def of_classifier(classifier, dataset, identity):
    """The feature network inside a classifier, up to its layer `features`."""
    network = keras.Model(classifier.inputs, classifier.get_layer("features").output)
    return FeatureNetwork(f"{dataset}_classifier", identity, network)


def class_probabilities(classifier, images):
    """Probabilities `(n, classes)` of uint8 images `(n, h, w, c)`, resized to what the classifier takes."""
    return keras.ops.convert_to_numpy(keras.ops.softmax(np.concatenate(_run(classifier, images))))


def trunk_of(classifier):
    """A zoo classifier's trunk for images of any size: `(n, h, w, c)` in [-1, 1] to the features of each stage.

    They are what the last activation before each pooling leaves, a list from fine to coarse.
    """
    layers = [layer for layer in classifier.layers if re.fullmatch(r"(conv|norm|relu|pool)_\d+(_\d+)?", layer.name)]
    x = inputs = keras.Input((None, None, classifier.input_shape[-1]), name="images")
    stages = []
    for layer in layers:
        if layer.name.startswith("pool"):
            stages.append(x)
        x = layer(x)
    return keras.Model(inputs, [*stages, x], name="trunk")


class PerceptualDistance:
    """How different two images look to a classifier: LPIPS without its learned weights (Zhang et al. 2018, eq. 1).

    The features of each stage are scaled to unit length at each position; the distance is the squared difference,
    summed over channels and stages and averaged over positions.

    Args:
        name: a preset of kind `feature_network`.

    Raises:
        PresetError: no preset of that name.
        InputError: a preset that is no feature network.
    """

    def __init__(self, name):
        _check_kind(name, "name")
        self._trunk = trunk_of(bundled(name))

    def __call__(self, image, other):
        """The distance of one uint8 image `(h, w, c)` to another of its shape.

        Raises:
            InputError: not uint8, of other channels than the network's, of two shapes, or so small that nothing is left
                of them after the last stage.
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
        # Each image alone, since places in a batch need not be rounded alike; not by predict, which would be traced
        # anew for each size.
        for stage in self._trunk(to_float(image[None]), training=False):
            stage = keras.ops.convert_to_numpy(stage)
            yield stage / np.maximum(np.linalg.norm(stage, axis=-1, keepdims=True), 1e-10)


class AvatarAttributes:
    """Reads the attributes of the data set `avatars` off images, generated and edited ones too.

    Args:
        classifier: a network as `recipes/classifier_avatars_64.py` trains it; default the bundled one.

    Raises:
        PresetError: none is given and none is bundled.
    """

    def __init__(self, classifier=None):
        self._network = bundled("classifier_avatars_64") if classifier is None else classifier

    def __call__(self, images):
        """Attributes of uint8 images `(n, h, w, c)`, resized to what the network takes.

        Returns:
            Dict of arrays `(n,)` that mean what those of `zoo.data.attributes` do: the most likely value of each
            attribute as an integer, what `zoo.datasets.avatars.derive` makes of these, and `rotation` in degrees.
            Whether a face is mirrored is not among them, since many faces do not show it.

        Raises:
            InputError: not uint8 images.
        """
        batches = _run(self._network, images)
        found = {}
        for name in batches[0]:
            output = np.concatenate([batch[name] for batch in batches])
            found[name] = output[:, 0] if output.shape[1] == 1 else output.argmax(axis=1)
        return found | avatars.derive(found)


def default_for(dataset):
    """Name of the bundled feature network that was trained on `dataset`.

    Raises:
        InputError: there is none.
    """
    names = presets.list_presets(dataset=dataset, kind="feature_network")
    if dataset is None or not names:
        raise InputError(
            f"No bundled feature network knows the data set {shown(dataset)}; name one, such as {INCEPTION}."
        )
    return names[0]
