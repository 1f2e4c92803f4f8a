"""Distances of translated images to their true counterparts."""

import numpy as np

from zoo import data
from zoo.metrics import features
from zoo.metrics.distances import frechet_distance, gaussian_statistics
from zoo.metrics.protocols.figures import FULL, figure
from zoo.neighbors import nearest_images


def translation(model, dataset, *, size=FULL, feature_network=None, data_dir=None):
    """Computes how close translations of test images come to their true counterparts, and the same for two baselines.

    The baselines are the source image itself, and the counterpart of the training source image that is nearest in
    pixels.
    """
    train, test = (
        data.read_pairs(dataset, model.image_shape, model.source_shape, split=split, data_dir=data_dir)
        for split in ("train", "test")
    )
    return translation_of(model, train, test, dataset, size=size, feature_network=feature_network)


def translation_of(model, train, test, dataset, *, size=FULL, feature_network=None):
    """Computes `translation` on training and test pairs that were read already."""
    number = min(len(test.images), size.images)
    ways = {"": ("source_images", "images", {})}
    if model.translates_back:
        ways["_back"] = ("images", "source_images", {"reverse": True})
    network = features.load(feature_network or features.PICTURE_FEATURES)
    features.check_judge(model, network.name)
    figures = {}
    for way, (given, wanted, options) in ways.items():
        sources, targets = getattr(test, given)[:number], getattr(test, wanted)[:number]
        nearest, _ = nearest_images(sources, getattr(train, given))
        drawn = {
            "": (model.translate(sources, **options), "translations"),
            "_of_source": (_with_channels(sources, targets.shape[-1]), "source images, untranslated,"),
            "_of_nearest": (
                getattr(train, wanted)[nearest],
                "counterparts of the training source images nearest in pixels",
            ),
        }
        reference = gaussian_statistics(network(targets))
        for whose, (images, what) in drawn.items():
            of = f"of {number} {what} to the true counterparts in the test split of {dataset}"
            if way:
                of += ", from images to source images,"
            figures[f"l1{way}{whose}_test_{dataset}"] = figure(
                [np.abs(images.astype("float64") - targets).mean() / 255], f"mean absolute difference, in 0..1, {of}"
            )
            figures[f"fid{number}{way}{whose}_test_{network.name}"] = figure(
                [frechet_distance(*gaussian_statistics(network(images)), *reference)],
                f"Fréchet distance {of} on features of {network.description}",
            )
    return figures


def _with_channels(images, channels):
    """Converts images of 1 or 3 channels to `channels` channels, so that they can be compared."""
    if images.shape[-1] == channels:
        return images
    grey = images if images.shape[-1] == 1 else images.mean(-1, keepdims=True).astype("uint8")
    return np.broadcast_to(grey, (*images.shape[:3], channels))
