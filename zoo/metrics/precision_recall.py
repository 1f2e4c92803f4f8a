"""Improved precision and recall of generated samples, in plain numpy."""

import numpy as np

from zoo.errors import InputError, shown
from zoo.neighbors import check_features, check_same_dimensions, pairwise_squared_distances, row_blocks


def precision_recall(real, generated, k=3):
    """Precision and recall of generated features against real ones.

    Kynkäänniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models", eq. 1-2. The
    manifold of a set is the union of balls around its points. Each ball reaches to the k-th nearest other point of the
    set. Precision is the share of `generated` on the manifold of `real`, boundary included; recall is the share of
    `real` on the manifold of `generated`.

    Distances are float64 from `pairwise_squared_distances`, which guards against cancellation. Blocks bound the memory:
    beyond its inputs, a call needs about 200 MB at 4096 dimensions, whatever the number of samples. Both values depend
    on the number of samples, so only results of equal sizes are comparable; the paper takes 50,000 of each.

    Args:
        real: real-valued array of shape `(samples, dimensions)`, more than `k` samples.
        generated: real-valued array of shape `(other_samples, dimensions)`, more than `k` samples.
        k: which nearest neighbour sets the radius; default 3, as in the paper.

    Returns:
        `(precision, recall)`, floats in [0, 1].

    Raises:
        InputError: if an array has another shape, fewer than 2 rows, or NaN or infinity, if the
            dimensions differ, or if `k` is not an integer from 1 to the smaller number of samples
            minus 1.
    """
    real = check_features("real", real, min_rows=2)
    generated = check_features("generated", generated, min_rows=2)
    check_same_dimensions("real", real, "generated", generated)
    largest = min(len(real), len(generated)) - 1
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= largest:
        raise InputError(
            f"k is {shown(k)}, expected an integer from 1 to {largest}, fewer than the samples in real ({len(real)}) "
            f"and generated ({len(generated)})."
        )
    precision = _share_inside(generated, real, _squared_radii(real, k))
    recall = _share_inside(real, generated, _squared_radii(generated, k))
    return precision, recall


def _squared_radii(points, k):
    """Squared distance of each point to its k-th nearest other point."""
    radii = np.empty(len(points))
    for rows in row_blocks(len(points)):
        nearest = np.full((rows.stop - rows.start, k), np.inf)
        for columns in row_blocks(len(points)):
            squared = pairwise_squared_distances(points[rows], points[columns])
            if columns == rows:
                np.fill_diagonal(squared, np.inf)
            candidates = np.concatenate([nearest, squared], axis=1)
            nearest = np.partition(candidates, k - 1, axis=1)[:, :k]
        radii[rows] = nearest[:, -1]
    return radii


def _share_inside(queries, references, squared_radii):
    """Share of `queries` in the ball of at least one of `references`."""
    inside = np.zeros(len(queries), bool)
    for rows in row_blocks(len(queries)):
        for columns in row_blocks(len(references)):
            squared = pairwise_squared_distances(queries[rows], references[columns])
            inside[rows] |= (squared <= squared_radii[columns]).any(axis=1)
    return float(inside.mean())
