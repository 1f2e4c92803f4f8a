"""Reads arrays, tuples and dicts of arrays into an `ImageSet`."""

import numpy as np

from zoo.arrays import as_array
from zoo.data.image_set import ImageSet
from zoo.errors import InputError
from zoo.images import check_images


def read_arrays(source, image_shape):
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


def _may_be_labels(found):
    try:
        return np.ndim(found) <= 2
    # Rows of different lengths are not images, and foreign objects may raise any error.
    except Exception:  # noqa: BLE001
        return True
