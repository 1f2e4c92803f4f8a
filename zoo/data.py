"""Data sets for the zoo: TFDS names, image folders and arrays become the canonical batch.

The canonical batch is a dict of `images` (uint8 or float in [-1, 1], NHWC) and, where the source has them,
`labels` (int32). Images are decoded, cropped and resized once, kept as uint8, and scaled inside the model's
step, so an epoch costs no more than one gather per batch.
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
# Beyond this many bytes decoded images live in an unlinked file that the system pages in and out.
_IN_MEMORY_BYTES = 2 * 1024**3
# What stands for the splits of data sets that TFDS has only one of, whose examples it wrote in random order.
_SHARES = {"tf_flowers": {"train": "train[:85%]", "test": "train[85%:]"}}
# Features of a TFDS data set that are no images to make but what these are made from.
_SOURCE, _CAPTION = "source_image", "caption"


class ImageSet(NamedTuple):
    """Images with what else a source knows of them, None where it does not.

    Attributes:
        images: `(n, h, w, c)`.
        labels: int32 `(n,)`.
        class_names: the names of the classes.
        source_images: what the images are made from, `(n, h, w, c)` in the same order; any number where the two are
            not paired.
        prompts: texts `(n,)`, or a model's tokens `(n, words)` of them.
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
    """Builds the `tf.data.Dataset` of canonical batches that `fit` takes, but for models of pairs or prompts.

    The order of the images is a function of `seed` and the epoch alone, so that a run that was killed and
    resumed sees exactly what the uninterrupted one saw: `fit` tells the data set its epoch; iterated by
    hand, the first pass is epoch 0, the next epoch 1, and so on.

    Args:
        source: a TFDS name (`"fashion_mnist"`), an image folder, an array or anything else that `read` takes.
        image_shape: `(height, width, channels)` to crop and resize to; arrays must have it already.
        batch_size: images a batch.
        split: TFDS split, such as `"train"` or `"train[:90%]"`. TFDS has no test split of `tf_flowers`: there
            `"train"` stands for the first 85 % and `"test"` for the others, of which parts are taken, too.
        data_dir: where TFDS finds or puts its data sets; default `TFDS_DATA_DIR` or TFDS' own.
        shuffle: whether each epoch has an order of its own.
        seed: integer that picks the orders.
        drop_remainder: whether the last, smaller batch of an epoch is left out.

    Returns:
        `tf.data.Dataset` of dicts, with all `images` as an array and the methods `set_epoch(epoch)` and
        `shortened(steps)`, which makes one whose epochs end after so many batches.

    Raises:
        DataError: the source is missing, empty, unreadable, or has fewer images than a batch.
        InputError: arrays of the wrong shape, dtype or range.
    """
    image_set = read(source, image_shape, split=split, data_dir=data_dir)
    return batches(image_set, batch_size, shuffle=shuffle, seed=seed, drop_remainder=drop_remainder)


def read(source, image_shape=None, *, split="train", data_dir=None):
    """Reads a whole source into an `ImageSet`.

    Args:
        source: a TFDS name; a folder, flat or with one subfolder a class; an array of images; a tuple
            `(images, labels)`; a dict with the keys of the canonical batch; or an `ImageSet`.
        image_shape: `(height, width, channels)`; needed for TFDS names and folders.
        split, data_dir: as for `dataset`.

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
    """The split and the folder of TFDS, or `InputError` where they are none, whatever they are for."""
    if not isinstance(split, str):
        raise InputError(
            f"split is {shown(split)}, expected the name of a split, such as 'train', or of a part, 'train[:10%]'."
        )
    return split, None if data_dir is None else str(expanded(data_dir))


def _check_channels(*shapes):
    """Refuses to read files of images that files do not hold."""
    for shape in shapes:
        if shape[-1] not in (1, 3):
            raise InputError(f"image_shape is {tuple(shape)}, expected 1 or 3 channels to read image files.")


def _is_folder(source):
    """Whether a text or path means a folder rather than a TFDS name; `DataError` where it means one that is missing."""
    path, text = expanded(source), os.fspath(source)
    # TFDS names have none of these, but may have a slash, a colon and dots of a version.
    explicit = isinstance(source, os.PathLike) or text.startswith((".", "/", "~")) or text.endswith("/") or " " in text
    # Unlike pathlib's, these find no fault with a text that is too long for a path.
    if text and os.path.isdir(path):
        # In the folder of TFDS, names of data sets are folders, too.
        return explicit or not any(path.glob("*/dataset_info.json"))
    if os.path.isfile(path):
        raise DataError(f"{text!r} is a file, expected an image folder or the name of a TFDS data set.")
    if explicit or not text:
        raise DataError(f"There is no image folder {text!r}.")
    return False


def check_name(name):
    """Raises `InputError` unless this is a text that names no folder, but may be a TFDS data set."""
    if not isinstance(name, str):
        raise InputError(f"dataset is {shown(name)}, expected the name of a TFDS data set.")
    if _is_folder(name):
        raise InputError(f"dataset is the folder {name!r}, expected the name of a TFDS data set, which has splits.")


def is_pair_folder(source):
    """Whether a source is a folder with the subfolders `A` and `B`, and no others, of source images and images."""
    if not isinstance(source, (str, os.PathLike)) or not _is_folder(source):
        return False
    return [path.name for path in _subfolders(expanded(source))] == ["A", "B"]


def read_pairs(source, image_shape, source_shape, *, paired=True, split="train", data_dir=None):
    """Reads images and the source images that they are made from into an `ImageSet`.

    Args:
        source: a tuple `(source_images, images)`; a dict with these keys; the name of a TFDS data set that has a
            feature `source_image` besides its image; or a folder. A folder has a subfolder `A` of
            source images and one `B` of images, whose files have the same names if they are pairs; or it holds pairs
            side by side in one picture each, the source image on the left. Both of a pair have the same proportions.
        image_shape, source_shape: `(height, width, channels)` that files are cropped and resized to and that arrays
            must have.
        paired: whether source image `i` belongs to image `i`.
        split, data_dir: as for `dataset`.

    Raises:
        DataError: the data set or folder is missing, empty or unreadable, or its pairs do not match.
        InputError: arrays of the wrong number, shape, dtype or range.
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
    """Reads what a TFDS data set knows of its images in a dict `attributes`, in the order in which `read` reads them.

    Args:
        name: TFDS name of such a data set, `"avatars"`.
        split, data_dir: as for `dataset`.

    Returns:
        Dict of an array `(n,)` of integers, booleans or floats for each attribute.

    Raises:
        InputError: `name` is no string, or a folder.
        DataError: the data set is missing, unreadable, or has no attributes.
    """
    check_name(name)
    split, data_dir = _check_place(split, data_dir)
    builder = _prepared(name, data_dir)
    known = builder.info.features
    if "attributes" not in known:
        raise DataError(f"The data set {name!r} has no attributes, only {sorted(known)}.")
    pictures = [key for key, feature in known.items() if isinstance(feature, tfds.features.Image)]
    # TFDS' own way to read a part, `PartialDecoding`, warns of its own deprecations.
    examples = _examples(builder, split, decoders=dict.fromkeys(pictures, tfds.decode.SkipDecoding()))
    found = [batch["attributes"] for batch in tfds.as_numpy(examples.batch(1024))]
    return {attribute: np.concatenate([part[attribute] for part in found]) for attribute in known["attributes"]}


def check_batch_size(batch_size, number, drop_remainder, parts=1):
    """How many of `number` images make a batch: `batch_size` for each of `parts` updates.

    Raises:
        InputError: `batch_size` is no integer of at least 1.
        DataError: fewer images than one batch, with `drop_remainder`.
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
    """The `tf.data.Dataset` over an `ImageSet`; arguments and result as for `dataset`.

    A batch has `batch_size` images for each of `parts` updates. Where images and source images are not `paired`, each
    have an order of their own, and an epoch takes the longer of the two once.
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
        # numpy's permutation, not tf.data's shuffle: the latter depends on how often it was iterated.
        permutation = tf.numpy_function(order.next_epoch, [], tf.int64)
        permutation.set_shape((number, len(sizes)))
        return tf.data.Dataset.from_tensor_slices(permutation)

    steps = number // batch_size if drop_remainder else -(-number // batch_size)
    # There is nothing to tune, and TensorFlow's tuner now and then sleeps through the end of the reading, which then
    # takes as long again: `fit` returned after 20 s instead of 10.
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
    """The order of one epoch after the other, each drawn from its own stream keyed by (seed, epoch).

    A column for each of `sizes`, as long as the largest; the others begin anew as often as it takes.
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
    # Rows of different lengths are no images either, nor is what raises an error of its own.
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
    """Image files, the shape that their images get, and which half of each picture is meant, None for all of it."""

    paths: list
    image_shape: tuple[int, ...]
    part: int | None = None


def _read_files(folder, *sides):
    """An array of images for each of `sides`, where the i-th of all belong together, and the indices of those read.

    Files that cannot be are named in a warning and left out with what belongs to them.
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
    """Refuses pairs of which one is wider for its height: cropped to one shape, they would not lie on one another."""
    differing = []
    for stem, file in files["B"].items():
        # Files that cannot be read are skipped later, with a warning.
        with contextlib.suppress(DataError):
            (width, height), (source_width, source_height) = picture_sides(file), picture_sides(files["A"][stem])
            # A row or column more or less is what rounding leaves.
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
    """Warns where most pictures are so high or wide that they are rather single images than two side by side."""
    odd = []
    for file in files:
        # Files that cannot be read are skipped later, with a warning.
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
    """What tells a TFDS data set from another of its name: its version and, once it is prepared, what it holds.

    Raises:
        DataError: there is no such data set.
    """
    info = _builder(name, data_dir).info
    sizes = (f" {split}: {part.num_examples} in {part.num_bytes} bytes" for split, part in sorted(info.splits.items()))
    return f"{info.full_name};{''.join(sizes)}"


def _builder(name, data_dir):
    try:
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    # Its assertion is that there is such a version.
    except (tfds.core.registered.DatasetNotFoundError, ValueError, AssertionError):
        near = difflib.get_close_matches(name, tfds.list_builders(), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "."
        raise DataError(f"There is no folder and no TFDS data set {name!r}{hint}") from None
    # Names of communities and of the Hub are looked up there, with errors of their own.
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise DataError(f"The data set {name!r} could not be looked up ({reason}).") from error


def _prepared(name, data_dir):
    """The TFDS builder of that name, whose data set is there: found, downloaded or rendered."""
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
    """The examples of a split, one of `_SHARES` too.

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
    """A split in the terms of TFDS: of a share in `_SHARES` the images that it has of the whole."""
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
    """Images of a TFDS data set with what else it has of them; source images where their shape is given."""
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
    # One Python step per example is slow; images that all have one shape come in large batches.
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
    """Has the disk keep room for a file: where it fills up under a mapped one, the process dies without a word."""
    # Not every system can, nor every file system.
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
