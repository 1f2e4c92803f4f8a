"""Exact likelihoods of grey values in nats, one pixel at a time given the earlier pixels.

Pixels are integer codes from 0 to `levels - 1`, which stand for evenly spaced grey values from black to white. A
network predicts `num_outputs(channels)` parameters for each pixel from the earlier pixels. The channels of a pixel are
predicted one after the other.
"""

from keras import ops

from zoo.errors import InputError, check_count, shown
from zoo.objectives.variational import bernoulli_log_likelihood, dynamic_binarization

# Smaller scales are far below the distance between two levels, where their gradient is noise.
_MIN_LOG_SCALE = -7.0


class Categorical:
    """A categorical distribution: one probability per level (the softmax of van den Oord et al. 2016a, section 2.2).

    The outputs `(..., levels * channels)` are logits. Output `i` belongs to channel `i % channels`, and the network
    must ensure that it depends on earlier channels only.

    Args:
        levels: int. Number of grey values. Defaults to 256.

    Example:

    ```python
    import keras
    from keras import ops
    from zoo.objectives.likelihoods import Categorical

    likelihood = Categorical(levels=256)
    codes = likelihood.prepare(ops.zeros((2, 8, 8, 1)), keras.random.SeedGenerator(0))
    outputs = ops.zeros((2, 8, 8, likelihood.num_outputs(channels=1)))
    nats = likelihood.log_likelihood(codes, outputs)  # 64 * -log(256) each
    ```
    """

    name = "categorical"
    #: Whether the network itself models the dependence between the channels of a pixel.
    masks_channels = True

    def __init__(self, levels=256):
        self.levels = check_count(levels, "levels")
        if levels < 2:
            raise InputError(f"levels is {levels}, expected at least 2.")

    def num_outputs(self, channels):
        """Returns the number of parameters that the network predicts for each pixel."""
        return self.levels * channels

    def prepare(self, images, seed_generator):
        """Returns the int32 codes to train on, given images in [-1, 1]."""
        return self.nearest(images)

    def nearest(self, images):
        """Returns the int32 codes of the levels nearest to images in [-1, 1]."""
        return ops.cast(ops.round((images + 1.0) * (0.5 * (self.levels - 1))), "int32")

    def images(self, codes):
        """Returns codes as float32 images in [-1, 1]."""
        return ops.cast(codes, "float32") * (2.0 / (self.levels - 1)) - 1.0

    def log_likelihood(self, codes, outputs):
        """Returns the nats `(n,)` of codes `(n, h, w, channels)` under outputs `(n, h, w, num_outputs)`."""
        logits = self._logits(outputs, codes.shape[-1])
        chosen = ops.take_along_axis(logits, codes[..., None], axis=-1)[..., 0]
        return ops.sum(chosen - ops.logsumexp(logits, axis=-1), axis=(1, 2, 3))

    def log_probabilities(self, outputs, codes, channel):
        """Returns the log probabilities `(n, levels)` of one channel of one pixel.

        Args:
            outputs: float tensor of shape `(n, num_outputs)`. Outputs of the network for the pixel.
            codes: int32 tensor of shape `(n, channels)`. Only the codes of earlier channels are used.
            channel: int. Index of the channel.
        """
        return ops.log_softmax(self._logits(outputs, codes.shape[-1])[:, channel], axis=-1)

    def _logits(self, outputs, channels):
        """Returns the logits `(..., channels, levels)`."""
        outputs = ops.reshape(outputs, (*ops.shape(outputs)[:-1], self.levels, channels))
        return ops.swapaxes(outputs, -1, -2)


class Bernoulli(Categorical):
    """Binary pixels. A grey value is the probability of white, and every step draws new binary images from it.

    The outputs `(..., channels)` are the logits of white.

    Example:

    ```python
    import keras
    from keras import ops
    from zoo.objectives.likelihoods import Bernoulli

    codes = Bernoulli().prepare(ops.zeros((2, 8, 8, 1)), keras.random.SeedGenerator(0))  # 0 or 1, equally likely
    ```
    """

    name = "bernoulli"

    def __init__(self):
        super().__init__(levels=2)

    def num_outputs(self, channels):
        return channels

    def prepare(self, images, seed_generator):
        """Returns int32 codes that are drawn with the grey values of images in [-1, 1] as probabilities of white."""
        return ops.cast(dynamic_binarization(images, seed_generator), "int32")

    def log_likelihood(self, codes, outputs):
        return ops.sum(bernoulli_log_likelihood(ops.cast(codes, "float32"), outputs), axis=(1, 2))

    def log_probabilities(self, outputs, codes, channel):
        logits = outputs[:, channel]
        return -ops.softplus(ops.stack([logits, -logits], axis=-1))


class LogisticMixture(Categorical):
    """A mixture of logistic distributions over the grey values, discretized into levels (Salimans et al. 2017, eq. 2).

    A level has the probability mass between the midpoints to its neighbours; the darkest and the brightest level also
    have the mass beyond them. All channels of a pixel share the mixture component. Within a component, the mean of a
    channel is linear in the earlier channels (eq. 3).

    For c channels, the outputs `(..., num_mixtures * (1 + 2c + c(c - 1) / 2))` contain, for each component, its logit
    and for each channel the mean, the log scale, and the coefficients of the earlier channels.

    Args:
        levels: int. Number of grey values. Defaults to 256.
        num_mixtures: int. Number of components. Defaults to 10.

    Example:

    ```python
    from keras import ops
    from zoo.objectives.likelihoods import LogisticMixture

    likelihood = LogisticMixture(num_mixtures=5)
    outputs = ops.zeros((2, 8, 8, likelihood.num_outputs(channels=3)))  # (2, 8, 8, 50)
    nats = likelihood.log_likelihood(ops.zeros((2, 8, 8, 3), dtype="int32"), outputs)  # (2,)
    ```
    """

    name = "logistic_mixture"
    masks_channels = False

    def __init__(self, levels=256, num_mixtures=10):
        super().__init__(levels)
        self.num_mixtures = check_count(num_mixtures, "num_mixtures")

    def num_outputs(self, channels):
        return self.num_mixtures * (1 + 2 * channels + channels * (channels - 1) // 2)

    def log_likelihood(self, codes, outputs):
        x = self.images(codes)
        joint = self._log_weights(outputs)
        for channel in range(codes.shape[-1]):
            joint = joint + self._log_components(x, outputs, channel, x[..., channel : channel + 1])
        return ops.sum(ops.logsumexp(joint, axis=-1), axis=(1, 2))

    def log_probabilities(self, outputs, codes, channel):
        x = self.images(codes)
        # The earlier channels update the probabilities of the components.
        log_weights = self._log_weights(outputs)
        for earlier in range(channel):
            log_weights = log_weights + self._log_components(x, outputs, earlier, x[..., earlier : earlier + 1])
        log_weights = ops.log_softmax(log_weights, axis=-1)
        levels = self.images(ops.arange(self.levels, dtype="int32"))
        log_components = self._log_components(x[:, None], outputs[:, None], channel, levels[:, None])
        return ops.logsumexp(log_weights[:, None] + log_components, axis=-1)

    def _log_weights(self, outputs):
        return ops.log_softmax(outputs[..., : self.num_mixtures], axis=-1)

    def _log_components(self, x, outputs, channel, value):
        """Returns each component's log probability `(..., num_mixtures)` of the grey value `(..., 1)` of `channel`.

        With the ends a and b of a level in units of the scale, the mass of the level is sigmoid(b) - sigmoid(a) =
        sigmoid(b) * sigmoid(-a) * (1 - exp(a - b)). The logarithm of this product loses no precision, however far the
        level is from the mean.
        """
        count = self.num_mixtures
        # The parameters of the earlier channels come first: two each, plus their coefficients.
        start = 1 + 2 * channel + channel * (channel - 1) // 2
        mean, log_scale, *coefficients = (
            outputs[..., (start + i) * count : (start + i + 1) * count] for i in range(2 + channel)
        )
        for earlier, coefficient in enumerate(coefficients):
            mean = mean + ops.tanh(coefficient) * x[..., earlier : earlier + 1]
        inverse_scale = ops.exp(-ops.maximum(log_scale, _MIN_LOG_SCALE))
        half = 1.0 / (self.levels - 1)
        upper, lower = (value - mean + half) * inverse_scale, (value - mean - half) * inverse_scale
        below = -ops.softplus(-upper)
        above = -ops.softplus(lower)
        between = below + above + _log1mexp(2.0 * half * inverse_scale)
        return ops.where(value < -1.0 + half, below, ops.where(value > 1.0 - half, above, between))


def _log1mexp(x):
    """Returns log(1 - exp(-x)) for x > 0."""
    return ops.log(-ops.expm1(-x))


def draw(log_probabilities, uniform, temperature=1.0):
    """Samples codes `(n,)` by inverting the cumulative distribution at `uniform`.

    Args:
        log_probabilities: float tensor of shape `(n, levels)`.
        uniform: float tensor of shape `(n,)`. Uniform numbers from 0 to 1.
        temperature: float above 0. The probabilities are raised to 1 / `temperature` and normalized, so values below 1
            make likely codes likelier. Defaults to 1.0.
    """
    steps = ops.cumsum(ops.softmax(log_probabilities / temperature, axis=-1), axis=-1)
    # The last step is left out, because rounding may leave it below a uniform number.
    return ops.cast(ops.sum(ops.cast(uniform[:, None] >= steps[:, :-1], "int32"), axis=-1), "int32")


def get(name, levels=None, num_mixtures=10):
    """Returns the likelihood of a given name.

    Args:
        name: `"bernoulli"`, `"categorical"` or `"logistic_mixture"`.
        levels: int or None. Number of grey values, at least 2. None means 2 for `"bernoulli"`, which allows no other
            number, and 256 otherwise. Defaults to `None`.
        num_mixtures: int. Number of components of a logistic mixture. Defaults to 10.

    Raises:
        InputError: If the name is unknown or an argument is out of range.
    """
    known = ("bernoulli", "categorical", "logistic_mixture")
    if not isinstance(name, str) or name not in known:
        raise InputError(f"likelihood is {shown(name)}, expected one of {', '.join(known)}.")
    check_count(num_mixtures, "num_mixtures")
    if name == "bernoulli":
        if levels is not None and check_count(levels, "levels") != 2:
            raise InputError(f"levels is {shown(levels)}, expected 2 (or None) for the bernoulli likelihood.")
        return Bernoulli()
    levels = 256 if levels is None else levels
    return Categorical(levels) if name == "categorical" else LogisticMixture(levels, num_mixtures)
