"""Distances between images, pixel by pixel."""

import numpy as np


def psnr(images, others):
    """Peak signal-to-noise ratio in dB of uint8 images to others of their shape, 10 log10(255^2 / mean squared error).

    The error is averaged over all images before the logarithm; identical images have an infinite ratio.
    """
    error = np.mean(np.square(np.subtract(images, others, dtype="float64")))
    return float("inf") if error == 0 else float(10 * np.log10(255.0**2 / error))
