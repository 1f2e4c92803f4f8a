"""How much a protocol measures, and the form in which it reports a metric."""

from typing import NamedTuple

import numpy as np

from zoo.errors import InputError, check_count, shown
from zoo.latents import check_seed

#: Number of nearest neighbours in precision and recall.
NEIGHBORS = 3


class Size(NamedTuple):
    """The amount of samples and test data in a measurement.

    Attributes:
        images: generated images per seed, at least 4; default 10,000.
        importance_samples: samples of the bound on the likelihood, at least 1; default 5,000.
        test_images: test images for likelihoods, reconstructions, edits and the classification accuracy score, at least
            1; default 10,000. Distances use the features of all test images.
        seeds: seeds of `generate`; default `(0, 1, 2)`.
    """

    images: int = 10_000
    importance_samples: int = 5_000
    test_images: int = 10_000
    seeds: tuple[int, ...] = (0, 1, 2)

    def check(self):
        """Raises `InputError` if a size is too small.

        Precision and recall use the third nearest neighbour, so at least 4 images are needed.
        """
        check_count(self.images, "size.images", least=NEIGHBORS + 1)
        check_count(self.importance_samples, "size.importance_samples")
        check_count(self.test_images, "size.test_images")
        if not isinstance(self.seeds, (tuple, list)) or not self.seeds:
            raise InputError(f"size.seeds is {shown(self.seeds)}, expected at least one seed.")
        for seed in self.seeds:
            check_seed(seed)

    @property
    def named_seeds(self):
        return ", ".join(map(str, self.seeds))


#: The size of the figures that are published.
FULL = Size()
#: The size of a trial.
SMOKE = Size(images=16, importance_samples=5, test_images=16, seeds=(0,))


def figure(values, protocol, real=None):
    """Builds a metric as `evaluate` returns it, from one value per seed or from a single value without a seed."""
    return {
        "value": float(np.mean(values)),
        "std": float(np.std(values)) if len(values) > 1 else None,
        "real": None if real is None else float(real),
        "protocol": protocol,
    }


def short_number(number):
    """Returns a number as text, with whole thousands as in `10k`."""
    return f"{number // 1000}k" if number % 1000 == 0 else str(number)
