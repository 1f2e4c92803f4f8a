"""Reads pairs of an image and the source image that it is made from into an `ImageSet`."""

import contextlib
import os
import warnings

from zoo.data.folders import check_channels, find_folder, subfolders
from zoo.data.image_files import IMAGE_SUFFIXES, Files, image_files, read_files
from zoo.data.image_set import ImageSet
from zoo.data.tfds import check_tfds_options, read_tfds
from zoo.errors import DataError, InputError, check_flag, check_image_shape, first_of
from zoo.images import check_images, picture_sides


def read_pairs(source, image_shape, source_shape, *, paired=True, split="train", data_dir=None):
    """Reads images and their source images, the inputs of an image-to-image model, into an `ImageSet`.

    Args:
        source: str, path, tuple, dict or `ImageSet`. One of
            - a tuple `(source_images, images)`, or a dict with these keys;
            - the name of a TFDS data set that has a feature `source_image` besides its image;
            - a folder with the subfolders `A` of source images and `B` of images; files of a pair have the same name;
            - a folder of pictures that each hold a pair side by side, the source image on the left.
            Both images of a pair must have the same proportions.
        image_shape: tuple `(height, width, channels)`. Files are cropped and resized to it; arrays must have it.
        source_shape: tuple `(height, width, channels)`. The same for the source images.
        paired: bool. Whether source image `i` belongs to image `i`. Defaults to True.
        split: str. TFDS split, as for `dataset`. Defaults to `"train"`.
        data_dir: str, path or None. Folder of TFDS, as for `dataset`. Defaults to None.

    Returns:
        `ImageSet` with `images` and `source_images`.

    Raises:
        DataError: If the data set or folder is missing, empty or unreadable, or its pairs do not match.
        InputError: If an array has the wrong number of images, shape, dtype or range.

    Example:

    ```python
    import zoo

    pairs = zoo.data.read_pairs("my_pairs/", (64, 64, 3), (64, 64, 1))
    print(pairs.images.shape, pairs.source_images.shape)
    ```
    """
    image_shape, source_shape = check_image_shape(image_shape), check_image_shape(source_shape, "source_shape")
    paired, (split, data_dir) = check_flag(paired, "paired"), check_tfds_options(split, data_dir)
    if not isinstance(source, (str, os.PathLike)):
        return _read_pair_arrays(source, image_shape, source_shape, paired)
    check_channels(image_shape, source_shape)
    folder = find_folder(source)
    if folder is None:
        return read_tfds(source, image_shape, split, data_dir, source_shape)
    if (folder / "A").is_dir() and (folder / "B").is_dir():
        return _read_two_folders(folder, image_shape, source_shape, paired)
    return _read_side_by_side(folder, image_shape, source_shape)


def is_pair_folder(source):
    """Returns whether a source is a folder whose only subfolders are `A` (source images) and `B` (images)."""
    folder = find_folder(source) if isinstance(source, (str, os.PathLike)) else None
    return folder is not None and [path.name for path in subfolders(folder)] == ["A", "B"]


def _read_pair_arrays(source, image_shape, source_shape, paired):
    if isinstance(source, ImageSet):
        images, source_images = source.images, source.source_images
    elif isinstance(source, dict):
        images, source_images = source.get("images"), source.get("source_images")
    elif isinstance(source, (tuple, list)) and len(source) == 2:
        source_images, images = source
    else:
        images, source_images = source, None
    for name, array in (("images", images), ("source_images", source_images)):
        if array is None:
            raise InputError(f"The data has no {name}, expected images and the source images that they are made from.")
    images = check_images(images, image_shape)
    source_images = check_images(source_images, source_shape, "source_images")
    if paired and len(images) != len(source_images):
        raise InputError(f"source_images has {len(source_images)} rows, expected one for each of {len(images)} images.")
    return ImageSet(images, source_images=source_images)


def _read_two_folders(folder, image_shape, source_shape, paired):
    source_files, files = image_files(folder / "A"), image_files(folder / "B")
    for name, found in (("A", source_files), ("B", files)):
        if not found:
            raise DataError(f"The folder {str(folder / name)!r} holds no images ({', '.join(IMAGE_SUFFIXES)}).")
    if paired:
        partners = _partners(folder, source_files, files)
        images, source_images, _ = read_files(folder, Files(files, image_shape), Files(partners, source_shape))
    else:
        images, _ = read_files(folder, Files(files, image_shape))
        source_images, _ = read_files(folder, Files(source_files, source_shape))
    return ImageSet(images, source_images=source_images)


def _partners(folder, source_files, files):
    """Returns the source file of the same name for each of `files`, or raises `DataError` if they make no pairs."""
    sources, targets = ({file.stem: file for file in group} for group in (source_files, files))
    twins = [
        str(file.relative_to(folder))
        for group, by_stem in ((source_files, sources), (files, targets))
        for file in group
        if by_stem[file.stem] != file
    ]
    if twins:
        raise DataError(
            f"{len(twins)} files in {str(folder)!r} have the name of another beside them but for its ending, so that "
            f"nobody can tell which is whose partner: {first_of(twins)}."
        )
    alone = [(sources | targets)[stem] for stem in sorted(sources.keys() ^ targets.keys())]
    if alone:
        raise DataError(
            f"{len(alone)} files in {str(folder)!r} have no partner of the same name in the other of A and B: "
            f"{first_of([str(file.relative_to(folder)) for file in alone])}."
        )
    partners = [sources[file.stem] for file in files]
    _check_proportions(folder, partners, files)
    return partners


def _check_proportions(folder, source_files, files):
    """Raises `DataError` for pairs of different aspect ratios, which would not align once cropped to one shape."""
    differing = []
    for source_file, file in zip(source_files, files, strict=True):
        # `read_files` skips unreadable files with a warning.
        with contextlib.suppress(DataError):
            (width, height), (source_width, source_height) = picture_sides(file), picture_sides(source_file)
            # Rounding when a picture is resized changes its sides by up to one pixel.
            if abs(width * source_height - height * source_width) > max(width, height, source_width, source_height):
                differing.append(f"{file.stem} ({source_width}x{source_height} and {width}x{height})")
    if differing:
        raise DataError(
            f"{len(differing)} pairs in {str(folder)!r} have other proportions in A than in B: {first_of(differing)}."
        )


def _read_side_by_side(folder, image_shape, source_shape):
    files = image_files(folder)
    if not files:
        raise DataError(
            f"The folder {str(folder)!r} has neither the subfolders A and B nor pictures ({', '.join(IMAGE_SUFFIXES)}) "
            "of two images side by side."
        )
    _warn_of_odd_halves(folder, files, image_shape)
    halves = Files(files, image_shape, part=1), Files(files, source_shape, part=0)
    images, source_images, _ = read_files(folder, *halves)
    return ImageSet(images, source_images=source_images)


def _warn_of_odd_halves(folder, files, image_shape):
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
