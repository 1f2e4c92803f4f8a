"""What recipes do to their image sets before the training."""

import numpy as np

from zoo import data
from zoo.datasets import avatars, captions


def mirrored(image_set):
    """Returns an image set followed by its mirror images, for motifs without a side."""
    twice = {
        field: np.concatenate([rows, rows[:, :, ::-1] if field in ("images", "source_images") else rows])
        for field, rows in image_set._asdict().items()
        if rows is not None and field != "class_names"
    }
    return image_set._replace(**twice)


def turned(image_set, most=None):
    """Returns the square images in all four orientations, every second one mirrored, for motifs without an upright.

    Args:
        image_set: `zoo.data.ImageSet`.
        most: int or None. Number of images that are used; default None, all.
    """
    images = image_set.images[:most].copy()
    images[1::2] = images[1::2, :, ::-1]
    return data.ImageSet(np.concatenate([np.rot90(images, turns, (1, 2)) for turns in range(4)]))


def spread(items, number=27):
    """Returns some of an array's items, evenly spread; triples of 27 items fill a square grid."""
    return items[np.linspace(0, len(items) - 1, number).astype(int)]


def captioned_faces(split, number):
    """Returns the captions of the first faces of a split of `avatars`, each with a dict of what it names."""
    return [captions.caption(avatars.draw(split, index), index) for index in range(number)]
