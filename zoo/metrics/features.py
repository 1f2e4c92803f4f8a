"""Networks whose features are compared instead of pixels."""

import keras
import numpy as np
from tqdm import tqdm

from zoo import presets
from zoo.datasets import avatars
from zoo.errors import DataError, InputError, first_line
from zoo.images import check_images, fit_image

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
    images = np.asarray(images)
    check_images(images)
    if images.dtype != np.uint8:
        raise InputError(f"images has dtype {images.dtype}, expected uint8.")
    shape = tuple(network.input_shape[1:])
    batches = []
    for start in tqdm(range(0, len(images), _BATCH), "features", unit="batch", delay=1, leave=False, disable=None):
        part = images[start : start + _BATCH]
        if part.shape[1:] != shape:
            part = np.stack([fit_image(image, shape) for image in part])
        batches.append(network.predict_on_batch(part / np.float32(127.5) - 1))
    return batches


def load(name):
    """The feature network of that name: a preset of kind `feature_network`, or `"inception_v3"`.

    Inception v3 with ImageNet weights comes from `keras.applications`, which downloads it once.

    Raises:
        PresetError: no preset of that name.
        DataError: Inception's weights can be neither found nor downloaded.
    """
    if name == INCEPTION:
        try:
            network = keras.applications.InceptionV3(
                include_top=False, pooling="avg", input_shape=(299, 299, 3), weights="imagenet"
            )
        except Exception as error:
            raise DataError(
                f"Inception v3's ImageNet weights could not be downloaded ({first_line(error)})."
            ) from error
        return FeatureNetwork(INCEPTION, f"keras-applications-{INCEPTION}", network)
    entry = presets.entry_of(name)
    if entry["kind"] != "feature_network":
        known = ", ".join([*presets.list_presets(kind="feature_network"), INCEPTION])
        raise InputError(f"features is {name!r}, expected a feature network: {known}.")
    return of_classifier(presets.load(name), entry["dataset"], entry["files"][presets.WEIGHTS]["sha256"])


def of_classifier(classifier, dataset, identity):
    """The feature network inside a classifier, up to its layer `features`."""
    network = keras.Model(classifier.inputs, classifier.get_layer("features").output)
    return FeatureNetwork(f"{dataset}_classifier", identity, network)


def class_probabilities(classifier, images):
    """Probabilities `(n, classes)` of uint8 images `(n, h, w, c)`, resized to what the classifier takes."""
    return keras.ops.convert_to_numpy(keras.ops.softmax(np.concatenate(_run(classifier, images))))


class AvatarAttributes:
    """Reads the attributes of the data set `avatars` off images, generated and edited ones too.

    Args:
        classifier: a network as `recipes/classifier_avatars_64.py` trains it; default the bundled one.

    Raises:
        PresetError: none is given and none is bundled.
    """

    def __init__(self, classifier=None):
        self._network = presets.load("classifier_avatars_64") if classifier is None else classifier

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
    if not names:
        raise InputError(f"No bundled feature network knows the data set {dataset!r}; name one, such as {INCEPTION!r}.")
    return names[0]
