"""References of the metrics: statistics and features of real images, bundled or computed and cached."""

import warnings
import zipfile
from pathlib import Path

import numpy as np

from zoo.errors import DataError, StorageError
from zoo.files import MemoryFile, cache_folder
from zoo.metrics.distances import gaussian_statistics

BUNDLED = Path(__file__).parent / "references"
# Numbers of images for the Gaussian statistics, and for the metrics that need the features themselves.
STATISTICS, FEATURES = 10_000, 5_000
SPLITS = ("test", "train")


def load(dataset, network, image_shape, data_dir=None):
    """Loads the reference of a data set under a feature network: bundled, cached, or computed and then cached.

    Args:
        dataset: TFDS name with a train and a test split.
        network: `zoo.metrics.features.FeatureNetwork`.
        image_shape: `(height, width, channels)` that the real images are resized to.
        data_dir: TFDS folder, used if the statistics must be computed; default None.

    Returns:
        Dict of arrays. For each split, `{split}_mean` and `{split}_covariance` (float64) are of `{split}_count` images,
        at most 10,000, and `{split}_features` (float16) are of at most 5,000 of them.

    Raises:
        DataError: the reference is not bundled, and the data set cannot be read.
    """
    from zoo import data

    name = file_name(dataset, image_shape, network)
    found = _stored(BUNDLED / name, network)
    if found is not None:
        return found
    cached = cache_folder() / name
    found = _stored(cached, network, data.identity(dataset, data_dir))
    if found is not None:
        return found
    found = compute(dataset, network, image_shape, data_dir)
    try:
        # The identity is computed again, because a data set that was just prepared now has sizes.
        write(cached, network, found, data.identity(dataset, data_dir))
    except StorageError as error:
        warnings.warn(
            f"What {dataset!r} is compared with was computed, but is not kept: {error} ZOO_CACHE names another folder.",
            stacklevel=2,
        )
    return found


def _stored(path, network, identity=""):
    """Reads the arrays of a file that `write` made; None if it is missing, damaged or of another network or data set.

    A retrained network or a regenerated data set would silently falsify every metric. For a data set that is not
    prepared, only the version is known.
    """
    try:
        with np.load(path) as stored:
            found = dict(stored)
        of_network = str(found.pop("network")) == network.identity
        return found if str(found.pop("data", "")).startswith(identity) and of_network else None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def file_name(dataset, image_shape, network):
    """Returns the name of the file that holds this reference."""
    return f"{dataset}-{'x'.join(map(str, image_shape))}-{network.name}.npz"


def compute(dataset, network, image_shape, data_dir=None):
    """Computes what `load` returns, without any cache."""
    from zoo import data

    splits = {split: data.read(dataset, image_shape, split=split, data_dir=data_dir).images for split in SPLITS}
    return describe(splits, network)


def describe(splits, network):
    """Returns the arrays of `load` for the images `(n, h, w, c)` of each split, a dict by name."""
    arrays = {}
    for split, images in splits.items():
        # The images are drawn at random because data sets may be sorted; MNIST's test split has the easier half first.
        chosen = np.random.RandomState(0).permutation(len(images))[:STATISTICS]
        if len(chosen) < 2:
            raise DataError(f"The {split} split has {len(images)} images, expected at least 2.")
        features = network(images[chosen])
        arrays[f"{split}_count"] = len(features)
        arrays[f"{split}_mean"], arrays[f"{split}_covariance"] = gaussian_statistics(features)
        arrays[f"{split}_features"] = features[:FEATURES].astype("float16")
    return arrays


def write(path, network, arrays, identity=""):
    """Writes a reference with the identities of its network and its data set, atomically."""
    _write_arrays(path, network=network.identity, data=identity, **arrays)


def _write_arrays(path, **arrays):
    # A zip file that is written to a full disk raises a second error when it is closed.
    file = MemoryFile(path)
    # `np.savez_compressed` has no choice of method, and its own takes a tenth more.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, np.asanyarray(array), allow_pickle=False)
    file.store()


def test_set(dataset, image_shape, data_dir=None):
    """Returns all test images of a data set and their labels: bundled for MNIST and Fashion-MNIST, else from TFDS.

    Args:
        dataset: TFDS name.
        image_shape: `(height, width, channels)` of the images.
        data_dir: TFDS folder; default None.

    Returns:
        Tuple of uint8 images `(n, h, w, c)` and int32 labels `(n,)`; the labels are None if the data set has none.
    """
    bundled = {kind: _test_set_file(BUNDLED, dataset, kind) for kind in ("images", "labels")}
    if bundled["images"].exists():
        found = {}
        for kind, path in bundled.items():
            with np.load(path) as stored:
                found[kind] = stored[kind]
        if found["images"].shape[1:] == tuple(image_shape):
            return found["images"], found["labels"].astype("int32")
    from zoo import data

    found = data.read(dataset, image_shape, split="test", data_dir=data_dir)
    return found.images, found.labels


def write_test_set(folder, dataset, images, labels):
    """Writes a test set as `test_set` reads it: one file for the images and one for the labels."""
    for kind, values in {"images": images, "labels": labels.astype("uint8")}.items():
        _write_arrays(_test_set_file(folder, dataset, kind), **{kind: values})


def _test_set_file(folder, dataset, kind):
    return folder / f"{dataset}-test-{kind}.npz"
