"""What fine-tuning sees in images: number, size, colours, polarity, sides, classes, and likeness to a model's own."""

import collections
import contextlib
import dataclasses
import hashlib
import os

import numpy as np

from zoo import data
from zoo.errors import DataError
from zoo.files import expanded
from zoo.images import read_picture, to_uint8
from zoo.metrics import features, kernel_distance
from zoo.neighbors import pairwise_squared_distances
from zoo.nets.efficientnet_lite import LITE0

#: Images that are drawn for a kernel distance, and the most real ones that these are compared with.
DRAWN, COMPARED = 256, 500
# Fewer images are neither enough to train on nor to hold some back from.
_LEAST = 8
_FEW = 100
_FILES = 100


@dataclasses.dataclass(frozen=True)
class Description:
    """What the choices of a fine-tuning depend on.

    Attributes:
        number: int. Images to train on.
        distinct: int. Images that differ from one another.
        sides: tuple of two `(width, height)`, the smallest and the largest files; None for data that is no folder.
        coloured: float. Share of the images that have colours.
        light: float. Share of the images whose border is light.
        light_drawn: float or None. The same of what the model draws.
        sided: float. Share of the images that look more like another image than like any mirror image; 0.5 where
            motifs have no side.
        classes: dict of numbers of images by class, or None.
        distance: float or None. Kernel distance of what the model draws to the images, on general features.
        digest: str. What tells these images from others.
    """

    number: int
    distinct: int
    sides: tuple | None
    coloured: float
    light: float
    light_drawn: float | None
    sided: float
    classes: dict | None
    distance: float | None
    digest: str


def describe(source, image_set, drawn=None):
    """Describes images, and compares them with those that a model draws.

    Args:
        source: what the images were read from, such as a folder.
        image_set: `zoo.data.ImageSet`.
        drawn: uint8 images of a model, or None (default) for models that draw none of their own.

    Returns:
        `Description`.
    """
    images = as_uint8(image_set.images)
    sides, coloured = _of_files(source)
    distance = None
    if drawn is not None:
        network = features.load(LITE0)
        distance = kernel_distance(network(drawn), network(_some(images)))
    return Description(
        number=len(images),
        distinct=_distinct(images),
        sides=sides,
        coloured=_coloured(images) if coloured is None else coloured,
        light=_light(images),
        light_drawn=None if drawn is None else _light(drawn),
        sided=_sided(_some(images)),
        classes=_classes(image_set),
        distance=distance,
        digest=hashlib.sha256(images.tobytes()).hexdigest()[:16],
    )


def as_uint8(images):
    """Returns images of a data set, which may be floats in [-1, 1], as uint8."""
    return images if images.dtype == np.uint8 else to_uint8(images)


def _distinct(images):
    return len({hashlib.sha256(image.tobytes()).digest() for image in images})


def _some(images):
    """Returns at most `COMPARED` images, evenly spread, since a data set may be sorted."""
    return images[np.linspace(0, len(images) - 1, min(len(images), COMPARED)).astype(int)]


def _of_files(source):
    """Returns width and height of the smallest and the largest of some files of a folder, and the share with colours.

    Both are None for data that is no folder.
    """
    if not isinstance(source, (str, os.PathLike)) or not expanded(source).is_dir():
        return None, None
    files = [path for path in sorted(expanded(source).rglob("*")) if path.suffix.lower() in data.IMAGE_SUFFIXES]
    sides, coloured = [], []
    for index in np.unique(np.linspace(0, len(files) - 1, min(len(files), _FILES)).astype(int)):
        # Reading the folder has warned of files that are no images.
        with contextlib.suppress(DataError):
            picture = read_picture(files[index])
            sides.append(picture.shape[1::-1])
            coloured.append(picture.shape[-1] >= 3 and _coloured(picture[None, ..., :3]) > 0)
    if not sides:
        return None, None
    by_size = sorted(sides, key=min)
    return (by_size[0], by_size[-1]), float(np.mean(coloured))


def _coloured(images):
    if images.shape[-1] == 1:
        return 0.0
    spread = images.max(-1).astype(int) - images.min(-1)
    return float(np.mean(np.quantile(spread.reshape(len(images), -1), 0.95, axis=1) > 16))


def _light(images):
    grey = images.mean(-1)
    border = np.concatenate([grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]], axis=1)
    return float(np.mean(np.median(border, axis=1) > 127.5))


def _sided(images):
    """Returns the share of the images whose nearest other image is nearer than the nearest mirror image of another."""
    rows = images.reshape(len(images), -1).astype("float32")
    nearest = []
    for others in (rows, images[:, :, ::-1].reshape(len(images), -1).astype("float32")):
        distances = pairwise_squared_distances(rows, others)
        np.fill_diagonal(distances, np.inf)
        nearest.append(distances.min(1))
    # Images that are their own mirror image say nothing.
    differs = nearest[0] != nearest[1]
    return float(np.mean((nearest[0] < nearest[1])[differs])) if differs.any() else 0.5


def _classes(image_set):
    if image_set.labels is None:
        return None
    counts = collections.Counter(image_set.labels.tolist())
    names = image_set.class_names or range(max(counts) + 1)
    return {str(name): counts[label] for label, name in enumerate(names)}


def summary(found):
    """Returns a `Description` as texts, by what they are about."""
    colours = f"{found.coloured:.0%} with colours" if found.coloured else "grey"
    sizes = ""
    if found.sides:
        smallest, largest = ("x".join(map(str, sides)) for sides in found.sides)
        sizes = f", from files of {smallest}{f' to {largest}' if largest != smallest else ''} pixels"
    texts = {
        "Images": f"{found.number}, {colours}{sizes}",
        "Light ground": f"{found.light:.0%} of the images",
    }
    if found.light_drawn is not None:
        texts["Light ground"] += f", {found.light_drawn:.0%} of what the model draws"
    if found.classes:
        texts["Classes"] = ", ".join(f"{name} ({number})" for name, number in found.classes.items())
    if found.distance is not None:
        texts["Likeness"] = f"kernel distance {found.distance:.3g} to what the model draws, where 0 is alike"
    return texts


# === What is wrong with the data ===


def check_enough(images):
    """Raises `DataError` if too few images differ from one another."""
    distinct = _distinct(images)
    if distinct < _LEAST:
        same = f", {distinct} of them different" if distinct < len(images) else ""
        raise DataError(
            f"data has {len(images)} images{same}, expected at least {_LEAST} different ones: some are held back, to "
            "tell which weights are the best."
        )


def concerns(found, image_shape):
    """Yields a sentence on what the result will suffer from, besides what `fit` warns of.

    Args:
        found: `Description`.
        image_shape: shape of the model's images.
    """
    if found.distinct < found.number:
        yield (
            f"{found.number - found.distinct} of {found.number} images are copies of others, which the model will draw "
            "more often."
        )
    if found.distinct < _FEW:
        yield f"data has {found.distinct} different images, which are few: what is drawn will be near copies of them."
    if image_shape[-1] == 1 and found.coloured > 0.02:
        yield f"{found.coloured:.0%} of the images have colours, but the model draws grey; image_shape changes that."
