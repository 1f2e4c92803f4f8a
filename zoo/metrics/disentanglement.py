"""Disentanglement: how well single latent dimensions represent single known factors of the data."""

import numpy as np

from zoo.arrays import as_array, as_numbers
from zoo.errors import InputError, check_count, shown


def mutual_information_gap(latents, factors, bins=20):
    """Computes the mutual information gap, MIG (Chen et al. 2018, eq. 6).

    For each factor v_k, the gap is the mutual information with its most informative latent dimension minus that with
    the second most informative one, divided by the factor's entropy. The MIG is the mean over the factors: 1/K sum_k
    (I(z_j1; v_k) - I(z_j2; v_k)) / H(v_k). Latents are discretized into `bins` of equal width, as in Locatello et al.
    2019.

    Args:
        latents: `(n, d)` numbers, usually posterior means; d is at least 2.
        factors: `(n, K)` integers or booleans, or a dict of arrays `(n,)` by the factors' names. Constant factors are
            left out.
        bins: number of bins per dimension, at least 1; default 20.

    Returns:
        Tuple of the MIG, a float from 0 to 1, and the gaps of the factors that vary: an array, or a dict if `factors`
        is one.

    Raises:
        InputError: the shapes do not match, a factor holds neither integers nor booleans, or no factor varies.
    """
    bins, latents = check_count(bins, "bins"), as_numbers(latents, "latents", "(n, d) numbers", "float64")
    if latents.ndim != 2 or latents.shape[1] < 2 or len(latents) == 0:
        raise InputError(f"latents has shape {latents.shape}, expected (n, d) with at least 2 dimensions.")
    named = isinstance(factors, dict)
    if named:
        columns = {name: as_array(column, "factors") for name, column in factors.items()}
        for name, column in columns.items():
            if column.shape != (len(latents),):
                raise InputError(f"factors[{shown(name)}] has shape {column.shape}, expected ({len(latents)},).")
            _check_whole(f"factors[{shown(name)}]", column)
    else:
        rows = as_array(factors, "factors")
        if rows.ndim != 2 or len(rows) != len(latents):
            raise InputError(f"factors has shape {rows.shape}, expected ({len(latents)}, number of factors).")
        _check_whole("factors", rows)
        columns = dict(enumerate(rows.T))
    codes = np.stack([_discretize(column, bins) for column in latents.T], 1)
    gaps = {}
    for name, column in columns.items():
        values, factor = np.unique(column, return_inverse=True)
        if len(values) < 2:
            continue
        informations = np.sort([_mutual_information(code, factor) for code in codes.T])
        gaps[name] = (informations[-1] - informations[-2]) / _entropy(factor)
    if not gaps:
        raise InputError("factors has no factor of more than one value.")
    mean = float(np.mean(list(gaps.values())))
    return mean, (gaps if named else np.array(list(gaps.values())))


def _check_whole(name, factor):
    if factor.dtype.kind not in "iub":
        raise InputError(
            f"{name} has dtype {factor.dtype}, expected integers or booleans: a factor of continuous values would have "
            "to be sorted into a few before."
        )


def _discretize(column, bins):
    low, high = column.min(), column.max()
    return np.minimum((bins * (column - low) / max(high - low, 1e-12)).astype(int), bins - 1)


def _entropy(codes):
    shares = np.bincount(codes) / len(codes)
    shares = shares[shares > 0]
    return -np.sum(shares * np.log(shares))


def _mutual_information(first, second):
    joint = first * (second.max() + 1) + second
    return _entropy(first) + _entropy(second) - _entropy(joint)
