"""Reads arrays, `(images, labels)` and dicts of arrays into an `ImageSet`."""

import numpy as np

from zoo.arrays import as_array
from zoo.data.image_set import ImageSet
from zoo.errors import InputError
from zoo.images import check_images


def read_arrays(source, image_shape):
    """Reads a source that is no folder or name; `image_shape` None accepts images of any shape.

    Raises:
        InputError: If images, labels or prompts are not what a model can train on.
    """
    image_set = _unchecked_image_set(source)
    images = as_array(image_set.images)
    _check_numbers(images)
    check_images(images, image_shape)
    labels, prompts = image_set.labels, image_set.prompts
    if labels is not None:
        labels = _checked_labels(labels, len(images))
    if prompts is not None:
        # Only what was read before can hold tokens, because a model makes them.
        prompts = _checked_prompts(prompts, len(images), tokens=isinstance(source, ImageSet))
    return image_set._replace(images=images, labels=labels, prompts=prompts)


def _unchecked_image_set(source):
    """Returns the unchecked parts of a source as an `ImageSet`."""
    if isinstance(source, ImageSet):
        return source
    if isinstance(source, dict):
        if "images" not in source:
            raise InputError(f"The data has the keys {sorted(map(str, source))}, expected at least 'images'.")
        return ImageSet(source["images"], source.get("labels"), prompts=source.get("prompts"))
    if isinstance(source, (tuple, list)) and len(source) == 2 and _may_be_labels(source[1]):
        return ImageSet(*source)
    if isinstance(source, (tuple, list)) and source and getattr(source[0], "ndim", 0) > 3:
        raise InputError(
            f"x is {len(source)} arrays, expected images, or (images, labels) with one integer for each image; there "
            "are no targets nor sample weights."
        )
    return ImageSet(source)


def _may_be_labels(array):
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
        f"x {found}, expected an array of images, an image folder or the name of a TFDS data set; fit and evaluate "
        "take a tf.data.Dataset, a PyDataset or an iterator of batches too."
    )


def _checked_labels(labels, number):
    labels = as_array(labels, "labels")
    if labels.shape not in ((number,), (number, 1)) or labels.dtype.kind not in "iu":
        raise InputError(
            f"labels has shape {labels.shape} and dtype {labels.dtype}, expected one integer for each of "
            f"the {number} images."
        )
    if not -(2**31) <= labels.min() <= labels.max() < 2**31:
        raise InputError(f"labels holds values from {labels.min()} to {labels.max()}, expected 32-bit integers.")
    return labels.reshape(-1).astype("int32")


def _checked_prompts(prompts, number, tokens):
    prompts = as_array(prompts, "prompts")
    is_text = prompts.ndim == 1 and prompts.dtype.kind == "U"
    is_tokens = tokens and prompts.ndim == 2 and prompts.dtype.kind in "iu"
    if prompts.shape[:1] != (number,) or not (is_text or is_tokens):
        raise InputError(
            f"prompts has shape {prompts.shape} and dtype {prompts.dtype}, expected one text for each of the "
            f"{number} images."
        )
    return prompts
