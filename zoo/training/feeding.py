"""The way from what `fit` is given to batches that a model has accepted."""

import itertools
import os
import sys

import keras
import numpy as np

from zoo.arrays import as_array
from zoo.devices import number_of_devices, share_of_process
from zoo.errors import DataError, InputError, check_count, is_number, shown
from zoo.images import check_images, spans_bytes
from zoo.training.sources import WatchedDataset, described_rows, split_arrays, watched


def split(model, x, y, fraction):
    """Holds a share of a source that is not batched back for validation; see `Trainer.fit`.

    Returns:
        Tuple of the source to train on and that to validate on.

    Raises:
        InputError, DataError: As for `fit`.
    """
    from zoo import data

    if not is_number(fraction) or not 0 < fraction < 1:
        raise InputError(f"validation_split is {shown(fraction)}, expected a number from 0 to below 1.")
    if _is_batched(x) or _is_iterator(x):
        raise InputError(
            f"validation_split needs all images of x, got batches in a {type(x).__name__}; give validation_data "
            "instead."
        )
    if hasattr(x, "__array__") and np.ndim(x):
        return split_arrays(x, y, fraction, model.trains_on_pairs)
    _check_no_labels_beside(x, y)
    source = x if y is None else (x, y)
    image_set, at_random = model.read(source, "train"), data.is_named(source)
    return data.held_back(image_set, fraction, paired=model.trains_on_pairs, at_random=at_random)


def _is_batched(x):
    # Importing TensorFlow takes seconds, and other backends do without it.
    tensorflow = sys.modules.get("tensorflow")
    return isinstance(x, keras.utils.PyDataset) or (tensorflow is not None and isinstance(x, tensorflow.data.Dataset))


def _is_iterator(x):
    return not hasattr(x, "__array__") and hasattr(x, "__next__")


def _check_no_labels_beside(x, y):
    if y is None:
        return
    if _is_batched(x) or _is_iterator(x):
        raise InputError("y was given beside an x of ready-made batches, expected None, since these hold the labels.")
    if isinstance(x, (str, os.PathLike)):
        raise InputError(f"y was given beside x={str(x)!r}, expected None, since that holds what belongs to it.")


def dataset_of(model, x, y, batch_size, *, shuffle=False, training=True, raised):
    """Returns a checked data set of batches for a model; ready-made batches stay as they are.

    Args:
        model: `zoo.training.trainer.Trainer`.
        x, y: as for its `fit`.
        batch_size: int or None. Images per update of a source that is not batched; None is 64.
        shuffle: bool. Whether each epoch has its own order. Defaults to False.
        training: bool. Whether the model trains on the data set; otherwise it evaluates. Defaults to True.
        raised: list that collects errors that the source raises later.

    Raises:
        InputError, DataError: As for `fit`.
    """
    # Reading data sets takes a second to import, and models that only generate never need it.
    from zoo import data

    if batch_size is not None:
        check_count(batch_size, "batch_size")
        if training:
            for condition in model.trained_conditions:
                condition.check_batch_size(batch_size)
    parts = model.updates_per_batch if training else 1
    _check_no_labels_beside(x, y)
    if _is_batched(x):
        is_indexed = isinstance(x, keras.utils.PyDataset)
        is_own = hasattr(x, "set_epoch")
        first = _first_batch(model, lambda: x[0] if is_indexed else next(iter(x)), parts, can_map=not is_indexed)
        return WatchedDataset(x, _same_as(first, model), raised) if is_indexed and not is_own else x
    if _is_iterator(x):
        first = _first_batch(model, lambda: next(x), parts)
        return watched(itertools.chain([first], x), _same_as(first, model), raised)
    image_set = model.read(x if y is None else (x, y), "train" if training else "test")
    batches = data.batches(
        image_set,
        64 if batch_size is None else batch_size,
        shuffle=shuffle,
        drop_remainder=training,
        paired=model.trains_on_pairs,
        parts=parts,
    )
    if training:
        data.warn_of_doubtful(image_set.images)
        if not model.trains_on_pairs:
            data.warn_of_doubtful(image_set.source_images, "source_images")
        # Conditions learn last, so that refused data leaves the model unchanged.
        for condition in model.trained_conditions:
            condition.learn(image_set)
    return batches


def _first_batch(model, take, parts, can_map=False):
    """Returns the first ready-made batch, `take()`, after checking that the model can train on it.

    With `can_map`, images in 0..255 are refused with the call of `tf.data.Dataset.map` that scales them.
    """
    try:
        batch = take()
    except (StopIteration, IndexError):
        raise DataError("The data set x is empty, expected at least one batch of images.") from None
    if isinstance(batch, (str, os.PathLike)):
        raise InputError(f"x is an iterator of paths, such as {batch}, expected a list of them, such as sorted(x).")
    if can_map:
        _refuse_unscaled(model, batch)
    model.check_batch(batch, "The first batch of x", parts)
    return batch


def _refuse_unscaled(model, batch):
    entries = model.unpack(batch)
    wide = [name for name in entries if name.endswith("images") and spans_bytes(as_array(entries[name], name))]
    if not wide:
        return
    if isinstance(batch, dict):
        mapped = ", ".join(f'"{name}": batch["{name}"] / 127.5 - 1' for name in wide)
        line = f"lambda batch: {{**batch, {mapped}}}"
    else:
        mapped = ", ".join(f"{name} / 127.5 - 1" if name in wide else name for name in entries)
        line = f"lambda {', '.join(entries)}: " + (f"({mapped})" if len(entries) > 1 else mapped)
    images = as_array(entries[wide[0]], wide[0])
    raise InputError(
        f"The first batch of x holds {images.dtype} values from {images.min():g} to {images.max():g}, expected "
        f"uint8 in 0..255 or floats in [-1, 1], as x = x.map({line}) makes them."
    )


def _same_as(first, model):
    """Returns a function that refuses batches whose entries differ from the first batch's in name, dtype or shape.

    TensorFlow would silently convert them: after uint8 images, float images in [-1, 1] would turn black, and a label of
    1.5 would become 1.
    """

    def described(batch):
        return {name: described_rows(rows, name) for name, rows in model.unpack(batch).items()}

    expected = described(first)

    def check(batch):
        found = described(batch)
        if found.keys() != expected.keys():
            raise InputError(f"A batch of x has {', '.join(found)}, expected {', '.join(expected)} as the first.")
        for name, (number, about) in found.items():
            if about != expected[name][1]:
                raise InputError(f"A batch of x has {name} of {about}, expected {expected[name][1]} as the first.")
            if number != found["images"][0]:
                raise InputError(f"A batch of x has {number} {name}, expected one for each of its images.")

    return check


def check_batch(model, batch, what, parts):
    """Refuses a ready-made batch that a model cannot train on; see `Trainer.check_batch`."""
    batch = model.unpack(batch)
    if "images" not in batch:
        hint = "; tfds.load(..., as_supervised=True) makes batches to train on" if "image" in batch else ""
        raise InputError(f"{what} has the keys {sorted(map(str, batch))}, expected at least 'images'{hint}.")
    images = check_images(batch["images"], model.image_shape, what)
    for condition in model.trained_conditions:
        condition.check_batch(batch, what, parts)
    for name, rows in batch.items():
        if np.shape(rows)[:1] != (len(images),):
            raise InputError(
                f"{what} has {name} of shape {np.shape(rows)}, expected one for each of {len(images)} images."
            )
    if len(images) < parts:
        raise DataError(f"{what} has {len(images)} images, expected at least {parts}, one for each discriminator step.")
    _, processes = share_of_process()
    if len(images) % (devices := number_of_devices() // processes):
        raise InputError(f"{what} has {len(images)} images, expected a multiple of {devices}, the number of devices.")


def without_lists(batch):
    """Returns a batch of one call of `train_on_batch` with its lists made arrays, which Keras does not do."""
    return {name: rows if keras.ops.is_tensor(rows) else as_array(rows, name) for name, rows in batch.items()}
