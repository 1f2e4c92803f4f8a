"""The search for the latents of given images."""

import numpy as np
from keras import ops

from zoo.neighbors import nearest_images
from zoo.training.step import minimized

# Weight of the squared latents relative to the squared pixel error.
_PRIOR_WEIGHT = 0.01


def nearest_latents(images, latents, drawn):
    """Returns, for each image, the latents whose drawn image is nearest in pixels.

    Args:
        images: float32 `(n, height, width, channels)` in [-1, 1].
        latents: array `(m, ...)` of candidates.
        drawn: images `(m, height, width, channels)` in [-1, 1] that the model draws of the candidates.

    Returns:
        array `(n, ...)`.
    """
    nearest, _ = nearest_images(images, drawn)
    return latents[nearest]


def inverted(images, draw, start, steps):
    """Finds latents near 0 that `draw` turns into images near given ones, by gradient descent (Zhu et al. 2016).

    The latents minimize the mean of (draw(z) - x)^2 plus a small multiple of the mean of z^2, by Adam with a learning
    rate that falls from 0.05 to 0.

    Args:
        images: float32 `(n, height, width, channels)` in [-1, 1].
        draw: differentiable function from latents to images in [-1, 1].
        start: float32 `(n, ...)`. Latents that the descent starts from.
        steps: int, at least 1. Number of steps.

    Returns:
        float32 array of the shape of `start`.
    """

    images = ops.convert_to_tensor(images)

    def loss(latents):
        distance = ops.mean(ops.square(draw(latents) - images), axis=(1, 2, 3))
        size = ops.mean(ops.square(latents), axis=tuple(range(1, len(latents.shape))))
        # The loss is a sum, so that the search for one image does not depend on the others.
        return ops.sum(distance + _PRIOR_WEIGHT * size)

    return minimized(loss, np.asarray(start, "float32"), steps, 0.05)
