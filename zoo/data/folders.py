"""Reads a folder of image files into an `ImageSet`."""

import os
import warnings

import numpy as np

from zoo.data.image_files import IMAGE_SUFFIXES, Files, image_files, read_files
from zoo.data.image_set import ImageSet
from zoo.errors import DataError, first_of
from zoo.files import expanded


def find_folder(source):
    """Returns the folder that a text or path means, or None if it is the name of a TFDS data set.

    Raises:
        DataError: If that folder is missing, or is a file.
    """
    path, text = expanded(source), os.fspath(source)
    # TFDS names contain none of these, although they may contain a slash, a colon and the dots of a version.
    explicit = isinstance(source, os.PathLike) or text.startswith((".", "/", "~")) or text.endswith("/") or " " in text
    # pathlib's methods raise an error on a text that is too long for a path; these functions do not.
    if text and os.path.isdir(path):
        # A TFDS name is also a folder if the working directory is the folder of TFDS.
        return path if explicit or not any(path.glob("*/dataset_info.json")) else None
    if os.path.isfile(path):
        raise DataError(
            f"{text!r} is a file, expected an image folder, a list of files or the name of a TFDS data set."
        )
    if explicit or not text:
        raise DataError(f"There is no image folder {text!r}.")
    return None


def read_folder(folder, image_shape):
    """Reads the images of a flat folder, or of its subfolders as classes in alphabetical order.

    Raises:
        DataError: If there are no images, or none of them can be read.
    """
    files, labels, class_names = image_files(folder), None, None
    in_subfolders = {path.name: image_files(path) for path in subfolders(folder)}
    classes = {name: paths for name, paths in in_subfolders.items() if paths}
    if files:
        left_out = {"images beside them are no class of their own": list(classes)}
    else:
        below = [path for name in classes for path in subfolders(folder / name) if image_files(path)]
        left_out = {
            "no images in there make a class": in_subfolders.keys() - classes.keys(),
            "images of a class lie directly in its folder": [str(path.relative_to(folder)) for path in below],
        }
        class_names = tuple(classes)
        files = [path for paths in classes.values() for path in paths]
        labels = np.repeat(np.arange(len(classes), dtype="int32"), [len(paths) for paths in classes.values()])
    if not files:
        raise DataError(
            f"The folder {str(folder)!r} holds no images ({', '.join(IMAGE_SUFFIXES)}), neither directly nor "
            "in subfolders."
        )
    for why, names in left_out.items():
        if names:
            warnings.warn(f"Left out {first_of(sorted(names))} in {str(folder)!r}: {why}.", stacklevel=4)
    images, kept = read_files(folder, Files(files, image_shape))
    return ImageSet(images, None if labels is None else labels[kept], class_names)


def subfolders(folder):
    """Returns the paths of the subfolders in alphabetical order, without hidden ones."""
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]
