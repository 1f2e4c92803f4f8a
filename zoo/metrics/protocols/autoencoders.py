"""Reconstructions of test images, and the codes that vector-quantized autoencoders give them."""

import numpy as np

from zoo.metrics.pixels import psnr
from zoo.metrics.protocols.figures import FULL, figure
from zoo.metrics.protocols.held_out import held_out_images


def reconstruction(model, dataset, *, size=FULL, data_dir=None):
    """Computes the PSNR of an autoencoder's reconstructions of test images."""
    images, _ = held_out_images(dataset, model, size, data_dir)
    protocol = f"dB, of the mean squared error over {len(images)} test images of {dataset}"
    return {f"psnr_test_{dataset}": figure([psnr(images, model.reconstruct(images))], protocol)}


def compression(model, dataset, *, size=FULL, data_dir=None):
    """Computes which share of its codebook a vector-quantized autoencoder uses, and its bits per test image."""
    images, labels = held_out_images(dataset, model, size, data_dir)
    codes = model.encode(images)
    grids = codes if isinstance(codes, tuple) else (codes,)
    used = min(len(np.unique(grid)) for grid in grids) / model.num_embeddings
    of = f"{len(images)} test images of {dataset}"
    figures = {
        f"used_codes_test_{dataset}": (used, f"share of the codebook that {of} use, of the grid where it is least"),
    }
    bits = model.bits_per_image(images, labels).mean()
    given = "" if labels is None else ", given the labels"
    figures[f"bits_test_{dataset}"] = (bits, f"bits an image, of the codes of {of} under the prior{given}")
    return {name: figure([value], protocol) for name, (value, protocol) in figures.items()}
