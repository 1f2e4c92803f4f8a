"""Reads any source of images into an `ImageSet`."""

import os

from zoo.data.arrays import read_arrays
from zoo.data.folders import check_channels, is_folder, read_folder
from zoo.data.tfds import check_place, read_tfds
from zoo.errors import InputError, check_image_shape
from zoo.files import expanded


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
    split, data_dir = check_place(split, data_dir)
    if isinstance(source, (str, os.PathLike)):
        if image_shape is None:
            raise InputError(f"image_shape is needed to read {os.fspath(source)!r}, got None.")
        check_channels(image_shape)
        if is_folder(source):
            return read_folder(expanded(source), image_shape)
        return read_tfds(source, image_shape, split, data_dir)
    return read_arrays(source, image_shape)
