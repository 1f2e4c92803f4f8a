"""What recipes do to their image sets before the training."""

import numpy as np

from zoo import data
from zoo.datasets import avatars, captions


def turned(image_set, most=None):
    """Returns the square images in all four orientations, every second one mirrored, for motifs without an upright.

    Args:
        image_set: `zoo.data.ImageSet`.
        most: int or None. Number of images that are used; default None, all.
    """
    images = image_set.images[:most].copy()
    images[1::2] = images[1::2, :, ::-1]
    return data.ImageSet(np.concatenate([np.rot90(images, turns, (1, 2)) for turns in range(4)]))


def captioned_faces(split, number):
    """Returns the captions of the first faces of a split of `avatars`, each with a dict of what it names."""
    return [captions.caption(avatars.draw(split, index), index) for index in range(number)]
