"""Reads pairs of an image and the source image that it is made from into an `ImageSet`."""

import contextlib
import os
import warnings

from zoo.data.folders import IMAGE_SUFFIXES, Files, check_channels, images_in, is_folder, read_files, subfolders
from zoo.data.image_set import ImageSet
from zoo.data.tfds import check_place, read_tfds
from zoo.errors import DataError, InputError, check_flag, check_image_shape, first_of
from zoo.files import expanded
from zoo.images import check_images, picture_sides


def read_pairs(source, image_shape, source_shape, *, paired=True, split="train", data_dir=None):
    """Reads images and their source images, the inputs of an image-to-image model, into an `ImageSet`.

    Args:
        source: one of
            - a tuple `(source_images, images)`, or a dict with these keys;
            - the name of a TFDS data set that has a feature `source_image` besides its image;
            - a folder with the subfolders `A` of source images and `B` of images; files of a pair have the same name;
            - a folder of pictures that each hold a pair side by side, the source image on the left.
            Both images of a pair must have the same proportions.
        image_shape, source_shape: `(height, width, channels)`. Files are cropped and resized to it; arrays must have
            it.
        paired: bool, whether source image `i` belongs to image `i`; default True.
        split, data_dir: as for `dataset`.

    Returns:
        `ImageSet` with `images` and `source_images`.

    Raises:
        DataError: the data set or folder is missing, empty or unreadable, or its pairs do not match.
        InputError: an array has the wrong number of images, shape, dtype or range.
    """
    image_shape, source_shape = check_image_shape(image_shape), check_image_shape(source_shape, "source_shape")
    paired, (split, data_dir) = check_flag(paired, "paired"), check_place(split, data_dir)
    if isinstance(source, ImageSet):
        images, sources = source.images, source.source_images
    elif isinstance(source, (str, os.PathLike)):
        check_channels(image_shape, source_shape)
        if is_folder(source):
            return _read_pair_folder(expanded(source), image_shape, source_shape, paired)
        return read_tfds(source, image_shape, split, data_dir, source_shape)
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


def is_pair_folder(source):
    """Whether a source is a folder whose only subfolders are `A` (source images) and `B` (images)."""
    if not isinstance(source, (str, os.PathLike)) or not is_folder(source):
        return False
    return [path.name for path in subfolders(expanded(source))] == ["A", "B"]


def _read_pair_folder(folder, image_shape, source_shape, paired):
    sides = {name: folder / name for name in ("A", "B")}
    if not all(side.is_dir() for side in sides.values()):
        return _read_side_by_side(folder, image_shape, source_shape)
    listed = {name: images_in(side) for name, side in sides.items()}
    for name, found in listed.items():
        if not found:
            raise DataError(f"The folder {str(sides[name])!r} holds no images ({', '.join(IMAGE_SUFFIXES)}).")
    if not paired:
        images, _ = read_files(folder, Files(listed["B"], image_shape))
        sources, _ = read_files(folder, Files(listed["A"], source_shape))
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
    images, sources, _ = read_files(folder, Files(listed["B"], image_shape), Files(partners, source_shape))
    return ImageSet(images, source_images=sources)


def _refuse_other_sides(files, folder):
    """Raises `DataError` for pairs of different aspect ratios, which would not align once cropped to one shape."""
    differing = []
    for stem, file in files["B"].items():
        # `read_files` skips unreadable files with a warning.
        with contextlib.suppress(DataError):
            (width, height), (source_width, source_height) = picture_sides(file), picture_sides(files["A"][stem])
            # Rounding when a picture is resized changes its sides by up to one pixel.
            if abs(width * source_height - height * source_width) > max(width, height, source_width, source_height):
                differing.append(f"{stem} ({source_width}x{source_height} and {width}x{height})")
    if differing:
        raise DataError(
            f"{len(differing)} pairs in {str(folder)!r} have other proportions in A than in B: {first_of(differing)}."
        )


def _read_side_by_side(folder, image_shape, source_shape):
    files = images_in(folder)
    if not files:
        raise DataError(
            f"The folder {str(folder)!r} has neither the subfolders A and B nor pictures ({', '.join(IMAGE_SUFFIXES)}) "
            "of two images side by side."
        )

    _warn_of_odd_halves(files, folder, image_shape)
    images, sources, _ = read_files(folder, Files(files, image_shape, part=1), Files(files, source_shape, part=0))
    return ImageSet(images, source_images=sources)


def _warn_of_odd_halves(files, folder, image_shape):
    """Warns if most pictures have the proportions of a single image rather than of two side by side."""
    odd = []
    for file in files:
        # `read_files` skips unreadable files with a warning.
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
