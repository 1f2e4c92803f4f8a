"""Holds images of a source back from training, as `validation_split` of `fit` asks for."""

import numpy as np

from zoo.data.image_files import is_path, names_files
from zoo.data.image_set import empty_images
from zoo.errors import InputError
from zoo.latents import stream

_SEED = 0


def is_named(source):
    """Returns whether a source names a folder, a data set or files, rather than holding arrays of images."""
    if isinstance(source, dict):
        source = source.get("images")
    elif isinstance(source, (tuple, list)) and source and not is_path(source[0]):
        source = source[0]
    return is_path(source) or names_files(source)


def held_back(image_set, fraction, *, paired=True, at_random=True):
    """Splits an `ImageSet` into the images to train on and those to validate on.

    Args:
        image_set: `ImageSet`.
        fraction: float between 0 and 1. Share that is held back, rounded up to a whole image as in Keras.
        paired: bool. Whether source image `i` belongs to image `i`; otherwise each side is split for itself. Defaults
            to True.
        at_random: bool. Whether the images that are held back are drawn at random, the same in every call, from each
            class in proportion. Classes of two or more images then have one in both parts, if that many are held back.
            Otherwise they are the last ones. Defaults to True.

    Returns:
        Tuple of two `ImageSet`.

    Raises:
        InputError: If no images would be left to train on.
    """
    kept, left = {}, {}
    for names in (("images", "labels", "prompts", "source_images"),) if paired else (("images",), ("source_images",)):
        given = {name: getattr(image_set, name) for name in names}
        rows = {name: values for name, values in given.items() if values is not None}
        number = len(rows[names[0]])
        # Of 30 images, 1 - 4/30 is 25.999... images.
        at = int(number * (1 - fraction) + 1e-6)
        if at == 0:
            raise InputError(f"validation_split is {fraction}, which leaves none of {number} images to train on.")
        if not at_random:
            kept |= {name: values[:at] for name, values in rows.items()}
            left |= {name: values[at:] for name, values in rows.items()}
            continue
        chosen = _chosen(number, number - at, rows.get("labels"))
        kept |= {name: _rows(values, ~chosen) for name, values in rows.items()}
        left |= {name: _rows(values, chosen) for name, values in rows.items()}
    return image_set._replace(**kept), image_set._replace(**left)


def _chosen(number, amount, labels):
    """Returns the mask of the images that are held back."""
    classes = np.zeros(number, int) if labels is None else np.unique(labels, return_inverse=True)[1]
    sizes, order = np.bincount(classes), stream(_SEED, 0).permutation(number)
    order = order[np.argsort(classes[order], kind="stable")]
    of_image = classes[order]
    within = np.arange(number) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    is_first, is_last = (within == 0) & (sizes[of_image] > 1), within == sizes[of_image] - 1
    # Classes give images in proportion, but each gives its first one before others give more, and keeps its last one.
    rank = sizes[of_image] * amount / number - within + number * (is_first * 1.0 - is_last * 2.0)
    chosen = np.zeros(number, bool)
    chosen[order[np.argsort(-rank, kind="stable")[:amount]]] = True
    return chosen


def _rows(values, mask):
    """Returns rows of an array; images that need a file of their own get one."""
    if values.ndim != 4 or values.dtype != np.uint8:
        return values[mask]
    rows = empty_images(int(mask.sum()), values.shape[1:])
    # Without a mode, NumPy would gather all rows in memory first.
    np.take(values, np.flatnonzero(mask), axis=0, out=rows, mode="clip")
    return rows
