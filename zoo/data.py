"""Data sets for the zoo: reads TFDS names, image folders and arrays into canonical batches.

The canonical batch is a dict of `images` (uint8 or float in [-1, 1], NHWC) and, where the source has them, `labels`
(int32). Images are decoded, cropped and resized once and kept as uint8. The model's step scales them, so an epoch costs
one gather per batch.
"""

import contextlib
import difflib
import errno
import math
import mimetypes
import os
import tempfile
import warnings
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from zoo.arrays import as_array

# This registers the builders with TFDS.
from zoo.datasets import avatars, emoji, photographs  # noqa: F401
from zoo.errors import (
    DataError,
    InputError,
    ZooError,
    check_count,
    check_flag,
    check_image_shape,
    first_line,
    first_of,
    shown,
)
from zoo.files import expanded
from zoo.images import check_images, fit_image, picture_sides, read_image
from zoo.latents import check_seed
from zoo.progress import bar

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
# Larger sets of decoded images live in an unlinked file that the system pages in and out.
_IN_MEMORY_BYTES = 2 * 1024**3
# TFDS has one split of these data sets and wrote its examples in random order; these parts serve as train and test.
_SHARES = {"tf_flowers": {"train": "train[:85%]", "test": "train[85%:]"}}
# Features of a TFDS data set that condition the images rather than being images to generate.
_SOURCE, _CAPTION = "source_image", "caption"


class ImageSet(NamedTuple):
    """Images with the labels, source images and prompts of a source; a field that the source lacks is None.

    Attributes:
        images: array `(n, h, w, c)`, uint8 or float in [-1, 1].
        labels: int32 `(n,)`.
        class_names: tuple of the names of the classes.
        source_images: array `(n, h, w, c)` of the inputs of an image-to-image model, in the order of `images`. If the
            two are unpaired, their numbers may differ.
        prompts: texts `(n,)`, or their tokens `(n, words)` for a model.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    source_images: np.ndarray | None = None
    prompts: np.ndarray | None = None


def dataset(
    source,
    image_shape=None,
    batch_size=64,
    *,
    split="train",
    data_dir=None,
    shuffle=True,
    seed=0,
    drop_remainder=True,
):
    """Builds the `tf.data.Dataset` of canonical batches for `fit`; models of pairs or prompts need other data.

    The order of the images depends on `seed` and the epoch alone, so a run that was killed and resumed sees the same
    batches as an uninterrupted one. `fit` tells the data set its epoch. Iterated by hand, the first pass is epoch 0,
    the next one epoch 1, and so on.

    Args:
        source: a TFDS name (`"fashion_mnist"`), an image folder, an array or anything else that `read` takes.
        image_shape: `(height, width, channels)` to crop and resize to; arrays must already have this shape. Default
            None takes the shape of the arrays; TFDS names and folders need one.
        batch_size: images per batch, at least 1; default 64.
        split: TFDS split, such as `"train"` (default) or `"train[:90%]"`. TFDS has no test split of `tf_flowers`; for
            it, `"train"` is the first 85 % and `"test"` the rest. Slices of both work, too.
        data_dir: folder where TFDS finds or puts its data sets; default `TFDS_DATA_DIR` or TFDS' own.
        shuffle: bool, whether each epoch has its own order; default True.
        seed: integer from 0 to 2**63 - 1 that determines the orders; default 0.
        drop_remainder: bool, whether to drop the last, smaller batch of an epoch; default True.

    Returns:
        `tf.data.Dataset` of dicts. Its attribute `images` is the array of all images, `set_epoch(epoch)` sets the next
        epoch, and `shortened(steps)` returns a data set whose epochs end after `steps` batches.

    Raises:
        DataError: the source is missing, empty, unreadable, or has fewer images than a batch.
        InputError: an array has the wrong shape, dtype or range, or an argument is out of range.
    """
    image_set = read(source, image_shape, split=split, data_dir=data_dir)
    return batches(image_set, batch_size, shuffle=shuffle, seed=seed, drop_remainder=drop_remainder)


def read(source, image_shape=None, *, split="train", data_dir=None):
    """Reads a whole source into an `ImageSet`.

    Args:
        source: a TFDS name; a folder, flat or with one subfolder per class; an array of images; a tuple `(images,
            labels)`; a dict with the keys of the canonical batch; or an `ImageSet`.
        image_shape: `(height, width, channels)`; required for TFDS names and folders. Default None accepts arrays of
            any shape.
        split, data_dir: as for `dataset`.

    Returns:
        `ImageSet` of the images and whatever else the source holds.

    Raises:
        DataError, InputError: as for `dataset`.
    """
    image_shape = None if image_shape is None else check_image_shape(image_shape)
    split, data_dir = _check_place(split, data_dir)
    if isinstance(source, (str, os.PathLike)):
        if image_shape is None:
            raise InputError(f"image_shape is needed to read {os.fspath(source)!r}, got None.")
        _check_channels(image_shape)
        if _is_folder(source):
            return _read_folder(expanded(source), image_shape)
        return _read_tfds(source, image_shape, split, data_dir)
    return _read_arrays(source, image_shape)


def _check_place(split, data_dir):
    """Returns the split and the TFDS folder, or raises `InputError`, even if the source is not a TFDS name."""
    if not isinstance(split, str):
        raise InputError(
            f"split is {shown(split)}, expected the name of a split, such as 'train', or of a part, 'train[:10%]'."
        )
    return split, None if data_dir is None else str(expanded(data_dir))


def _check_channels(*shapes):
    """Raises `InputError` for channels that image files do not have."""
    for shape in shapes:
        if shape[-1] not in (1, 3):
            raise InputError(f"image_shape is {tuple(shape)}, expected 1 or 3 channels to read image files.")


def _is_folder(source):
    """Whether a text or path means a folder rather than a TFDS name; raises `DataError` if that folder is missing."""
    path, text = expanded(source), os.fspath(source)
    # TFDS names contain none of these, although they may contain a slash, a colon and the dots of a version.
    explicit = isinstance(source, os.PathLike) or text.startswith((".", "/", "~")) or text.endswith("/") or " " in text
    # pathlib's methods raise an error on a text that is too long for a path; these functions do not.
    if text and os.path.isdir(path):
        # A TFDS name is also a folder if the working directory is the folder of TFDS.
        return explicit or not any(path.glob("*/dataset_info.json"))
    if os.path.isfile(path):
        raise DataError(f"{text!r} is a file, expected an image folder or the name of a TFDS data set.")
    if explicit or not text:
        raise DataError(f"There is no image folder {text!r}.")
    return False


def check_name(name):
    """Raises `InputError` unless `name` is a string that can name a TFDS data set and is not a folder."""
    if not isinstance(name, str):
        raise InputError(f"dataset is {shown(name)}, expected the name of a TFDS data set.")
    if _is_folder(name):
        raise InputError(f"dataset is the folder {name!r}, expected the name of a TFDS data set, which has splits.")


def is_pair_folder(source):
    """Whether a source is a folder whose only subfolders are `A` (source images) and `B` (images)."""
    if not isinstance(source, (str, os.PathLike)) or not _is_folder(source):
        return False
    return [path.name for path in _subfolders(expanded(source))] == ["A", "B"]


def read_pairs(source, image_shape, source_shape, *, paired=True, split="train", data_dir=None):
    """Reads images and their source images, the inputs of an image-to-image model, into an `ImageSet`.

    Args:
        source: one of
            - a tuple `(source_images, images)`, or a dict with these keys;
            - the name of a TFDS data set that has a feature `source_image` besides its image;
            - a folder with the subfolders `A` of source images and `B` of images; files of a pair have the same name;
            - a folder of pictures that each hold a pair side by side, the source image on the left.
            Both images of a pair must have the same proportions.
        image_shape, source_shape: `(height, width, channels)`. Files are cropped and resized to it; arrays must have
            it.
        paired: bool, whether source image `i` belongs to image `i`; default True.
        split, data_dir: as for `dataset`.

    Returns:
        `ImageSet` with `images` and `source_images`.

    Raises:
        DataError: the data set or folder is missing, empty or unreadable, or its pairs do not match.
        InputError: an array has the wrong number of images, shape, dtype or range.
    """
    image_shape, source_shape = check_image_shape(image_shape), check_image_shape(source_shape, "source_shape")
    paired, (split, data_dir) = check_flag(paired, "paired"), _check_place(split, data_dir)
    if isinstance(source, ImageSet):
        images, sources = source.images, source.source_images
    elif isinstance(source, (str, os.PathLike)):
        _check_channels(image_shape, source_shape)
        if _is_folder(source):
            return _read_pair_folder(expanded(source), image_shape, source_shape, paired)
        return _read_tfds(source, image_shape, split, data_dir, source_shape)
    elif isinstance(source, dict):
        images, sources = source.get("images"), source.get("source_images")
    elif isinstance(source, (tuple, list)) and len(source) == 2:
        sources, images = source
    else:
        images, sources = source, None
    for name, array in (("images", images), ("source_images", sources)):
        if array is None:
            raise InputError(f"The data has no {name}, expected images and the source images that they are made from.")
    images, sources = check_images(images, image_shape), check_images(sources, source_shape, "source_images")
    if paired and len(images) != len(sources):
        raise InputError(f"source_images has {len(sources)} rows, expected one for each of {len(images)} images.")
    return ImageSet(images, source_images=sources)


def attributes(name, *, split="train", data_dir=None):
    """Reads the feature `attributes` of a TFDS data set, in the order in which `read` returns its images.

    Args:
        name: TFDS name of a data set with this feature, such as `"avatars"`.
        split, data_dir: as for `dataset`.

    Returns:
        Dict with one array `(n,)` of integers, booleans or floats per attribute.

    Raises:
        InputError: `name` is not a string, or is a folder.
        DataError: the data set is missing or unreadable, or has no attributes.
    """
    check_name(name)
    split, data_dir = _check_place(split, data_dir)
    builder = _prepared(name, data_dir)
    known = builder.info.features
    if "attributes" not in known:
        raise DataError(f"The data set {name!r} has no attributes, only {sorted(known)}.")
    pictures = [key for key, feature in known.items() if isinstance(feature, tfds.features.Image)]
    # TFDS' own way to read some of the features, `PartialDecoding`, prints deprecation warnings.
    examples = _examples(builder, split, decoders=dict.fromkeys(pictures, tfds.decode.SkipDecoding()))
    found = [batch["attributes"] for batch in tfds.as_numpy(examples.batch(1024))]
    return {attribute: np.concatenate([part[attribute] for part in found]) for attribute in known["attributes"]}


def check_batch_size(batch_size, number, drop_remainder, parts=1):
    """Returns the number of images per batch: `batch_size` for each of `parts` updates.

    Args:
        batch_size: images per update, at least 1.
        number: images in the data set, at least 0.
        drop_remainder: bool, whether only whole batches are used.
        parts: updates per batch, at least 1; default 1.

    Returns:
        int, `batch_size * parts`.

    Raises:
        InputError: an argument is out of range.
        DataError: `drop_remainder` is set and the data set has fewer images than one batch.
    """
    taken = check_count(batch_size, "batch_size") * check_count(parts, "parts")
    number, drop_remainder = check_count(number, "number", least=0), check_flag(drop_remainder, "drop_remainder")
    if drop_remainder and number < taken:
        of = f"{batch_size} for each of {parts} discriminator steps" if parts > 1 else str(batch_size)
        raise DataError(
            f"The data set has {number} images, fewer than one batch of {of}; give more images or a smaller batch_size."
        )
    return taken


def batches(image_set, batch_size, *, shuffle=True, seed=0, drop_remainder=True, paired=True, parts=1):
    """Builds the `tf.data.Dataset` over an `ImageSet`.

    Args:
        image_set: `ImageSet`, as `read` and `read_pairs` return it.
        batch_size: images per update, at least 1.
        shuffle, seed, drop_remainder: as for `dataset`.
        paired: bool, whether source image `i` belongs to image `i`; default True. Unpaired images and source images are
            shuffled separately, and an epoch passes once over the longer of the two.
        parts: updates per batch, each with `batch_size` images; default 1.

    Returns:
        `tf.data.Dataset`, as for `dataset`.

    Raises:
        DataError: there are fewer images than a batch.
        InputError: an argument is out of range.
    """
    if not isinstance(image_set, ImageSet):
        raise InputError(f"image_set is {shown(image_set)}, expected an ImageSet, as read returns it.")
    shuffle, paired = check_flag(shuffle, "shuffle"), check_flag(paired, "paired")
    images, labels, _, sources, prompts = image_set
    sizes = [len(images)] if paired else [len(images), len(sources)]
    number = max(sizes)
    batch_size, seed = check_batch_size(batch_size, number, drop_remainder, parts), check_seed(seed)
    order = _Order(sizes, shuffle, seed)

    def rows(array, indices):
        found = tf.numpy_function(lambda i: array[i], [indices], array.dtype)
        found.set_shape((indices.shape[0], *array.shape[1:]))
        return found

    def gather(indices):
        batch = {"images": rows(images, indices[:, 0])}
        if sources is not None:
            batch["source_images"] = rows(sources, indices[:, -1])
        for name, values in (("labels", labels), ("prompts", prompts)):
            if values is not None:
                batch[name] = tf.gather(values, indices[:, 0])
        return batch

    def indices(_):
        # The order of tf.data's shuffle depends on how often it was iterated, unlike a permutation by NumPy.
        permutation = tf.numpy_function(order.next_epoch, [], tf.int64)
        permutation.set_shape((number, len(sizes)))
        return tf.data.Dataset.from_tensor_slices(permutation)

    steps = number // batch_size if drop_remainder else -(-number // batch_size)
    # TensorFlow's tuner sometimes delays the end of the data set until the time to read it has doubled (`fit` returned
    # after 20 s instead of 10), and this pipeline has nothing to tune.
    untuned = tf.data.Options()
    untuned.autotune.enabled = False
    result = (
        tf.data.Dataset.from_tensors(0)
        .flat_map(indices)
        .batch(batch_size, drop_remainder=drop_remainder)
        .map(gather)
        .apply(tf.data.experimental.assert_cardinality(steps))
        .prefetch(2)
        .with_options(untuned)
    )

    def known(dataset):
        dataset.set_epoch, dataset.images, dataset.shortened = order.set_epoch, images, shortened
        return dataset

    def shortened(number):
        if check_count(number, "steps_per_epoch") > steps:
            raise InputError(f"steps_per_epoch is {number}, expected at most the {steps} batches of the data set.")
        return known(result.take(number))

    return known(result)


class _Order:
    """The order of the images in each epoch, drawn from a random stream that depends on (seed, epoch) alone.

    Each of `sizes` has one column of indices. All columns are as long as the largest, so shorter ones repeat.
    """

    def __init__(self, sizes, shuffle, seed):
        self._sizes, self._shuffle, self._seed, self._epoch = sizes, shuffle, seed, 0

    def set_epoch(self, epoch):
        self._epoch = check_count(epoch, "epoch", least=0)

    def next_epoch(self):
        epoch, self._epoch = self._epoch, self._epoch + 1
        stream = np.random.RandomState(np.random.Philox(key=[self._seed, epoch]))
        columns = [stream.permutation(size) if self._shuffle else np.arange(size) for size in self._sizes]
        return np.stack([np.resize(column, max(self._sizes)) for column in columns], 1)


def _may_be_labels(found):
    try:
        return np.ndim(found) <= 2
    # Rows of different lengths are not images, and foreign objects may raise any error.
    except Exception:  # noqa: BLE001
        return True


def _read_arrays(source, image_shape):
    labels = class_names = sources = prompts = None
    if isinstance(source, ImageSet):
        images, labels, class_names, sources, prompts = source
    elif isinstance(source, dict):
        if "images" not in source:
            raise InputError(f"The data has the keys {sorted(map(str, source))}, expected at least 'images'.")
        images, labels, prompts = source["images"], source.get("labels"), source.get("prompts")
    elif isinstance(source, (tuple, list)) and len(source) == 2 and _may_be_labels(source[1]):
        images, labels = source
    elif isinstance(source, (tuple, list)) and source and getattr(source[0], "ndim", 0) > 3:
        raise InputError(
            f"x is {len(source)} arrays, expected images, or (images, labels) with one integer for each image; there "
            "are no targets nor sample weights."
        )
    else:
        images = source
    images = as_array(images)
    if images.ndim == 0 or images.dtype.kind not in "iufb":
        if images.dtype.kind == "U" and images.size:
            found = f"holds texts such as {str(images.flat[0])!r}"
        elif images.ndim:
            found = f"holds values of dtype {images.dtype}"
        else:
            found = f"is a {type(images.item()).__name__}"
        raise InputError(
            f"x {found}, expected an array of images, an image folder or the name of a TFDS data set; fit and evaluate "
            "take a tf.data.Dataset, a PyDataset or an iterator of batches too."
        )
    check_images(images, image_shape)
    if labels is not None:
        labels = as_array(labels, "labels")
        if labels.shape not in ((len(images),), (len(images), 1)) or labels.dtype.kind not in "iu":
            raise InputError(
                f"labels has shape {labels.shape} and dtype {labels.dtype}, expected one integer for each of "
                f"the {len(images)} images."
            )
        if len(labels) and not -(2**31) <= labels.min() <= labels.max() < 2**31:
            raise InputError(f"labels holds values from {labels.min()} to {labels.max()}, expected 32-bit integers.")
        labels = labels.reshape(-1).astype("int32")
    if prompts is not None:
        prompts = as_array(prompts, "prompts")
        tokens = isinstance(source, ImageSet) and prompts.ndim == 2 and prompts.dtype.kind in "iu"
        if prompts.shape[:1] != (len(images),) or not (tokens or (prompts.ndim == 1 and prompts.dtype.kind == "U")):
            raise InputError(
                f"prompts has shape {prompts.shape} and dtype {prompts.dtype}, expected one text for each of the "
                f"{len(images)} images."
            )
    return ImageSet(images, labels, class_names, sources, prompts)


def _subfolders(folder):
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]


def _read_folder(folder, image_shape):
    files, labels, class_names = _images_in(folder), None, None
    found = {path.name: _images_in(path) for path in _subfolders(folder)}
    by_class = {name: images for name, images in found.items() if images}
    if files:
        left_out = {"images beside them are no class of their own": by_class}
    else:
        below = [path for name in by_class for path in _subfolders(folder / name) if _images_in(path)]
        left_out = {
            "no images in there make a class": found.keys() - by_class.keys(),
            "images of a class lie directly in its folder": [str(path.relative_to(folder)) for path in below],
        }
        class_names = tuple(by_class)
        files = [file for images in by_class.values() for file in images]
        labels = np.repeat(np.arange(len(by_class), dtype="int32"), [len(images) for images in by_class.values()])
    for why, names in left_out.items():
        if files and names:
            warnings.warn(f"Left out {first_of(sorted(names))} in {str(folder)!r}: {why}.", stacklevel=4)
    if not files:
        raise DataError(
            f"The folder {str(folder)!r} holds no images ({', '.join(IMAGE_SUFFIXES)}), neither directly nor "
            "in subfolders."
        )
    images, kept = _read_files(folder, _Files(files, image_shape))
    return ImageSet(images, None if labels is None else labels[kept], class_names)


class _Files(NamedTuple):
    """Image files, the shape to fit their images to, and the half of each picture to read (None reads all of it)."""

    paths: list
    image_shape: tuple[int, ...]
    part: int | None = None


def _read_files(folder, *sides):
    """Reads the files of all `sides`; the i-th files of all sides belong together.

    Files that cannot be read are named in a warning and left out on all sides.

    Returns:
        One array of images per side, and the list of the indices that were read.
    """
    number = len(sides[0].paths)
    arrays, kept, unreadable, why = [_allocate(number, side.image_shape) for side in sides], [], [], None
    for index in bar(range(number), "reading images", unit=""):
        for array, side in zip(arrays, sides, strict=True):
            try:
                array[len(kept)] = read_image(side.paths[index], side.image_shape, part=side.part)
            except DataError as error:
                unreadable.append(str(side.paths[index].relative_to(folder)))
                why = why or f"the first: {error}"
                break
        else:
            kept.append(index)
    if unreadable:
        warnings.warn(
            f"Skipped {len(unreadable)} of {number} files in {str(folder)!r} that cannot be read as images: "
            f"{first_of(unreadable)}; {why}",
            stacklevel=5,
        )
    if not kept:
        raise DataError(f"None of the {number} files in {str(folder)!r} can be read as an image; {why}")
    return *(array[: len(kept)] for array in arrays), kept


def _read_pair_folder(folder, image_shape, source_shape, paired):
    sides = {name: folder / name for name in ("A", "B")}
    if not all(side.is_dir() for side in sides.values()):
        return _read_side_by_side(folder, image_shape, source_shape)
    listed = {name: _images_in(side) for name, side in sides.items()}
    for name, found in listed.items():
        if not found:
            raise DataError(f"The folder {str(sides[name])!r} holds no images ({', '.join(IMAGE_SUFFIXES)}).")
    if not paired:
        images, _ = _read_files(folder, _Files(listed["B"], image_shape))
        sources, _ = _read_files(folder, _Files(listed["A"], source_shape))
        return ImageSet(images, source_images=sources)
    files = {name: {file.stem: file for file in found} for name, found in listed.items()}
    twins = [file for name, found in listed.items() for file in found if files[name][file.stem] != file]
    if twins:
        named = [str(file.relative_to(folder)) for file in twins]
        raise DataError(
            f"{len(twins)} files in {str(folder)!r} have the name of another beside them but for its ending, so that "
            f"nobody can tell which is whose partner: {first_of(named)}."
        )
    alone = sorted(files["A"].keys() ^ files["B"].keys())
    if alone:
        named = [str((files["A"].get(stem) or files["B"][stem]).relative_to(folder)) for stem in alone]
        raise DataError(
            f"{len(alone)} files in {str(folder)!r} have no partner of the same name in the other of A and B: "
            f"{first_of(named)}."
        )

    _refuse_other_sides(files, folder)
    partners = [files["A"][stem] for stem in files["B"]]
    images, sources, _ = _read_files(folder, _Files(listed["B"], image_shape), _Files(partners, source_shape))
    return ImageSet(images, source_images=sources)


def _refuse_other_sides(files, folder):
    """Raises `DataError` for pairs of different aspect ratios, which would not align once cropped to one shape."""
    differing = []
    for stem, file in files["B"].items():
        # `_read_files` skips unreadable files with a warning.
        with contextlib.suppress(DataError):
            (width, height), (source_width, source_height) = picture_sides(file), picture_sides(files["A"][stem])
            # Rounding when a picture is resized changes its sides by up to one pixel.
            if abs(width * source_height - height * source_width) > max(width, height, source_width, source_height):
                differing.append(f"{stem} ({source_width}x{source_height} and {width}x{height})")
    if differing:
        raise DataError(
            f"{len(differing)} pairs in {str(folder)!r} have other proportions in A than in B: {first_of(differing)}."
        )


def _read_side_by_side(folder, image_shape, source_shape):
    files = _images_in(folder)
    if not files:
        raise DataError(
            f"The folder {str(folder)!r} has neither the subfolders A and B nor pictures ({', '.join(IMAGE_SUFFIXES)}) "
            "of two images side by side."
        )

    _warn_of_odd_halves(files, folder, image_shape)
    images, sources, _ = _read_files(folder, _Files(files, image_shape, part=1), _Files(files, source_shape, part=0))
    return ImageSet(images, source_images=sources)


def _warn_of_odd_halves(files, folder, image_shape):
    """Warns if most pictures have the proportions of a single image rather than of two side by side."""
    odd = []
    for file in files:
        # `_read_files` skips unreadable files with a warning.
        with contextlib.suppress(DataError):
            width, height = picture_sides(file)
            ratio = (width / 2 / height) / (image_shape[1] / image_shape[0])
            if not 2 / 3 < ratio < 3 / 2:
                odd.append(f"{file.name} ({width}x{height})")
    if len(odd) > len(files) / 2:
        warnings.warn(
            f"The pictures in {str(folder)!r} are read as two images side by side, but the halves of {len(odd)} of "
            f"{len(files)} are far from the proportions of {image_shape[1]}x{image_shape[0]}: {first_of(odd)}; images "
            "that stand alone go into the subfolders A and B.",
            stacklevel=4,
        )


def _images_in(folder):
    files = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())
    images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
    rest = (path.name for path in files if path.suffix.lower() not in IMAGE_SUFFIXES)
    others = [name for name in rest if (mimetypes.guess_type(name)[0] or "").startswith("image/")]
    if others:
        warnings.warn(
            f"Left out {len(others)} pictures in {str(folder)!r} of formats that are not read: {first_of(others)}; "
            f"expected {', '.join(IMAGE_SUFFIXES)}.",
            stacklevel=5,
        )
    return images


def identity(name, data_dir=None):
    """Returns a text that identifies a TFDS data set: its version and, once prepared, the sizes of its splits.

    Args:
        name: TFDS name.
        data_dir: as for `dataset`.

    Returns:
        str.

    Raises:
        DataError: there is no such data set.
    """
    info = _builder(name, data_dir).info
    sizes = (f" {split}: {part.num_examples} in {part.num_bytes} bytes" for split, part in sorted(info.splits.items()))
    return f"{info.full_name};{''.join(sizes)}"


def _builder(name, data_dir):
    try:
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    # TFDS asserts that the requested version exists.
    except (tfds.core.registered.DatasetNotFoundError, ValueError, AssertionError):
        near = difflib.get_close_matches(name, tfds.list_builders(), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "."
        raise DataError(f"There is no folder and no TFDS data set {name!r}{hint}") from None
    # TFDS looks up names of communities and of the Hub online, where any error may occur.
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise DataError(f"The data set {name!r} could not be looked up ({reason}).") from error


def _prepared(name, data_dir):
    """Returns the TFDS builder of that name after preparing its data set, which may download or render it."""
    builder = _builder(name, data_dir)
    try:
        builder.download_and_prepare()
    except ZooError:
        raise
    except Exception as error:
        missing = f"The data set {name!r} is not prepared in {builder.data_dir} and could not be"
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise DataError(
                f"{missing} written there ({error.strerror}); point TFDS_DATA_DIR (or data_dir) to a folder that is "
                "yours to write, or where TFDS prepared it."
            ) from error
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise DataError(
            f"{missing} downloaded ({reason}); "
            "connect to the network, or point TFDS_DATA_DIR (or data_dir) to a folder where TFDS prepared it."
        ) from error
    return builder


def _examples(builder, split, **options):
    """Returns the examples of a split, including the parts in `_SHARES`.

    Raises:
        DataError: there is no such split, or it is empty.
    """
    try:
        examples = builder.as_dataset(split=_within_share(builder, split), **options)
    except ValueError:
        splits = builder.info.splits
        known = {name: splits[name] for name in splits} | {
            name: splits[part] for name, part in _SHARES.get(builder.name, {}).items()
        }
        sizes = [f"{name} of {known[name].num_examples}" for name in sorted(known)]
        raise DataError(
            f"The data set {builder.name!r} has no split {split!r}, only {' and '.join(sizes)} images; "
            "zoo.data.dataset(..., split=...) reads any of them, and parts."
        ) from None
    if examples.cardinality() < 1:
        raise DataError(f"The split {split!r} of the data set {builder.name!r} is empty.")
    return examples


def _within_share(builder, split):
    """Translates a split of a part in `_SHARES` into a split that TFDS has."""
    names = _SHARES.get(builder.name, {split: split})
    if split in names:
        return names[split]
    whole, read = builder.info.splits, tfds.core.ReadInstruction.from_spec
    parts, shares = [], {name: whole[share] for name, share in names.items()}
    for part in read(split).to_absolute(shares):
        (share,) = read(names[part.splitname]).to_absolute(whole)
        start = share.from_ or 0
        end = shares[part.splitname].num_examples if part.to is None else part.to
        parts.append(f"{share.splitname}[{start + (part.from_ or 0)}:{start + end}]")
    return "+".join(parts)


def _read_tfds(name, image_shape, split, data_dir, source_shape=None):
    """Reads the images, labels and captions of a TFDS data set; with `source_shape`, the source images, too."""
    builder = _prepared(name, data_dir)
    features = builder.info.features
    image_key = next((k for k, f in features.items() if isinstance(f, tfds.features.Image)), None)
    if image_key is None:
        raise DataError(f"The data set {name!r} has no image feature, only {sorted(features)}.")
    if source_shape is not None and _SOURCE not in features:
        raise DataError(f"The data set {name!r} has no {_SOURCE} for each image, only {sorted(features)}.")
    for key in (image_key,) if source_shape is None else (image_key, _SOURCE):
        if features[key].np_dtype not in (np.uint8, np.uint16):
            raise DataError(f"The data set {name!r} has {key} of {features[key].np_dtype}, expected 8 or 16 bits.")
    label_key = next((k for k, f in features.items() if isinstance(f, tfds.features.ClassLabel)), None)
    examples = _examples(builder, split)
    number = int(examples.cardinality())
    images = _allocate(number, image_shape)
    labels = np.empty(number, "int32") if label_key else None
    sources = None if source_shape is None else _allocate(number, source_shape)
    prompts = [] if _CAPTION in features and isinstance(features[_CAPTION], tfds.features.Text) else None
    same_shape = None not in features[image_key].shape
    # A Python step for every single example is slow, so images of one shape come in large batches.
    examples = examples.batch(1024 if same_shape else 1)
    done = 0
    with bar(desc=f"reading {name}", total=number, unit="") as progress:
        for batch in tfds.as_numpy(examples):
            size = len(batch[image_key])
            for index in range(size):
                images[done + index] = fit_image(batch[image_key][index], image_shape)
                if sources is not None:
                    sources[done + index] = fit_image(batch[_SOURCE][index], source_shape)
            if prompts is not None:
                prompts += [caption.decode() for caption in batch[_CAPTION]]
            if label_key:
                labels[done : done + size] = batch[label_key]
            done += size
            progress.update(size)
    class_names = tuple(features[label_key].names) if label_key else None
    return ImageSet(images, labels, class_names, sources, None if prompts is None else np.array(prompts))


def _allocate(number, image_shape):
    shape = (number, *image_shape)
    size = math.prod(shape)
    if size <= _IN_MEMORY_BYTES:
        return np.empty(shape, "uint8")
    try:
        with tempfile.TemporaryFile() as file:
            _take_room(file, size)
            return np.memmap(file, "uint8", "w+", shape=shape)
    except OSError as error:
        raise DataError(
            f"The images take {size} bytes in the folder {tempfile.gettempdir()!r}, which cannot be had "
            f"({error.strerror}); TMPDIR names another."
        ) from error


def _take_room(file, size):
    """Reserves disk space for a file, because the process is killed if the disk fills up under a mapped file."""
    # Some systems and some file systems cannot reserve space.
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
