"""Reads arrays and lists of files, `(images, labels)` and dicts of them into an `ImageSet`."""

import numpy as np

from zoo.arrays import as_array, class_numbers
from zoo.data.image_files import Files, is_path, listed_files, names_files, read_files
from zoo.data.image_set import ImageSet
from zoo.errors import InputError, shown
from zoo.images import check_images


def read_arrays(source, image_shape):
    """Reads a source that is no folder or name; `image_shape` None accepts arrays of any shape.

    Raises:
        DataError: If files are missing, or none of them can be read.
        InputError: If images, labels or prompts are not what a model can train on.
    """
    image_set = _unchecked_image_set(source)
    images, files = image_set.images, None
    if names_files(images):
        check_readable(image_shape, images)
        files = listed_files(images)
    else:
        images = as_array(images)
        _check_numbers(images)
        check_images(images, image_shape)
    labels, prompts, number = image_set.labels, image_set.prompts, len(images if files is None else files)
    if labels is not None:
        labels = _checked_labels(labels, number)
    if prompts is not None:
        # Only what was read before can hold tokens, because a model makes them.
        prompts = _checked_prompts(prompts, number, tokens=isinstance(source, ImageSet))
    if files is not None:
        images, kept = read_files(None, Files(files, image_shape))
        labels, prompts = (None if rows is None else rows[kept] for rows in (labels, prompts))
    return image_set._replace(images=images, labels=labels, prompts=prompts)


def check_readable(image_shape, source):
    """Raises `InputError` unless files of the source can be read as images of a shape."""
    if image_shape is None:
        raise InputError(
            f"image_shape is needed to read {shown(str(source) if is_path(source) else source)}, got None."
        )
    if image_shape[-1] not in (1, 3):
        raise InputError(f"image_shape is {tuple(image_shape)}, expected 1 or 3 channels to read image files.")


def _unchecked_image_set(source):
    """Returns the unchecked parts of a source as an `ImageSet`."""
    if isinstance(source, ImageSet):
        return source
    if names_files(source):
        return ImageSet(source)
    if isinstance(source, dict):
        if "images" not in source:
            raise InputError(f"The data has the keys {sorted(map(str, source))}, expected at least 'images'.")
        return ImageSet(source["images"], source.get("labels"), prompts=source.get("prompts"))
    if isinstance(source, (tuple, list)) and len(source) == 2 and may_be_labels(source[1]):
        return ImageSet(*source)
    if isinstance(source, (tuple, list)) and source and getattr(source[0], "ndim", 0) > 3:
        raise InputError(
            f"x is {len(source)} arrays, expected images, or (images, labels) with one integer for each image; there "
            "are no targets nor sample weights."
        )
    return ImageSet(source)


def may_be_labels(array):
    """Returns whether the second entry of a tuple may be the labels of the first."""
    try:
        return np.ndim(array) <= 2
    # Rows of different lengths are not images, and foreign objects may raise any error.
    except Exception:  # noqa: BLE001
        return True


def _check_numbers(images):
    """Raises `InputError` if `images` comes from an object that is no source of images at all."""
    if images.ndim and images.dtype.kind in "iufb":
        return
    if images.dtype.kind == "U" and images.size:
        found = f"holds texts such as {str(images.flat[0])!r}"
    elif images.ndim:
        found = f"holds values of dtype {images.dtype}"
    else:
        found = f"is a {type(images.item()).__name__}"
    raise InputError(
        f"x {found}, expected an array of images, a list of image files, an image folder or the name of a TFDS data "
        "set; fit and evaluate take a tf.data.Dataset, a PyDataset or an iterator of batches too."
    )


def _checked_labels(labels, number):
    labels = class_numbers(labels)
    if labels.shape != (number,) or labels.dtype.kind not in "iu":
        raise InputError(
            f"labels has shape {labels.shape} and dtype {labels.dtype}, expected one integer for each of "
            f"the {number} images."
        )
    if not -(2**31) <= labels.min() <= labels.max() < 2**31:
        raise InputError(f"labels holds values from {labels.min()} to {labels.max()}, expected 32-bit integers.")
    return labels.astype("int32")


def _checked_prompts(prompts, number, tokens):
    prompts = as_array(prompts, "prompts")
    is_text = prompts.ndim in (1, 2) and prompts.dtype.kind == "U"
    is_tokens = tokens and prompts.ndim in (2, 3) and prompts.dtype.kind in "iu"
    if prompts.shape[:1] != (number,) or not (is_text or is_tokens):
        raise InputError(
            f"prompts has shape {prompts.shape} and dtype {prompts.dtype}, expected one text for each of the "
            f"{number} images."
        )
    return prompts
