"""Reads pairs of an image and the source image that it is made from into an `ImageSet`."""

import contextlib
import warnings

from zoo.arrays import as_array
from zoo.data.arrays import check_readable, may_be_labels
from zoo.data.folders import find_folder, subfolders
from zoo.data.image_files import (
    IMAGE_SUFFIXES,
    Files,
    image_files,
    is_path,
    is_pattern,
    listed_files,
    name_in,
    names_files,
    read_files,
)
from zoo.data.image_set import ImageSet
from zoo.data.tfds import check_tfds_options, read_tfds
from zoo.errors import DataError, InputError, check_count, check_flag, check_image_shape, first_of, shown
from zoo.images import check_images, picture_sides


def read_pairs(source, image_shape, source_shape, *, paired=True, scale=None, split="train", data_dir=None):
    """Reads images and their source images, the inputs of an image-to-image model, into an `ImageSet`.

    Args:
        source: str, path, list, tuple, dict or `ImageSet`. One of

            - a tuple `(source_images, images)`, or a dict with these keys, of arrays, lists of files or glob patterns;
              the i-th files of both are a pair;
            - the name of a TFDS data set that has a feature `source_image` besides its image;
            - a folder with the subfolders `A` of source images and `B` of images; files of a pair have the same name;
            - a folder, list or glob pattern of pictures that each hold a pair side by side, the source image on the
              left.

            Both images of a pair must have the same proportions.
        image_shape: tuple `(height, width, channels)`. Files are cropped and resized to it; arrays must have it.
        source_shape: tuple `(height, width, channels)`. The same for the source images.
        paired: bool. Whether source image `i` belongs to image `i`. Defaults to True.
        scale: int or None. How many times as large as its source image the file of an image must be. Defaults to None,
            which accepts files of any sizes.
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
    scale = None if scale is None else check_count(scale, "scale")
    sides = _sides_of(source)
    if sides is not None:
        return _read_sides(*sides, image_shape, source_shape, paired, scale)
    check_readable(image_shape, source)
    check_readable(source_shape, source)
    if names_files(source):
        return _read_side_by_side(None, listed_files(source), image_shape, source_shape)
    folder = find_folder(source)
    if folder is None:
        return read_tfds(source, image_shape, split, data_dir, source_shape)
    if (folder / "A").is_dir() and (folder / "B").is_dir():
        return _read_two_folders(folder, image_shape, source_shape, paired, scale)
    return _read_side_by_side(folder, image_files(folder), image_shape, source_shape)


def holds_pairs(source):
    """Returns whether a source holds source images beside its images, so that `read_pairs` can read it.

    Args:
        source: anything that `read` and `read_pairs` take. A folder holds pairs if its only subfolders are `A` and `B`.
    """
    if is_path(source) and not is_pattern(source):
        folder = find_folder(source)
        return folder is not None and [path.name for path in subfolders(folder)] == ["A", "B"]
    sides = _sides_of(source)
    if sides is None or sides[0] is None:
        return False
    # `(images, labels)` is no pair.
    return names_files(sides[1]) or not may_be_labels(sides[1])


def check_scaled(source_images, image_shape, scale):
    """Raises `InputError` unless source images are an array of images of `image_shape` made `scale` times smaller."""
    height, width, channels = image_shape
    expected = height // scale, width // scale, channels
    shape = as_array(source_images, "source_images").shape
    if shape[1:] != expected:
        raise InputError(
            f"source_images has shape {shape}, expected (n, {', '.join(map(str, expected))}): the sides of "
            f"image_shape={image_shape} divided by scale={scale}."
        )


def _sides_of(source):
    """Returns the source images, None if there are none, and the images of a source; None for paths and files."""
    if isinstance(source, ImageSet):
        return source.source_images, source.images
    if isinstance(source, dict):
        return source.get("source_images"), source.get("images")
    are_two = isinstance(source, (tuple, list)) and len(source) == 2
    # Two paths are a list of two files, unless both are patterns.
    if are_two and (all(map(is_pattern, source)) or not names_files(source)):
        return tuple(source)
    return None if is_path(source) or names_files(source) else (None, source)


def _read_sides(source_images, images, image_shape, source_shape, paired, scale):
    for name, rows in (("images", images), ("source_images", source_images)):
        if rows is None:
            raise InputError(f"The data has no {name}, expected images and the source images that they are made from.")
    if scale is not None and not is_path(source_images) and not names_files(source_images):
        check_scaled(source_images, image_shape, scale)
    if not (paired and names_files(images) and names_files(source_images)):
        images = _read_side(images, image_shape, "images")
        source_images = _read_side(source_images, source_shape, "source_images")
        _check_numbers(images, source_images, paired)
        return ImageSet(images, source_images=source_images)
    check_readable(image_shape, images)
    check_readable(source_shape, source_images)
    files, source_files = listed_files(images), listed_files(source_images)
    _check_numbers(files, source_files, paired)
    return _read_partners(None, files, source_files, image_shape, source_shape, scale)


def _read_side(rows, shape, name):
    if names_files(rows):
        check_readable(shape, rows)
        return read_files(None, Files(listed_files(rows), shape))[0]
    if is_path(rows):
        raise InputError(f"{name} is {shown(str(rows))}, expected an array, a list of files or a glob pattern.")
    return check_images(rows, shape, name)


def _check_numbers(images, source_images, paired):
    if paired and len(images) != len(source_images):
        raise InputError(f"source_images has {len(source_images)} rows, expected one for each of {len(images)} images.")


def _read_two_folders(folder, image_shape, source_shape, paired, scale):
    source_files, files = image_files(folder / "A"), image_files(folder / "B")
    for name, found in (("A", source_files), ("B", files)):
        if not found:
            raise DataError(f"The folder {str(folder / name)!r} holds no images ({', '.join(IMAGE_SUFFIXES)}).")
    if paired:
        partners = _partners(folder, source_files, files)
        return _read_partners(folder, files, partners, image_shape, source_shape, scale)
    images, _ = read_files(folder, Files(files, image_shape))
    source_images, _ = read_files(folder, Files(source_files, source_shape))
    return ImageSet(images, source_images=source_images)


def _read_partners(folder, files, source_files, image_shape, source_shape, scale):
    """Reads files of which the i-th of both lists are a pair; messages name them in the folder, if it is not None."""
    _check_sizes(folder, source_files, files, scale)
    images, source_images, _ = read_files(folder, Files(files, image_shape), Files(source_files, source_shape))
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
    return [sources[file.stem] for file in files]


def _check_sizes(folder, source_files, files, scale):
    """Raises `DataError` for pairs of other aspect ratios or another scale, which would not align once cropped."""
    differing = []
    for source_file, file in zip(source_files, files, strict=True):
        # `read_files` skips unreadable files with a warning.
        with contextlib.suppress(DataError):
            (width, height), (source_width, source_height) = picture_sides(file), picture_sides(source_file)
            # Rounding when a picture is resized changes its sides by up to one pixel.
            if scale is None:
                off = abs(width * source_height - height * source_width)
                most = max(width, height, source_width, source_height)
            else:
                off = max(abs(width - scale * source_width), abs(height - scale * source_height))
                most = scale - 1
            if off > most:
                differing.append(f"{file.stem} ({source_width}x{source_height} and {width}x{height})")
    if differing:
        pairs = f"{len(differing)} pairs" + ("" if folder is None else f" in {str(folder)!r}")
        one, other = ("source_images", "images") if folder is None else ("A", "B")
        wrong = f"have other proportions in {one} than in {other}"
        if scale is not None:
            wrong = f"are not {scale} times as large in {other} as in {one}, as scale={scale} needs"
        raise DataError(f"{pairs} {wrong}: {first_of(differing)}.")


def _read_side_by_side(folder, files, image_shape, source_shape):
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
    odd, place = [], "" if folder is None else f" in {str(folder)!r}"
    for file in files:
        # `read_files` skips unreadable files with a warning.
        with contextlib.suppress(DataError):
            width, height = picture_sides(file)
            ratio = (width / 2 / height) / (image_shape[1] / image_shape[0])
            if not 2 / 3 < ratio < 3 / 2:
                odd.append(f"{name_in(folder, file)} ({width}x{height})")
    if len(odd) > len(files) / 2:
        warnings.warn(
            f"The pictures{place} are read as two images side by side, but the halves of {len(odd)} of "
            f"{len(files)} are far from the proportions of {image_shape[1]}x{image_shape[0]}: {first_of(odd)}; images "
            "that stand alone go into the subfolders A and B.",
            stacklevel=4,
        )
