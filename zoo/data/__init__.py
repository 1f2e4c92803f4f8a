"""Data sets for the zoo: reads TFDS names, image folders, lists of files and arrays into canonical batches.

The canonical batch is a dict of `images` (uint8 or float in [-1, 1], NHWC) and, where the source has them, `labels`
(int32). Images are decoded, cropped and resized once and kept as uint8. The model's step scales them, so an epoch costs
one gather per batch.
"""

from zoo.data.doubtful import warn_of_doubtful
from zoo.data.image_files import IMAGE_SUFFIXES
from zoo.data.image_set import ImageSet
from zoo.data.pairs import check_scaled, holds_pairs, read_pairs
from zoo.data.pipeline import batches, check_batch_size, dataset
from zoo.data.sources import read
from zoo.data.splitting import held_back, is_named
from zoo.data.tfds import attributes, check_name, identity

__all__ = [
    "IMAGE_SUFFIXES",
    "ImageSet",
    "attributes",
    "batches",
    "check_batch_size",
    "check_name",
    "check_scaled",
    "dataset",
    "held_back",
    "holds_pairs",
    "identity",
    "is_named",
    "read",
    "read_pairs",
    "warn_of_doubtful",
]
