"""Latent vectors and other noise: one random stream per image, the same on every backend."""

import secrets

import numpy as np

from zoo.errors import InputError


def sample(num_samples, shape, seed=None, start=0, distribution="normal"):
    """Draws latents or other noise; row `i` depends on `seed` and `start + i` alone.

    Hence the first 16 of 64 are the 16, whatever the batches. numpy's `RandomState` keeps its streams from
    version to version, which its newer `Generator` does not promise.

    Args:
        num_samples: rows to draw.
        shape: shape of one latent.
        seed: integer from 0 to 2**63 - 1; None draws a new one.
        start: index of the first row.
        distribution: `"normal"`, the standard one, or `"uniform"` from 0 to 1.

    Returns:
        float32 array `(num_samples, *shape)`.

    Raises:
        InputError: `seed` is no such integer.
    """
    seed = fresh_seed() if seed is None else check_seed(seed)
    rows = np.empty((num_samples, *shape), "float32")
    for index in range(num_samples):
        numbers = stream(seed, start + index)
        rows[index] = numbers.standard_normal(shape) if distribution == "normal" else numbers.uniform(size=shape)
    return rows


def sample_labels(num_samples, num_classes, seed):
    """Draws int32 labels `(num_samples,)` uniformly; label `i` depends on `seed` and `i` alone."""
    # Further on in each image's stream than its noise ever gets, lest the two agree.
    streams = (np.random.RandomState(np.random.Philox(key=[seed, i]).jumped()) for i in range(num_samples))
    return np.array([numbers.randint(num_classes) for numbers in streams], "int32")


def stream(seed, index):
    """The random stream of image `index` under `seed`."""
    return np.random.RandomState(np.random.Philox(key=[seed, index]))


def fresh_seed():
    """A seed from the system's entropy, so that no global random state moves."""
    return secrets.randbits(63)


def check_seed(seed):
    """Returns `seed` as an int, or raises `InputError`."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise InputError(f"seed is {seed!r}, expected an integer from 0 to 2**63 - 1.")
    return int(seed)
