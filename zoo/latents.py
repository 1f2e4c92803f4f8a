"""Latents and other noise: one random stream per image, the same on every backend; and editing by arithmetic.

Editing is arithmetic on plain arrays of latents `(n, d)`, whatever model they come from; `decode` of a VAE,
`generate(latents=...)` of a GAN or `synthesize` of a StyleGAN makes images of the result.
"""

import math
import secrets
from statistics import NormalDist

import numpy as np

from zoo.arrays import LIMIT_BYTES, as_array, as_numbers
from zoo.errors import InputError, check_amount, check_count, check_counts, check_flag, shown

_NORMAL = NormalDist()
_CDF, _INVERSE_CDF = (np.vectorize(function, otypes=["float64"]) for function in (_NORMAL.cdf, _NORMAL.inv_cdf))
_SHAPES = "latents (d,), (n, d) or (n, num_layers, d)"


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
        InputError: `seed` is no such integer, `num_samples` less than 1, `start` negative, or an unknown
            `distribution`.
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


def truncate(latents, threshold):
    """Latents as if every number beyond the threshold had been drawn again (Brock et al. 2019, section 3.1).

    Instead of drawing, it moves each number to the same quantile of the normal distribution cut off at +-`threshold`:
    the same distribution, and latents that change little by little with the threshold.

    Args:
        latents: array of standard normal numbers.
        threshold: at least 0, where all latents are 0, their mean.

    Raises:
        InputError: a negative threshold, or numbers that are not finite.
    """
    check_amount(threshold, "threshold")
    latents = as_numbers(latents, "latents", "an array of finite numbers", "float64")
    low = _NORMAL.cdf(-threshold)
    # Away from 0 and 1, whose quantiles are infinite.
    quantiles = np.clip(low + (1.0 - 2.0 * low) * _CDF(latents), 1e-12, 1.0 - 1e-12)
    return _INVERSE_CDF(quantiles).astype("float32")


def sample_labels(num_samples, num_classes, seed):
    """Draws int32 labels `(num_samples,)` uniformly; label `i` depends on `seed` and `i` alone.

    Raises:
        InputError: numbers that are no integers of at least 1, or no seed.
    """
    num_samples, num_classes = check_count(num_samples, "num_samples"), check_count(num_classes, "num_classes")
    seed = check_seed(seed)
    # Further on in each image's stream than its noise ever gets, lest the two agree.
    streams = (np.random.RandomState(np.random.Philox(key=[seed, i]).jumped()) for i in range(num_samples))
    return np.array([numbers.randint(num_classes) for numbers in streams], "int32")


def stream(seed, index):
    """The random stream of image `index` under `seed`."""
    key = [check_seed(seed), check_count(index, "index", least=0, most=2**63 - 1)]
    return np.random.RandomState(np.random.Philox(key=key))


def fresh_seed():
    """A seed from the system's entropy, so that no global random state moves."""
    return secrets.randbits(63)


def check_seed(seed):
    """Returns `seed` as an int, or raises `InputError`."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise InputError(f"seed is {shown(seed)}, expected an integer from 0 to 2**63 - 1.")
    return int(seed)


# === Editing ===


def interpolate(start, end, steps, spherical=False):
    """Latents on the way from `start` to `end`, both included.

    Args:
        start, end: latents of one shape, `(d,)` or `(n, d)`.
        steps: how many, at least 2.
        spherical: along the great circle (Shoemake 1985), which keeps the length that a normal prior expects of
            latents in many dimensions; otherwise along the straight line.

    Returns:
        float32 array `(steps, *start.shape)`.

    Raises:
        InputError: the shapes differ, fewer than 2 steps, or a `spherical` that is no bool.
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
    # Opposite latents have no shortest way, equal ones no angle to divide by; there the line serves.
    sine = np.sin(angle)
    plain = sine < 1e-5
    sine = np.where(plain, 1.0, sine)
    weights = [
        np.where(plain, 1.0 - share, np.sin((1.0 - share) * angle) / sine),
        np.where(plain, share, np.sin(share * angle) / sine),
    ]
    return (weights[0] * start + weights[1] * end).astype("float32")


def traverse(latents, dimension, values):
    """Copies of a latent with one dimension set to each of `values`.

    Args:
        latents: `(d,)` or `(n, d)`.
        dimension: index of the dimension.
        values: a number or several, in standard deviations of the prior.

    Returns:
        float32 array `(len(values), *latents.shape)`.

    Raises:
        InputError: there is no such dimension, or values are no numbers.
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


def attribute_direction(latents, present, others=None):
    """The direction in which an attribute appears, found from labelled examples.

    It is the least-squares effect of the attribute on the latents, with the other attributes held fixed: the
    coefficient of `present` in a linear regression of the latents on all attributes. With no other attributes that
    is the difference between the means with and without it (Larsen et al. 2016, section 4.1.1).

    Args:
        latents: `(n, d)`, such as the posterior means of `n` images.
        present: `(n,)` booleans.
        others: `(n, k)` numbers, other attributes of the same images that should stay as they are.

    Returns:
        float32 array `(d,)`; a step of 1 along it is the mean change from without to with.

    Raises:
        InputError: shapes that do not match, `present` that is not boolean, or examples that all have the attribute or
            all have not.
    """
    latents, present, others = _examples(latents, present, others)
    return _regressed(np.column_stack([present, others]), latents)[1].astype("float32")


def attribute_changes(latents, present, others):
    """What an attribute changes in latents, which may depend on what else they show: a direction for each of them.

    Linear regressions, separately of the examples with and of those without the attribute, find the latents from the
    other attributes, [1, others] B, and these from the latents, [1, z] C. Latents z of an image without it then
    change by

        [1, [1, z] C_without] (B_with - B_without)

    and those of an image with it by the negative of the same with C_with. Where the attribute changes all latents
    alike, that is `attribute_direction`. It takes many more than d examples of either sort.

    Args:
        latents, present: as for `attribute_direction`.
        others: the same; kinds of the attribute may be among them, so that each kind is taken away as it is. One kind
            has to be without a column: the one that is added.

    Returns:
        float32 array `(2, d + 1, d)`, a direction for `move`: [1, z] times the first is that of latents without the
        attribute, times the second that of latents with it.

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


def move(latents, direction, amount):
    """`latents + amount * direction`; `amount` is a number, or one for each of `(n, d)` latents.

    Latents of each layer `(n, num_layers, d)` move all along the direction; a slice of the layers moves only what these
    decide.

    Args:
        direction: `(d,)`, or what `attribute_changes` returns: each of the latents then has its own, that of latents
            with the attribute where the amount is below 0, else that of latents without it. There and back again is
            not quite the same place.

    Raises:
        InputError: the direction has another number of dimensions, or the amounts are not as many as the latents.
    """
    latents, direction = _latents(latents, "latents"), _latents(direction, "direction")
    size = latents.shape[-1]
    if direction.shape not in ((size,), (2, size + 1, size)):
        raise InputError(f"direction has shape {direction.shape}, expected ({size},) or (2, {size + 1}, {size}).")
    expected = "a number, or one for each of the latents"
    amount = as_numbers(amount, "amount", expected)
    # Several for a single vector make as many of it.
    fits = amount.ndim <= 1 if latents.ndim == 1 else amount.shape == latents.shape[:-1][: amount.ndim]
    if not fits:
        raise InputError(f"amount has shape {amount.shape}, expected {expected} of shape {latents.shape}.")
    if amount.ndim:
        amount = amount.reshape(*amount.shape, *[1] * max(latents.ndim - amount.ndim, 1))
    if direction.ndim == 3:
        without, with_it = (latents @ change[1:] + change[0] for change in direction)
        direction = np.where(amount < 0, with_it, without)
    return latents + amount * direction


def swap(first, second, dimensions):
    """Both latents with the values of some dimensions exchanged, such as the ones that hold a head's pose.

    Raises:
        InputError: the shapes differ, or there is no such dimension.
    """
    first, second = _latents(first, "first"), _latents(second, "second")
    if first.shape != second.shape:
        raise InputError(f"first has shape {first.shape} and second {second.shape}, expected the same.")
    size = first.shape[-1]
    chosen = np.atleast_1d(as_array(dimensions, "dimensions"))
    # Of an empty list NumPy makes floats.
    chosen = chosen.astype("int64") if isinstance(dimensions, (list, tuple)) and not dimensions else chosen
    if chosen.dtype.kind not in "iu" or chosen.min(initial=0) < 0 or chosen.max(initial=0) >= size:
        raise InputError(f"dimensions is {shown(dimensions)}, expected integers from 0 to {size - 1}.")
    one, other = first.copy(), second.copy()
    one[..., chosen], other[..., chosen] = second[..., chosen], first[..., chosen]
    return one, other


def average(latents, weights=None):
    """The weighted mean of latents `(n, ...)` over the first axis.

    Raises:
        InputError: a single latent, or weights that are not one for each or add up to 0.
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
    """Float64 latents `(n, d)`, booleans `(n,)` and numbers `(n, k)`, of no column without `others`."""
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
    """The least-squares matrix that makes `(n, outputs)` of a 1 and `(n, inputs)`; the smallest of several."""
    return np.linalg.lstsq(np.column_stack([np.ones(len(inputs)), inputs]), outputs, rcond=None)[0]


def _latents(value, name):
    value = as_numbers(value, name, _SHAPES)
    if value.ndim not in (1, 2, 3) or value.size == 0:
        raise InputError(f"{name} has shape {value.shape}, expected {_SHAPES}.")
    return value
