"""Finds the captions of generated pictures again among others."""

import numpy as np

from zoo import data
from zoo.errors import InputError
from zoo.metrics import features
from zoo.metrics.protocols.figures import FULL, figure
from zoo.text import words

RETRIEVAL_CANDIDATES = 10


def retrieval(model, dataset, *, size=FULL, feature_network=None, data_dir=None):
    """Computes how often a generated picture matches its own caption best, for captions of both splits.

    The data set has a `caption` and a `source_image`, another picture of the same subject, for each image.
    """
    figures = {}
    for split in ("test", "train"):
        pairs = data.read_pairs(dataset, model.image_shape, model.image_shape, split=split, data_dir=data_dir)
        figures |= retrieval_of(model, pairs, f"{split}_{dataset}", size=size, feature_network=feature_network)
    return figures


def retrieval_of(model, image_set, name, *, size=FULL, feature_network=None):
    """Computes `retrieval` on images with prompts and source images that were read already.

    A picture matches a caption by the distance of its features to those of the caption's true picture. The generator
    was not trained on these features, unlike on the discriminator's.
    """
    if image_set.prompts is None:
        raise InputError(f"{name} has no caption for each image, expected a data set with captions.")
    number = min(len(image_set.images), size.images)
    prompts = image_set.prompts[:number]
    vocabulary = set(model.vocabulary)
    known = np.array([not vocabulary.isdisjoint(words(prompt)) for prompt in prompts])
    network = features.load(feature_network or features.PICTURE_FEATURES)
    features.check_judge(model, network.name)
    real, other_hand = (network(images[:number]) for images in (image_set.images, image_set.source_images))
    among = min(RETRIEVAL_CANDIDATES, number)
    shares, real_shares = [], []
    for seed in size.seeds:
        random = np.random.RandomState(seed)
        # The own picture comes first, then randomly drawn others.
        candidates = np.array(
            [[own, *random.permutation(np.delete(np.arange(number), own))[: among - 1]] for own in range(number)]
        )

        def found(given, candidates=candidates):
            distances = np.linalg.norm(given[:, None] - real[candidates], axis=-1)
            return distances[:, 0] < distances[:, 1:].min(1)

        drawn = np.zeros_like(real)
        if known.any():
            drawn[known] = network(model.generate(prompts=prompts[known].tolist(), seed=seed))
        shares.append(np.mean(found(drawn) & known))
        real_shares.append(np.mean(found(other_hand)))
    return {
        f"retrieval_{name}": figure(
            shares,
            f"share of {number} captions of {name} whose drawn picture is nearer to their true picture than to those "
            f"of {among - 1} others, drawn at random, on features of {network.description}; chance: {1 / among:.2g}; "
            f"the {number - known.sum()} captions without a word that the model knows count as wrong; real: the source "
            f"images in place of drawn ones; seeds {size.named_seeds}",
            np.mean(real_shares),
        )
    }
