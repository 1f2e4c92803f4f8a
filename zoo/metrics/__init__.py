"""Metrics that compare generated with real images; each name states what is computed."""

from zoo.metrics.distances import frechet_distance, gaussian_statistics, kernel_distance
from zoo.metrics.pixels import psnr, psnr_luma
from zoo.metrics.precision_recall import precision_recall
from zoo.neighbors import nearest_images, nearest_neighbors, pairwise_squared_distances

__all__ = [
    "frechet_distance",
    "gaussian_statistics",
    "kernel_distance",
    "nearest_images",
    "nearest_neighbors",
    "pairwise_squared_distances",
    "precision_recall",
    "psnr",
    "psnr_luma",
]
