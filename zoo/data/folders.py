"""Reads a folder of image files into an `ImageSet`."""

import mimetypes
import os
import warnings
from typing import NamedTuple

import numpy as np

from zoo.data.image_set import ImageSet, empty_images
from zoo.errors import DataError, InputError, first_of
from zoo.files import expanded
from zoo.images import read_image
from zoo.progress import bar

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def is_folder(source):
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


def check_channels(*shapes):
    """Raises `InputError` for channels that image files do not have."""
    for shape in shapes:
        if shape[-1] not in (1, 3):
            raise InputError(f"image_shape is {tuple(shape)}, expected 1 or 3 channels to read image files.")


def read_folder(folder, image_shape):
    files, labels, class_names = images_in(folder), None, None
    found = {path.name: images_in(path) for path in subfolders(folder)}
    by_class = {name: images for name, images in found.items() if images}
    if files:
        left_out = {"images beside them are no class of their own": by_class}
    else:
        below = [path for name in by_class for path in subfolders(folder / name) if images_in(path)]
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
    images, kept = read_files(folder, Files(files, image_shape))
    return ImageSet(images, None if labels is None else labels[kept], class_names)


class Files(NamedTuple):
    """Image files, the shape to fit their images to, and the half of each picture to read (None reads all of it)."""

    paths: list
    image_shape: tuple[int, ...]
    part: int | None = None


def read_files(folder, *sides):
    """Reads the files of all `sides`; the i-th files of all sides belong together.

    Files that cannot be read are named in a warning and left out on all sides.

    Returns:
        One array of images per side, and the list of the indices that were read.
    """
    number = len(sides[0].paths)
    arrays, kept, unreadable, why = [empty_images(number, side.image_shape) for side in sides], [], [], None
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


def subfolders(folder):
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith(".")]


def images_in(folder):
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
