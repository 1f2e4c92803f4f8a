"""Exact likelihoods of grey values, one pixel given the earlier ones, in nats.

Pixels are integer codes 0..levels-1, evenly spaced grey values from black to white. A network gives each pixel
`num_outputs(channels)` parameters from the pixels before it; the channels of a pixel follow one another.
"""

from keras import ops

from zoo.errors import InputError, check_count, shown
from zoo.objectives.variational import bernoulli_log_likelihood, dynamic_binarization

# Beyond it a scale is far below the distance of two levels, where its gradient is noise.
_MIN_LOG_SCALE = -7.0


class Categorical:
    """One probability for each level: the softmax of van den Oord et al. 2016a (section 2.2).

    Outputs `(..., levels * channels)` are logits; output `i` belongs to channel `i % channels` and the network sees to
    it that it depends on earlier channels alone.
    """

    name = "categorical"
    #: Whether it is the network that conditions a pixel's channels on one another.
    masks_channels = True

    def __init__(self, levels=256):
        self.levels = levels

    def num_outputs(self, channels):
        return self.levels * channels

    def prepare(self, images, seed_generator):
        """int32 codes of images in [-1, 1] to train on."""
        return self.nearest(images)

    def nearest(self, images):
        """int32 codes of the levels nearest to images in [-1, 1]."""
        return ops.cast(ops.round((images + 1.0) * (0.5 * (self.levels - 1))), "int32")

    def images(self, codes):
        """Codes as float32 images in [-1, 1]."""
        return ops.cast(codes, "float32") * (2.0 / (self.levels - 1)) - 1.0

    def log_likelihood(self, codes, outputs):
        """Nats `(n,)` of codes `(n, h, w, channels)` under outputs `(n, h, w, num_outputs)`."""
        logits = self._logits(outputs, codes.shape[-1])
        chosen = ops.take_along_axis(logits, codes[..., None], axis=-1)[..., 0]
        return ops.sum(chosen - ops.logsumexp(logits, axis=-1), axis=(1, 2, 3))

    def log_probabilities(self, outputs, codes, channel):
        """Log probabilities `(n, levels)` of a channel of one pixel.

        Args:
            outputs: `(n, num_outputs)` of the pixel.
            codes: int32 `(n, channels)`, of which those of earlier channels are used.
            channel: index of the channel.
        """
        return ops.log_softmax(self._logits(outputs, codes.shape[-1])[:, channel], axis=-1)

    def _logits(self, outputs, channels):
        """Logits `(..., channels, levels)`."""
        outputs = ops.reshape(outputs, (*ops.shape(outputs)[:-1], self.levels, channels))
        return ops.swapaxes(outputs, -1, -2)


class Bernoulli(Categorical):
    """Black or white; a grey value is the probability of white, drawn anew at every step.

    Outputs `(..., channels)` are logits of white.
    """

    name = "bernoulli"

    def __init__(self):
        super().__init__(levels=2)

    def num_outputs(self, channels):
        return channels

    def prepare(self, images, seed_generator):
        """int32 codes of images in [-1, 1], drawn with the grey values as probabilities."""
        return ops.cast(dynamic_binarization(images, seed_generator), "int32")

    def log_likelihood(self, codes, outputs):
        return ops.sum(bernoulli_log_likelihood(ops.cast(codes, "float32"), outputs), axis=(1, 2))

    def log_probabilities(self, outputs, codes, channel):
        logits = outputs[:, channel]
        return -ops.softplus(ops.stack([logits, -logits], axis=-1))


class LogisticMixture(Categorical):
    """A mixture of logistic distributions over the grey values, cut into levels (Salimans et al. 2017, eq. 2).

    A level takes the mass between the midpoints to its neighbours, the darkest and brightest all that lies beyond.
    The components are those of whole pixels; within one, the mean of a channel is linear in the channels before it
    (eq. 3).

    Outputs `(..., num_mixtures * (1 + 2c + c(c - 1) / 2))` for c channels are, for each component, its logit and for
    each channel the mean, the log scale, and the coefficients of the channels before.

    Args:
        levels: number of grey values.
        num_mixtures: number of components.
    """

    name = "logistic_mixture"
    masks_channels = False

    def __init__(self, levels=256, num_mixtures=10):
        super().__init__(levels)
        self.num_mixtures = num_mixtures

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
        # What the channels before say of the component.
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
        """Log probability `(..., num_mixtures)` of each component that `channel` has the grey value `(..., 1)`.

        With a and b the ends of a level in units of the scale, the mass between is sigmoid(b) - sigmoid(a) =
        sigmoid(b) * sigmoid(-a) * (1 - exp(a - b)), whose logarithm loses no digits however far the level is.
        """
        count = self.num_mixtures
        # The parameters of the channels before come first: two each and the coefficients.
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
    """log(1 - exp(-x)) for x > 0."""
    return ops.log(-ops.expm1(-x))


def draw(log_probabilities, uniform, temperature=1.0):
    """Codes `(n,)` from log probabilities `(n, levels)` by inverting the distribution at `uniform` `(n,)`.

    Probabilities are raised to 1 / `temperature` and normalized; below 1 likely codes become likelier.
    """
    steps = ops.cumsum(ops.softmax(log_probabilities / temperature, axis=-1), axis=-1)
    # Not the last, which rounding may leave below a uniform number.
    return ops.cast(ops.sum(ops.cast(uniform[:, None] >= steps[:, :-1], "int32"), axis=-1), "int32")


def get(name, levels=None, num_mixtures=10):
    """The likelihood of that name.

    Args:
        name: `"bernoulli"`, `"categorical"` or `"logistic_mixture"`.
        levels: how many grey values there are, default 256; Bernoulli has 2.
        num_mixtures: components of a logistic mixture.

    Raises:
        InputError: there is none, or an argument is out of range.
    """
    if name == "bernoulli":
        if levels not in (None, 2):
            raise InputError(f"levels is {shown(levels)}, expected 2 (or None) for the bernoulli likelihood.")
        return Bernoulli()
    levels = 256 if levels is None else check_count(levels, "levels")
    if levels < 2:
        raise InputError(f"levels is {levels}, expected at least 2.")
    if name == "categorical":
        return Categorical(levels)
    if name == "logistic_mixture":
        return LogisticMixture(levels, check_count(num_mixtures, "num_mixtures"))
    raise InputError(f"likelihood is {shown(name)}, expected one of bernoulli, categorical, logistic_mixture.")
