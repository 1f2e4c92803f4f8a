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


def varied_captions(captions, variants, seed=0):
    """Returns each caption `variants` times: its name, followed by a random choice of its tags in random order.

    Args:
        captions: texts of a name and tags, separated by commas.
        variants: int. Variants of each caption, at least 1.
        seed: int. Default 0.
    """
    random, found = np.random.RandomState(seed), []
    for caption in np.repeat(captions, variants):
        name, *tags = caption.split(", ")
        found.append(", ".join([name, *random.permutation(tags)[: random.randint(len(tags) + 1)]]))
    return found


def captioned_faces(split, number):
    """Returns the captions of the first faces of a split of `avatars`, each with a dict of what it names."""
    return [captions.caption(avatars.draw(split, index), index) for index in range(number)]
