"""Reads any source of images into an `ImageSet`."""

import os

from zoo.data.arrays import read_arrays
from zoo.data.folders import check_channels, find_folder, read_folder
from zoo.data.tfds import check_tfds_options, read_tfds
from zoo.errors import InputError, check_image_shape


def read(source, image_shape=None, *, split="train", data_dir=None):
    """Reads a whole source into an `ImageSet`.

    Args:
        source: str, path, array, tuple, dict or `ImageSet`. A TFDS name; a folder, flat or with one subfolder per
            class; an array of images; a tuple `(images, labels)`; a dict with the keys of the canonical batch; or what
            was read before.
        image_shape: tuple `(height, width, channels)`, or None. Files are cropped and resized to it; arrays must have
            it. TFDS names and folders need it. Defaults to None, which accepts arrays of any shape.
        split: str. TFDS split, as for `dataset`. Defaults to `"train"`.
        data_dir: str, path or None. Folder of TFDS, as for `dataset`. Defaults to None.

    Returns:
        `ImageSet` of the images and whatever else the source holds.

    Raises:
        DataError: If the source is missing, empty or unreadable.
        InputError: If an array has the wrong shape, dtype or range, or an argument is out of range.

    Example:

    ```python
    import zoo

    animals = zoo.data.read("my_classes/", (32, 32, 3))
    print(animals.images.shape, animals.class_names)
    ```
    """
    image_shape = None if image_shape is None else check_image_shape(image_shape)
    split, data_dir = check_tfds_options(split, data_dir)
    if not isinstance(source, (str, os.PathLike)):
        return read_arrays(source, image_shape)
    if image_shape is None:
        raise InputError(f"image_shape is needed to read {os.fspath(source)!r}, got None.")
    check_channels(image_shape)
    folder = find_folder(source)
    if folder is None:
        return read_tfds(source, image_shape, split, data_dir)
    return read_folder(folder, image_shape)
