"""Distances between sets of feature vectors, in plain numpy.

Every function takes features as a real array of shape `(samples, dimensions)` and computes in float64. The functions
are independent of the network that made the features: each result is in units of the features, so two results are
comparable only if the same network made both.
"""

import numpy as np

from zoo.arrays import as_numbers
from zoo.errors import InputError
from zoo.neighbors import check_features, check_same_dimensions, row_blocks

# Statistics that were stored as float32 are symmetric and positive only up to this share of the largest entry or
# eigenvalue.
_COVARIANCE_TOLERANCE = 1e-5


def gaussian_statistics(features):
    """Mean and unbiased covariance of a set of features.

    The covariance divides by `samples - 1`. With no more samples than dimensions it is singular,
    which `frechet_distance` accepts.

    Args:
        features: real array of shape `(samples, dimensions)`, at least 2 samples.

    Returns:
        `(mean, covariance)`, float64 of shapes `(dimensions,)` and `(dimensions, dimensions)`.

    Raises:
        InputError: if `features` has another shape, fewer than 2 rows, or NaN or infinity.
    """
    features = check_features("features", features, min_rows=2)
    mean = features.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((mean.size, mean.size))
    for rows in row_blocks(len(features)):
        centred = features[rows] - mean
        scatter += centred.T @ centred
    return mean, scatter / (len(features) - 1)


def frechet_distance(mean_a, cov_a, mean_b, cov_b):
    """Squared Fréchet (2-Wasserstein) distance between two Gaussians.

    `|mean_a - mean_b|^2 + Tr(A + B - 2 (A^1/2 B A^1/2)^1/2)`: Heusel et al. 2017, "GANs Trained by
    a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", eq. 6 (there with the
    non-symmetric `(A B)^1/2`, which has the same trace). On Inception features this is the FID.
    Covariances may be singular.

    Args:
        mean_a: array of shape `(dimensions,)`.
        cov_a: covariance, array of shape `(dimensions, dimensions)`.
        mean_b: array of shape `(dimensions,)`.
        cov_b: covariance, array of shape `(dimensions, dimensions)`.

    Returns:
        A non-negative float, in squared units of the features.

    Raises:
        InputError: if shapes disagree, a value is NaN or infinite, or a covariance is not
            symmetric positive semidefinite.
    """
    mean_a = _check_moment("mean_a", mean_a)
    if mean_a.ndim != 1 or mean_a.size == 0:
        raise InputError(f"mean_a has shape {mean_a.shape}, expected (dimensions,).")
    mean_b = _check_moment("mean_b", mean_b, mean_a.shape)
    cov_a = _check_moment("cov_a", cov_a, mean_a.shape * 2)
    cov_b = _check_moment("cov_b", cov_b, mean_a.shape * 2)

    # With A = F F^T and B = G G^T, the trace of (A^1/2 B A^1/2)^1/2 is the sum of the singular
    # values of F^T G. Taking these, instead of roots of the eigenvalues of A^1/2 B A^1/2, keeps a
    # null direction's rounding error e from being counted as sqrt(e).
    factor_a = _factorize("cov_a", cov_a)
    factor_b = _factorize("cov_b", cov_b)
    cross_trace = np.linalg.svd(factor_a.T @ factor_b, compute_uv=False).sum()
    distance = np.sum((mean_a - mean_b) ** 2) + np.trace(cov_a) + np.trace(cov_b) - 2 * cross_trace
    # Between equal Gaussians, rounding leaves a tiny value of either sign.
    return max(float(distance), 0.0)


def kernel_distance(features_a, features_b):
    """Unbiased estimate of the squared maximum mean discrepancy under a cubic polynomial kernel.

    The kernel is `(x . y / dimensions + 1)^3` of Bińkowski et al. 2018, "Demystifying MMD GANs",
    section 4, where this distance on Inception features is the KID; the estimate is that of
    Gretton et al. 2012, "A Kernel Two-Sample Test", eq. 3. It averages over all pairs instead of
    random subsets, so that one input has one value.

    Args:
        features_a: real array of shape `(samples_a, dimensions)`, at least 2 samples.
        features_b: real array of shape `(samples_b, dimensions)`, at least 2 samples.

    Returns:
        A float, in units of the kernel and not multiplied by 1000 as some tables are. It can be
        slightly negative, since its expectation is 0 for two samples of one distribution.

    Raises:
        InputError: if an array has another shape, fewer than 2 rows, or NaN or infinity, or if the
            dimensions differ.
    """
    a = check_features("features_a", features_a, min_rows=2)
    b = check_features("features_b", features_b, min_rows=2)
    check_same_dimensions("features_a", a, "features_b", b)
    between = _kernel_sum(a, b) / (len(a) * len(b))
    return float(_mean_kernel_within(a) + _mean_kernel_within(b) - 2 * between)


def _check_moment(name, moment, shape=None):
    moment = as_numbers(moment, name, "finite numbers", "float64")
    if shape is not None and moment.shape != shape:
        raise InputError(f"{name} has shape {moment.shape}, expected {shape} to fit mean_a.")
    return moment


def _factorize(name, covariance):
    """Returns `F` of shape `(dimensions, rank)` with `F F^T = covariance`."""
    asymmetry = np.abs(covariance - covariance.T).max()
    if asymmetry > _COVARIANCE_TOLERANCE * np.abs(covariance).max():
        raise InputError(f"{name} differs from its mirror image by up to {asymmetry:.3g}, expected a symmetric matrix.")
    values, vectors = np.linalg.eigh(covariance)
    if values[0] < -_COVARIANCE_TOLERANCE * np.abs(values).max():
        raise InputError(f"{name} has the eigenvalue {values[0]:.3g}, expected a positive semidefinite matrix.")
    # Eigenvalues below the rounding error of eigh are zeros, and their square roots would not be small.
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return vectors[:, kept] * np.sqrt(values[kept])


def _polynomial_kernel(inner_products, dimensions):
    return (inner_products / dimensions + 1) ** 3


def _mean_kernel_within(a):
    """Mean over pairs of different rows, because a row paired with itself would bias the estimate."""
    own = sum(
        _polynomial_kernel(np.sum(a[rows].astype(np.float64) ** 2, axis=1), a.shape[1]).sum()
        for rows in row_blocks(len(a))
    )
    return (_kernel_sum(a, a) - own) / (len(a) * (len(a) - 1))


def _kernel_sum(a, b):
    return sum(
        _polynomial_kernel(a[rows].astype(np.float64) @ b[columns].astype(np.float64).T, a.shape[1]).sum()
        for rows in row_blocks(len(a))
        for columns in row_blocks(len(b))
    )
