"""Densities and bounds of variational autoencoders in nats, summed over the dimensions of an image or latent."""

import math

import keras
from keras import ops

from zoo.errors import InputError, shown

LOG_2_PI = math.log(2 * math.pi)
# The variance that rounding to 256 grey values in [-1, 1] leaves: uint8 images say nothing about smaller ones.
ROUNDING_VARIANCE = (2 / 255) ** 2 / 12


def gaussian_log_density(value, mean, log_variance):
    """Returns log N(value; mean, exp(log_variance)) for `(..., d)`, summed over the last axis."""
    return -0.5 * ops.sum(LOG_2_PI + log_variance + ops.square(value - mean) * ops.exp(-log_variance), axis=-1)


def best_log_variance(value, mean):
    """Returns the shared log variance that maximizes `gaussian_log_density` (Rybkin et al. 2021).

    The result is the log of the mean squared error, without a gradient: at the maximum, the density's gradient with
    respect to the variance is zero. A variance that is trained by gradient lags behind for thousands of steps, during
    which the KL term has too much weight. The variance is at least that of the rounding error of uint8 images, 5e-6,
    because otherwise gradients would explode on images of a single colour.
    """
    return ops.stop_gradient(ops.log(ops.maximum(ops.mean(ops.square(value - mean)), ROUNDING_VARIANCE)))


def kl_to_standard_normal(mean, log_variance):
    """Returns KL(N(mean, exp(log_variance)) || N(0, 1)) over the last axis (Kingma & Welling 2014, appendix B)."""
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - log_variance - 1.0, axis=-1)


def bernoulli_log_likelihood(images, logits):
    """Returns log Bernoulli(images; sigmoid(logits)) for binary images, summed over the last axis."""
    return ops.sum(images * logits - ops.softplus(logits), axis=-1)


def dynamic_binarization(images, seed_generator):
    """Returns binary images in {0, 1}, drawn anew at each call with images in [-1, 1] as the probabilities of 1."""
    noise = keras.random.uniform(ops.shape(images), seed=seed_generator)
    return ops.cast(noise < 0.5 * (images + 1.0), "float32")


def importance_weighted_bound(log_weights):
    """Returns log 1/K sum_k w_k over the first axis of `(K, n)` log weights (Burda et al. 2016, eq. 8).

    The weights are w_k = p(x, z_k) / q(z_k | x).
    """
    count = log_weights.shape[0]
    return ops.logsumexp(log_weights, axis=0) - math.log(count)


class Bernoulli:
    """Likelihood of binary images, in which a grey value is the probability of a white pixel.

    Every training step draws new binary images (dynamic binarization), so the bound holds for the probability of binary
    images. The decoder's outputs are logits.

    Example:

    ```python
    import keras
    from keras import ops
    from zoo.objectives.variational import Bernoulli

    likelihood = Bernoulli()
    binary = likelihood.prepare(ops.zeros((2, 784)), keras.random.SeedGenerator(0))
    nats = likelihood.log_likelihood(binary, ops.zeros((2, 784)), log_variance=None)  # 784 * -log(2) each
    ```
    """

    name = "bernoulli"

    def prepare(self, images, seed_generator):
        """Returns newly drawn binary images, given images in [-1, 1]."""
        return dynamic_binarization(images, seed_generator)

    def encoder_inputs(self, images):
        """Returns binary images in [-1, 1], as the encoder takes them."""
        return 2.0 * images - 1.0

    def log_likelihood(self, images, outputs, log_variance):
        """Returns the nats `(...,)` of flat images under the decoder's flat outputs `(..., pixels)`."""
        return bernoulli_log_likelihood(images, outputs)

    def mean_images(self, outputs):
        """Returns the mean of the distribution, not a sample, as images in [-1, 1]."""
        return 2.0 * ops.sigmoid(outputs) - 1.0


class Gaussian:
    """Likelihood of real-valued images in [-1, 1] with one variance for all pixels (Rybkin et al. 2021).

    The decoder's outputs are means. In training, the variance is the optimal one for each batch; otherwise it is the
    running mean of these.

    Example:

    ```python
    from keras import ops
    from zoo.objectives.variational import Gaussian

    nats = Gaussian().log_likelihood(ops.ones((2, 784)), ops.zeros((2, 784)), log_variance=0.0)  # (2,)
    ```
    """

    name = "gaussian"

    def prepare(self, images, seed_generator):
        return images

    def encoder_inputs(self, images):
        return images

    def log_likelihood(self, images, outputs, log_variance):
        return gaussian_log_density(images, outputs, log_variance)

    def mean_images(self, outputs):
        return ops.clip(outputs, -1.0, 1.0)


LIKELIHOODS = {"bernoulli": Bernoulli, "gaussian": Gaussian}


def get(name):
    """Returns the likelihood of a given name.

    Raises:
        InputError: If `name` is neither `"bernoulli"` nor `"gaussian"`.
    """
    if not isinstance(name, str) or name not in LIKELIHOODS:
        raise InputError(f"likelihood is {shown(name)}, expected one of {', '.join(LIKELIHOODS)}.")
    return LIKELIHOODS[name]()
