"""Densities and bounds of variational autoencoders, in nats, summed over the dimensions of an image or latent."""

import math

import keras
from keras import ops

from zoo.errors import InputError, shown

LOG_2_PI = math.log(2 * math.pi)


def gaussian_log_density(value, mean, log_variance):
    """log N(value; mean, exp(log_variance)) of `(..., d)`, summed over the last axis."""
    return -0.5 * ops.sum(LOG_2_PI + log_variance + ops.square(value - mean) * ops.exp(-log_variance), axis=-1)


def best_log_variance(value, mean):
    """The log variance, one for all elements, at which `gaussian_log_density` is largest (Rybkin et al. 2021).

    That is the log of the mean squared error, without a gradient: at the maximum the density's own is all there is. A
    variance trained by gradient lags behind it for thousands of steps, in which the KL term weighs too much.
    """
    return ops.stop_gradient(ops.log(ops.maximum(ops.mean(ops.square(value - mean)), 1e-8)))


def kl_to_standard_normal(mean, log_variance):
    """KL(N(mean, exp(log_variance)) || N(0, 1)) summed over the last axis (Kingma & Welling 2014, appendix B)."""
    return 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - log_variance - 1.0, axis=-1)


def bernoulli_log_likelihood(images, logits):
    """log Bernoulli(images; sigmoid(logits)) for binary images, summed over the last axis."""
    return ops.sum(images * logits - ops.softplus(logits), axis=-1)


def dynamic_binarization(images, seed_generator):
    """Binary images in {0, 1}, drawn anew at each call with images in [-1, 1] as the probabilities of 1."""
    noise = keras.random.uniform(ops.shape(images), seed=seed_generator)
    return ops.cast(noise < 0.5 * (images + 1.0), "float32")


def importance_weighted_bound(log_weights):
    """log 1/K sum_k w_k over the first axis of `(K, n)` log weights (Burda et al. 2016, eq. 8).

    The weights are w_k = p(x, z_k) / q(z_k | x).
    """
    count = log_weights.shape[0]
    return ops.logsumexp(log_weights, axis=0) - math.log(count)


class Bernoulli:
    """Likelihood of binary images; a grey value is the probability of a white pixel.

    Training draws a new binary image at every step (dynamic binarization), so that the bound is one on the
    probability of binary images; the decoder's outputs are logits.
    """

    name = "bernoulli"

    def prepare(self, images, seed_generator):
        """Images in [-1, 1] to binary ones, drawn anew."""
        return dynamic_binarization(images, seed_generator)

    def encoder_inputs(self, images):
        """Binary images as the encoder sees them, in [-1, 1]."""
        return 2.0 * images - 1.0

    def log_likelihood(self, images, outputs, log_variance):
        """Nats `(...,)` of flat images under the decoder's flat outputs `(..., pixels)`."""
        return bernoulli_log_likelihood(images, outputs)

    def mean_images(self, outputs):
        """The decoder's outputs as images in [-1, 1]: the mean, not a draw."""
        return 2.0 * ops.sigmoid(outputs) - 1.0


class Gaussian:
    """Likelihood of real-valued images in [-1, 1] with one variance for all pixels (Rybkin et al. 2021).

    The decoder's outputs are means; the variance is the best one of each batch in training, and then their running
    mean.
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
    """The likelihood of that name.

    Raises:
        InputError: there is none.
    """
    if not isinstance(name, str) or name not in LIKELIHOODS:
        raise InputError(f"likelihood is {shown(name)}, expected one of {', '.join(LIKELIHOODS)}.")
    return LIKELIHOODS[name]()
