"""`truncated`: the truncation trick of BigGAN in Keras operations, for programs without NumPy."""

import math

from keras import ops

# Numerical Recipes, section 6.2: Chebyshev coefficients of log(erfc) in float32, the highest power first.
_ERFC = (
    *(0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807),
    *(-0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223),
)
# Abramowitz & Stegun, 26.2.23: numerator and denominator of an approximation of normal quantiles to 4.5e-4.
_QUANTILE = (0.010328, 0.802853, 2.515517), (0.001308, 0.189269, 1.432788, 1.0)


def truncated(latents, threshold):
    """Truncates latents to the interval +-`threshold` as `zoo.latents.truncate` does, by approximations to float32.

    The backends have the error function, but the formats of exports do not.

    Args:
        latents: float32 tensor of standard normal numbers.
        threshold: float32 tensor of at least 0 that broadcasts against `latents`. A threshold above 6 changes nothing.

    Returns:
        Tensor of the shape of `latents`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.truncation import truncated

    truncated(ops.array([[-3.0, 0.0, 1.0]]), ops.array([[0.5]]))  # [[-0.498, 0.0, 0.334]]
    ```
    """
    beyond = _share_beyond(threshold)
    # Shares above are near 0, where a float has more digits than near 1.
    shares = beyond + (1.0 - 2.0 * beyond) * _share_beyond(ops.abs(latents))
    return ops.sign(latents) * _number_below(shares)


def _share_beyond(x):
    """Returns the share of standard normal numbers above `x`, which is at least 0."""
    x = x * math.sqrt(0.5)
    t = 1.0 / (1.0 + 0.5 * x)
    return 0.5 * t * ops.exp(_polynomial(_ERFC, t) - x * x)


def _number_below(share):
    """Returns the number, at least 0, that a share of at most one half of standard normal numbers lies above."""
    t = ops.sqrt(-2.0 * ops.log(ops.maximum(share, 1e-37)))
    x = t - _polynomial(_QUANTILE[0], t) / _polynomial(_QUANTILE[1], t)
    # One step of Newton's method; the denominator is the density of x.
    return x + (_share_beyond(x) - share) / (ops.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi))


def _polynomial(coefficients, x):
    result = coefficients[0]
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result
