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


def training_captions(number, variants):
    """Returns captions of the first training faces of `avatars`, of which half are to be short, `(number, variants)`.

    Args:
        number: int. Number of faces, at least 1.
        variants: int. Captions of each face, at least 1.
    """
    faces = [avatars.draw("train", index) for index in range(number)]
    found = [captions.training_caption(faces[index // variants], index)[0] for index in range(number * variants)]
    return np.reshape(found, (number, variants))
