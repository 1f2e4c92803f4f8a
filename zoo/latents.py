"""Latents and other noise, drawn from one random stream per image on every backend, and latent-space editing.

Editing is arithmetic on plain arrays of latents `(n, d)` of any model. `decode` of a VAE, `generate(latents=...)` of a
GAN or `synthesize` of a StyleGAN turns the result into images.
"""

import math
import secrets
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from zoo.arrays import LIMIT_BYTES, as_array, as_numbers
from zoo.errors import InputError, check_amount, check_count, check_counts, check_flag, shown

_NORMAL = NormalDist()
_CDF, _INVERSE_CDF = (np.vectorize(function, otypes=["float64"]) for function in (_NORMAL.cdf, _NORMAL.inv_cdf))
_SHAPES = "latents (d,), (n, d) or (n, num_layers, d)"


def sample(
    num_samples: int,
    shape: Sequence[int],
    seed: int | None = None,
    start: int = 0,
    distribution: Literal["normal", "uniform"] = "normal",
) -> np.ndarray:
    """Draws latents or other noise; row `i` depends on `seed` and `start + i` alone.

    Thus the first 16 of 64 rows equal a draw of 16, whatever the batch size. NumPy keeps the streams of `RandomState`
    from version to version; it gives no such promise for its newer `Generator`.

    Args:
        num_samples: number of rows, at least 1.
        shape: shape of one latent.
        seed: integer from 0 to 2**63 - 1; default None draws a new one.
        start: index of the first row, at least 0; default 0.
        distribution: `"normal"` (standard normal, the default) or `"uniform"` (from 0 to 1).

    Returns:
        float32 array `(num_samples, *shape)`.

    Raises:
        InputError: an argument is out of range, the distribution is unknown, or the rows take more than 4 GiB.
    """
    if not isinstance(distribution, str) or distribution not in ("normal", "uniform"):
        raise InputError(f"distribution is {shown(distribution)}, expected 'normal' or 'uniform'.")
    seed = fresh_seed() if seed is None else check_seed(seed)
    num_samples, shape = check_count(num_samples, "num_samples"), check_counts(shape, "shape")
    start = check_count(start, "start", least=0, most=2**63 - 1)
    if 4 * num_samples * math.prod(shape) > LIMIT_BYTES:
        raise InputError(f"num_samples is {num_samples} of shape {tuple(shape)}, expected at most 4 GiB of them.")
    rows = np.empty((num_samples, *shape), "float32")
    for index in range(num_samples):
        numbers = stream(seed, start + index)
        rows[index] = numbers.standard_normal(shape) if distribution == "normal" else numbers.uniform(size=shape)
    return rows


def truncate(latents: ArrayLike, threshold: float) -> np.ndarray:
    """Truncates latents to the interval +-`threshold` (the truncation trick of Brock et al. 2019, section 3.1).

    Brock et al. redraw every number beyond the threshold. This function maps each number to the same quantile of the
    normal distribution truncated at +-`threshold`. The distribution is the same, and the latents change continuously
    with the threshold.

    Args:
        latents: array of standard normal numbers, of any shape.
        threshold: at least 0; at 0 all latents are 0, their mean.

    Returns:
        float32 array of the same shape.

    Raises:
        InputError: the threshold is negative, or the latents are not finite numbers.
    """
    check_amount(threshold, "threshold")
    latents = as_numbers(latents, "latents", "an array of finite numbers", "float64")
    low = _NORMAL.cdf(-threshold)
    # The quantiles of 0 and 1 are infinite.
    quantiles = np.clip(low + (1.0 - 2.0 * low) * _CDF(latents), 1e-12, 1.0 - 1e-12)
    return _INVERSE_CDF(quantiles).astype("float32")


def sample_labels(num_samples: int, num_classes: int, seed: int) -> np.ndarray:
    """Draws labels uniformly; label `i` depends on `seed` and `i` alone.

    Args:
        num_samples: number of labels, at least 1.
        num_classes: number of classes, at least 1.
        seed: integer from 0 to 2**63 - 1.

    Returns:
        int32 array `(num_samples,)`, from 0 to `num_classes - 1`.

    Raises:
        InputError: an argument is out of range.
    """
    num_samples, num_classes = check_count(num_samples, "num_samples"), check_count(num_classes, "num_classes")
    seed = check_seed(seed)
    # Labels come from a part of each image's stream that its noise never reaches, so the two are independent.
    streams = (np.random.RandomState(np.random.Philox(key=[seed, i]).jumped()) for i in range(num_samples))
    return np.array([numbers.randint(num_classes) for numbers in streams], "int32")


def stream(seed: int, index: int) -> np.random.RandomState:
    """Returns the random stream of image `index` under `seed`.

    Args:
        seed: integer from 0 to 2**63 - 1.
        index: integer from 0 to 2**63 - 1.

    Returns:
        `numpy.random.RandomState`.

    Raises:
        InputError: an argument is out of range.
    """
    key = [check_seed(seed), check_count(index, "index", least=0, most=2**63 - 1)]
    return np.random.RandomState(np.random.Philox(key=key))


def fresh_seed() -> int:
    """Draws a seed from the system's entropy, which leaves all global random states unchanged."""
    return secrets.randbits(63)


def check_seed(seed: Any) -> int:
    """Returns `seed` as an int, or raises `InputError` unless it is an integer from 0 to 2**63 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise InputError(f"seed is {shown(seed)}, expected an integer from 0 to 2**63 - 1.")
    return int(seed)


# === Editing ===


def interpolate(start: ArrayLike, end: ArrayLike, steps: int, spherical: bool = False) -> np.ndarray:
    """Interpolates between two latents, both included.

    Args:
        start, end: latents of one shape: `(d,)`, `(n, d)` or `(n, num_layers, d)`.
        steps: number of latents, at least 2.
        spherical: bool, whether to follow the great circle (Shoemake 1985) instead of the straight line; default False.
            The great circle keeps the norm that a normal prior has in many dimensions.

    Returns:
        float32 array `(steps, *start.shape)`.

    Raises:
        InputError: the shapes differ, `steps` is below 2 or takes more than 4 GiB, or `spherical` is not a bool.
    """
    start, end, spherical = _latents(start, "start"), _latents(end, "end"), check_flag(spherical, "spherical")
    if start.shape != end.shape:
        raise InputError(f"start has shape {start.shape} and end {end.shape}, expected the same.")
    steps = check_count(steps, "steps", least=2)
    if 4 * steps * start.size > LIMIT_BYTES:
        raise InputError(f"steps is {steps}, expected at most 4 GiB of latents.")
    share = np.linspace(0.0, 1.0, steps).reshape(-1, *[1] * start.ndim)
    if not spherical:
        return ((1.0 - share) * start + share * end).astype("float32")
    start, end = start.astype("float64"), end.astype("float64")
    lengths = [np.linalg.norm(latents, axis=-1, keepdims=True) for latents in (start, end)]
    cosine = np.sum(start * end, -1, keepdims=True) / np.maximum(lengths[0] * lengths[1], 1e-12)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    # Opposite latents have no unique great circle and equal ones have an angle of 0, so both use the straight line.
    sine = np.sin(angle)
    plain = sine < 1e-5
    sine = np.where(plain, 1.0, sine)
    weights = [
        np.where(plain, 1.0 - share, np.sin((1.0 - share) * angle) / sine),
        np.where(plain, share, np.sin(share * angle) / sine),
    ]
    return (weights[0] * start + weights[1] * end).astype("float32")


def traverse(latents: ArrayLike, dimension: int, values: ArrayLike) -> np.ndarray:
    """Copies latents with one dimension set to each of `values` (a latent traversal).

    Args:
        latents: `(d,)`, `(n, d)` or `(n, num_layers, d)`.
        dimension: index of the dimension, from 0 to d - 1.
        values: a number or a list of numbers, in standard deviations of the prior.

    Returns:
        float32 array `(len(values), *latents.shape)`.

    Raises:
        InputError: there is no such dimension, or `values` does not hold numbers.
    """
    latents = _latents(latents, "latents")
    size = latents.shape[-1]
    if isinstance(dimension, bool) or not isinstance(dimension, (int, np.integer)) or not 0 <= dimension < size:
        raise InputError(f"dimension is {shown(dimension)}, expected an integer from 0 to {size - 1}.")
    values = np.atleast_1d(as_numbers(values, "values", "a number or a list of numbers"))
    if values.ndim > 1 or values.size == 0:
        raise InputError(f"values has shape {values.shape}, expected a number or a list of numbers.")
    copies = np.repeat(latents[None], len(values), 0)
    copies[..., dimension] = values.reshape(-1, *[1] * (latents.ndim - 1))
    return copies


def attribute_direction(latents: ArrayLike, present: ArrayLike, others: ArrayLike | None = None) -> np.ndarray:
    """Estimates the latent direction of an attribute from labelled examples.

    The direction is the coefficient of `present` in a least-squares regression of the latents on all attributes, so the
    other attributes are held fixed. Without other attributes, it is the difference between the means with and without
    the attribute (Larsen et al. 2016, section 4.1.1).

    Args:
        latents: `(n, d)`, such as the posterior means of `n` images.
        present: `(n,)` booleans, whether each example has the attribute.
        others: `(n, k)` numbers, other attributes of the same images that should not change; default None.

    Returns:
        float32 array `(d,)`; a step of 1 along it is the mean change from without the attribute to with it.

    Raises:
        InputError: the shapes do not match, `present` is not boolean, or all or none of the examples have the
            attribute.
    """
    latents, present, others = _examples(latents, present, others)
    return _regressed(np.column_stack([present, others]), latents)[1].astype("float32")


def attribute_changes(latents: ArrayLike, present: ArrayLike, others: ArrayLike) -> np.ndarray:
    """Estimates how an attribute changes latents if the change depends on their other attributes.

    Two least-squares regressions are fitted, separately on the examples with and without the attribute: one predicts
    the latents from the other attributes, [1, others] B, and one predicts the other attributes from the latents, [1, z]
    C. Adding the attribute to latents z without it then changes them by

        [1, [1, z] C_without] (B_with - B_without)

    Removing it from latents with it changes them by the negative of this expression with C_with. If the attribute
    changes all latents alike, the change equals `attribute_direction`. Both groups need many more than d examples.

    Args:
        latents, present: as for `attribute_direction`.
        others: `(n, k)` numbers, other attributes of the same images. They may include the kinds of the attribute, so
            that the change removes the kind that is present. One kind must have no column: the one that is added.

    Returns:
        float32 array `(2, d + 1, d)`, a direction for `move`. [1, z] times the first matrix is the direction of latents
        without the attribute; [1, z] times the second is that of latents with it.

    Raises:
        InputError: as for `attribute_direction`.
    """
    latents, present, others = _examples(latents, present, others)
    parts = [present == with_it for with_it in (False, True)]
    without, with_it = (_regressed(others[part], latents[part]) for part in parts)
    changes = []
    for part in parts:
        told = _regressed(latents[part], others[part])
        changes.append(np.column_stack([np.eye(len(told), 1), told]) @ (with_it - without))
    return np.stack(changes).astype("float32")


def move(latents: ArrayLike, direction: ArrayLike, amount: ArrayLike) -> np.ndarray:
    """Moves latents along a direction: `latents + amount * direction`.

    All layers of `(n, num_layers, d)` latents move along the direction. To edit only what some layers determine, pass a
    slice of the layers.

    Args:
        latents: `(d,)`, `(n, d)` or `(n, num_layers, d)`.
        direction: `(d,)`, or the result of `attribute_changes`. With the latter, latents with an amount below 0 use the
            direction of latents with the attribute, others that of latents without it. Moving there and back does not
            return to exactly the same latents.
        amount: a number, or one for each of the latents.

    Returns:
        float32 array of the shape of `latents`. For a single latent and several amounts, one row per amount.

    Raises:
        InputError: the direction has another number of dimensions, or the amounts do not match the latents.
    """
    latents, direction = _latents(latents, "latents"), _latents(direction, "direction")
    size = latents.shape[-1]
    if direction.shape not in ((size,), (2, size + 1, size)):
        raise InputError(f"direction has shape {direction.shape}, expected ({size},) or (2, {size + 1}, {size}).")
    expected = "a number, or one for each of the latents"
    amount = as_numbers(amount, "amount", expected)
    # Several amounts for a single latent give as many moved copies.
    fits = amount.ndim <= 1 if latents.ndim == 1 else amount.shape == latents.shape[:-1][: amount.ndim]
    if not fits:
        raise InputError(f"amount has shape {amount.shape}, expected {expected} of shape {latents.shape}.")
    if amount.ndim:
        amount = amount.reshape(*amount.shape, *[1] * max(latents.ndim - amount.ndim, 1))
    if direction.ndim == 3:
        without, with_it = (latents @ change[1:] + change[0] for change in direction)
        direction = np.where(amount < 0, with_it, without)
    return latents + amount * direction


def swap(first: ArrayLike, second: ArrayLike, dimensions: int | Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Exchanges some dimensions of two latents, such as those that encode a head's pose.

    Args:
        first, second: latents of one shape: `(d,)`, `(n, d)` or `(n, num_layers, d)`.
        dimensions: an index or a list of indices from 0 to d - 1.

    Returns:
        Tuple of two float32 arrays of this shape.

    Raises:
        InputError: the shapes differ, or there is no such dimension.
    """
    first, second = _latents(first, "first"), _latents(second, "second")
    if first.shape != second.shape:
        raise InputError(f"first has shape {first.shape} and second {second.shape}, expected the same.")
    size = first.shape[-1]
    chosen = np.atleast_1d(as_array(dimensions, "dimensions"))
    # NumPy turns an empty list into an array of floats.
    chosen = chosen.astype("int64") if isinstance(dimensions, (list, tuple)) and not dimensions else chosen
    if chosen.dtype.kind not in "iu" or chosen.min(initial=0) < 0 or chosen.max(initial=0) >= size:
        raise InputError(f"dimensions is {shown(dimensions)}, expected integers from 0 to {size - 1}.")
    one, other = first.copy(), second.copy()
    one[..., chosen], other[..., chosen] = second[..., chosen], first[..., chosen]
    return one, other


def average(latents: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """Averages latents over the first axis.

    Args:
        latents: `(n, d)` or `(n, num_layers, d)`.
        weights: n finite numbers that do not add up to 0; default None weighs all latents equally.

    Returns:
        float32 array, `(d,)` or `(num_layers, d)`.

    Raises:
        InputError: `latents` is a single latent, or the weights do not match the latents or add up to 0.
    """
    latents = _latents(latents, "latents")
    if latents.ndim < 2:
        raise InputError(f"latents has shape {latents.shape}, expected several, (n, d) or (n, num_layers, d).")
    if weights is not None:
        expected = f"{len(latents)} numbers that do not add up to 0"
        weights = as_numbers(weights, "weights", expected, "float64")
        if weights.shape != (len(latents),) or weights.sum() == 0:
            raise InputError(f"weights is {weights.tolist()}, expected {expected}.")
    return np.average(latents, axis=0, weights=weights).astype("float32")


def _examples(latents, present, others):
    """Returns latents `(n, d)` as float64, booleans `(n,)` and numbers `(n, k)`; k is 0 if `others` is None."""
    latents, present = _latents(latents, "latents"), as_array(present, "present")
    if latents.ndim != 2:
        raise InputError(f"latents has shape {latents.shape}, expected (n, d).")
    if present.shape != latents.shape[:1]:
        raise InputError(f"present has shape {present.shape}, expected one value for each of {len(latents)} latents.")
    odd = [value for value in present.tolist() if not isinstance(value, (int, float)) or value not in (False, True)]
    if odd:
        raise InputError(f"present holds {shown(odd[0])}, expected True or False for each of the latents.")
    present = present.astype(bool)
    if present.all() or not present.any():
        raise InputError(f"present is {bool(present.all())} for all examples, expected some with and some without.")
    if others is None:
        others = np.empty((len(latents), 0))
    others = as_numbers(others, "others", f"numbers ({len(latents)}, number of attributes)", "float64", kinds="iufb")
    if others.ndim != 2 or len(others) != len(latents):
        raise InputError(f"others has shape {others.shape}, expected ({len(latents)}, number of attributes).")
    return latents.astype("float64"), present, others


def _regressed(inputs, outputs):
    """The least-squares matrix from [1, inputs] to outputs; if it is not unique, the one of smallest norm."""
    return np.linalg.lstsq(np.column_stack([np.ones(len(inputs)), inputs]), outputs, rcond=None)[0]


def _latents(value, name):
    value = as_numbers(value, name, _SHAPES)
    if value.ndim not in (1, 2, 3) or value.size == 0:
        raise InputError(f"{name} has shape {value.shape}, expected {_SHAPES}.")
    return value
