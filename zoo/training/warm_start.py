"""Warm starts: a new model begins with the weights of a trained one of another class."""

import numpy as np

from zoo import latents
from zoo.layers.spectral_normalization import SpectralNormalization

# Latents by which the linear map from w back to z is found, and their seed.
LATENTS_TO_FIT, _SEED = 10_000, 0
# Scale of newly initialized styles: full strength destroys the trained images, none leaves nothing to learn from.
_STYLE_STRENGTH = 0.5


def warm_start_style_dcgan(model, trained):
    """Initializes a `StyleDCGAN` from a trained `DCGAN` of the same width.

    Convolutions, normalization statistics and the discriminator are copied. The mapping and the styles stay new, the
    styles at half strength. The mean scale and shift of each normalization equal those of the trained generator. The
    first projection is that of the trained generator after the linear map that recovers z from the new w best.

    Args:
        model: new `zoo.StyleDCGAN`, which is changed.
        trained: trained `zoo.DCGAN` without batch normalization in its discriminator.

    Example:

    ```python
    model = zoo.StyleDCGAN((64, 64, 3), 96, filters=48, mapping_layers=2)
    warm_start_style_dcgan(model, zoo.load("dcgan_avatars_64"))
    ```
    """
    z = latents.sample(LATENTS_TO_FIT, model.noise_shape, seed=_SEED)
    w = model.mapping.predict_on_batch(z)
    z_of_w = np.linalg.lstsq(w, z, rcond=None)[0]

    for synthesis, generator in (
        (model.generator.get_layer("synthesis"), trained.generator),
        (model.synthesis, trained.ema_generator),
    ):
        for layer in filter(lambda layer: layer.weights, generator.layers):
            new = synthesis.get_layer(layer.name)
            if layer.name.startswith("norm_"):
                new.norm.set_weights([layer.moving_mean.numpy(), layer.moving_variance.numpy()])
                for linear, value in ((new.scale, layer.gamma.numpy() - 1), (new.shift, layer.beta.numpy())):
                    linear.kernel.assign(_STYLE_STRENGTH * linear.kernel)
                    # The mean output of a linear map is its output for the mean.
                    mean = np.asarray(linear(w.mean(0, keepdims=True))[0], "float32")
                    linear.bias.assign(linear.bias + (value - mean) / linear.learning_rate_multiplier)
            elif layer.name == "project":
                new.set_weights([z_of_w @ layer.get_weights()[0]])
            else:
                new.set_weights(layer.get_weights())

    if isinstance(model.discriminator.get_layer("logit"), SpectralNormalization):
        warm_start_spectral_discriminator(model.discriminator, trained.discriminator)
        return
    for layer in filter(lambda layer: layer.weights, trained.discriminator.layers):
        model.discriminator.get_layer(layer.name).set_weights(layer.get_weights())


def warm_start_sagan(model, trained):
    """Initializes a `SAGAN` with `residual=False` from a trained `DCGAN` of the same width.

    Attention starts as the identity, so both generators draw the same images.

    Args:
        model: new `zoo.SAGAN`, which is changed.
        trained: trained `zoo.DCGAN` without batch normalization in its discriminator.

    Example:

    ```python
    model = zoo.SAGAN((64, 64, 3), 96, filters=48, residual=False)
    warm_start_sagan(model, zoo.load("dcgan_avatars_64"))
    ```
    """
    for new, old in ((model.generator, trained.generator), (model.ema_generator, trained.ema_generator)):
        for layer in filter(lambda layer: layer.weights, old.layers):
            new.get_layer(layer.name).set_weights(layer.get_weights())
    warm_start_spectral_discriminator(model.discriminator, trained.discriminator)


def warm_start_spectral_discriminator(discriminator, trained):
    """Initializes a discriminator with spectral normalization from a trained one without.

    The logits stay the same up to one factor, the product of the spectral norms of the trained kernels.

    Args:
        discriminator: new network, which is changed.
        trained: trained network with the same layers, without batch normalization.
    """
    divisor = 1.0
    for layer in filter(lambda layer: layer.weights, trained.layers):
        kernel, bias = layer.get_weights()
        _, sigmas, vectors = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), full_matrices=False)
        divisor *= sigmas[0]
        normalized = discriminator.get_layer(layer.name)
        normalized.layer.set_weights([kernel, bias / divisor])
        # The power iteration would converge to this vector.
        normalized.vector.assign(vectors[:1])


def warm_start_generator(model, trained):
    """Initializes the generator of a GAN and its moving average from the generator of a trained model.

    Args:
        model: new model with `generator` and `ema_generator`, which is changed.
        trained: trained model whose `generator` has the same weights.

    Returns:
        List of the weights, for `interpolate_generator`.

    Example:

    ```python
    model = zoo.SRGAN((96, 96, 3), 4, filters=64, residual_blocks=12)
    weights = warm_start_generator(model, zoo.load("sr_resnet_photo_x4"))
    ```
    """
    weights = trained.generator.get_weights()
    for network in (model.generator, model.ema_generator):
        network.set_weights(weights)
    return weights


def interpolate_generator(model, before, share):
    """Interpolates a GAN's generator and its average with earlier weights (Wang et al. 2018, section 3.4).

    Args:
        model: trained model with `generator` and `ema_generator`, which is changed.
        before: list of weights, as `warm_start_generator` returns it.
        share: float from 0 to 1. Share of the trained weights.
    """
    for network in (model.generator, model.ema_generator):
        pairs = zip(before, network.get_weights(), strict=True)
        network.set_weights([(1 - share) * old + share * new for old, new in pairs])
