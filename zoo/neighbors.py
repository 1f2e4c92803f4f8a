"""Nearest neighbours of feature vectors and of images by Euclidean distance, in plain numpy.

Feature vectors are the rows of a real array of shape `(samples, dimensions)`. The functions compute in float64.
"""

import numpy as np

from zoo.arrays import as_array, as_numbers
from zoo.errors import InputError, check_count

# Number of rows converted and multiplied at a time. 1024 x 1024 distances take 8 MB, 1024 features of 4096 dimensions
# take 32 MB, and the products are still large enough for BLAS to run at full speed.
BLOCK = 1024

# A squared distance below this share of the two squared norms has lost too many digits in their subtraction, so it is
# computed again from the differences.
_CANCELLATION = 1e-6


def check_features(name, features, min_rows=1):
    """Returns `features` as an array of shape `(samples, dimensions)`, its dtype unchanged.

    Raises:
        InputError: if it is not a 2-D real array, has fewer than `min_rows` rows or no column, or
            holds NaN or infinity. `name` is the argument that the message names.
    """
    expected = "finite real numbers of shape (samples, dimensions)"
    features = as_numbers(features, name, expected, dtype=None)
    if features.ndim != 2 or features.shape[1] == 0:
        raise InputError(f"{name} has shape {features.shape}, expected {expected}.")
    if len(features) < min_rows:
        raise InputError(f"{name} has {len(features)} rows, expected at least {min_rows}.")
    return features


def check_same_dimensions(name_a, a, name_b, b):
    """Raises `InputError` unless the features `a` and `b` have equally many columns."""
    if a.shape[1] != b.shape[1]:
        raise InputError(f"{name_b} has {b.shape[1]} dimensions, expected {a.shape[1]}, as many as {name_a}.")


def row_blocks(rows, block=BLOCK):
    """Yields the slices that cut `rows` rows into blocks of at most `block`."""
    for start in range(0, rows, block):
        yield slice(start, min(start + block, rows))


def pairwise_squared_distances(a, b):
    """Squared Euclidean distance of every row of `a` to every row of `b`.

    The whole result is in memory, so a caller with large sets passes blocks of them. Distances come
    from `|x|^2 + |y|^2 - 2 x . y`, relative to the first row of `b` so that an offset common to all
    features costs no digits. Where the result is below 1e-6 of `|x|^2 + |y|^2`, cancellation could
    have spoilt it, and it is recomputed from `x - y`: equal rows are at distance exactly 0.

    Args:
        a: real array of shape `(rows_a, dimensions)`.
        b: real array of shape `(rows_b, dimensions)`.

    Returns:
        float64 array of shape `(rows_a, rows_b)`, never negative.

    Raises:
        InputError: if an array has another shape, no row, or NaN or infinity, or if the dimensions
            differ.
    """
    a = check_features("a", a).astype(np.float64, copy=False)
    b = check_features("b", b).astype(np.float64, copy=False)
    check_same_dimensions("a", a, "b", b)
    # Shifting by a row rather than by the mean keeps integer features integer, and their ties exact.
    shifted_a, shifted_b = a - b[0], b - b[0]
    norms = np.sum(shifted_a**2, axis=1)[:, None] + np.sum(shifted_b**2, axis=1)
    squared = norms - 2 * (shifted_a @ shifted_b.T)
    cancelled = squared < _CANCELLATION * norms
    for row in np.flatnonzero(cancelled.any(axis=1)):
        columns = np.flatnonzero(cancelled[row])
        squared[row, columns] = np.sum((b[columns] - a[row]) ** 2, axis=1)
    return squared


def nearest_neighbors(queries, references, block=BLOCK):
    """Finds the reference nearest to each query; for images see `nearest_images`.

    Args:
        queries: real array of shape `(samples, dimensions)`.
        references: real array of shape `(references, dimensions)`.
        block: number of rows of either array compared at a time, which bounds the memory; default 1024.

    Returns:
        `(index, distance)`, int64 and float64 of shape `(samples,)`: the row of `references` (the first of equally near
        ones) and its Euclidean distance in units of the features.

    Raises:
        InputError: if an array has another shape, no row, or NaN or infinity, if the dimensions
            differ, or if `block` is not a positive integer.
    """
    queries = check_features("queries", queries)
    references = check_features("references", references)
    check_same_dimensions("queries", queries, "references", references)
    check_count(block, "block")
    index = np.zeros(len(queries), np.int64)
    squared = np.full(len(queries), np.inf)
    for rows in row_blocks(len(queries), block):
        for columns in row_blocks(len(references), block):
            found = pairwise_squared_distances(queries[rows], references[columns])
            nearest = found.argmin(axis=1)
            found = found.min(axis=1)
            closer = found < squared[rows]
            index[rows][closer] = columns.start + nearest[closer]
            squared[rows][closer] = found[closer]
    return index, np.sqrt(squared)


def nearest_images(queries, references):
    """Finds the reference image nearest to each query image by Euclidean distance of the pixels.

    For example, the nearest training image of each sample shows whether a model copies.

    Args:
        queries: images `(n, height, width, channels)`, uint8 or floats.
        references: images `(m, height, width, channels)` of the same image shape and value range.

    Returns:
        `(index, distance)`, as for `nearest_neighbors`.

    Raises:
        InputError: an array does not hold images, or the two differ in image shape or in being uint8 or floats.
    """
    queries, references = as_array(queries, "queries"), as_array(references, "references")
    for name, images in {"queries": queries, "references": references}.items():
        if images.ndim != 4 or images.size == 0:
            raise InputError(f"{name} has shape {images.shape}, expected (n, height, width, channels).")
    if queries.shape[1:] != references.shape[1:] or (queries.dtype == np.uint8) != (references.dtype == np.uint8):
        raise InputError(
            f"references holds {references.dtype} images of shape {references.shape[1:]}, expected those of queries, "
            f"{queries.dtype} of shape {queries.shape[1:]}."
        )
    return nearest_neighbors(*(images.reshape(len(images), -1) for images in (queries, references)))
