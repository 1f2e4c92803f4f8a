"""The networks of ProgressiveGAN (Karras et al. 2018) and of StyleGAN (Karras et al. 2019 and 2020)."""

import math

import keras
from keras import layers

from zoo.errors import InputError
from zoo.layers.conditional_norm import StyleBatchNormalization
from zoo.layers.equalized import EqualizedConv2D, EqualizedDense, ModulatedConv2D
from zoo.layers.growing import GrowingDiscriminator, GrowingGenerator
from zoo.layers.minibatch_std import MinibatchStd
from zoo.layers.pixel_norm import PixelNorm
from zoo.layers.style import LearnedGrid, MixStyles, MovingMean, NoiseInjection
from zoo.nets import conv

# A gain of sqrt(2) compensates for a leaky ReLU, which roughly halves the mean square of its input (He et al. 2015).
_GAIN = math.sqrt(2.0)


def stage_widths(image_shape, filters):
    """Returns the number of features of each stage, the coarsest first.

    The coarsest grid has 4 to 7 pixels on its shorter side, and every further stage doubles it.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`.
        filters: int. Width at full resolution. It doubles with each halving, up to eight times as much.

    Raises:
        InputError: If the image is not such a grid doubled one or more times.
    """
    height, width, _ = image_shape
    doublings = max(min(height, width).bit_length() - 3, 0)
    if not doublings or height % 2**doublings or width % 2**doublings:
        raise InputError(
            f"image_shape is {tuple(image_shape)}, expected sides that are a grid of 4 to 7 pixels doubled one or more "
            "times, such as 8, 28, 32, 48 or 64."
        )
    return [filters * min(2**halvings, 8) for halvings in range(doublings, -1, -1)]


# === Growing ===


def progressive_generator(image_shape, latent_dim, filters):
    """Maps latents `(n, latent_dim)` to images of `image_shape`, roughly in [-1, 1].

    The images have the detail of the stage that the network has grown to.
    """
    # === Layers ===
    inputs = keras.Input((latent_dim,), name="latents")
    x = PixelNorm(dtype="float32", name="latents_norm")(inputs)
    x = GrowingGenerator(image_shape, stage_widths(image_shape, filters), name="growing")(x)
    outputs = layers.Activation("linear", dtype="float32", name="images")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def progressive_discriminator(image_shape, filters):
    """Maps images to one logit each, `(n, 1)`, by a network that mirrors `progressive_generator`."""
    widths = stage_widths(image_shape, filters)

    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = GrowingDiscriminator(image_shape, widths, name="growing")(inputs)
    outputs = _logit(x, widths[0])

    # === Functional model ===
    return keras.Model(inputs, outputs, name="discriminator")


def _logit(x, units):
    """Applies the end of both discriminators: minibatch standard deviation and dense layers on the coarsest grid."""
    x = MinibatchStd(name="minibatch_std")(x)
    x = EqualizedConv2D(units, 3, _GAIN, name="last_conv")(x)
    x = layers.LeakyReLU(0.2, name="last_relu")(x)
    x = layers.Flatten(name="flatten")(x)
    x = EqualizedDense(units, _GAIN, name="hidden")(x)
    x = layers.LeakyReLU(0.2, name="hidden_relu")(x)
    return EqualizedDense(1, dtype="float32", name="logit")(x)


# === Style-based ===


def style_generator(synthesis, mapping_layers, mixing_probability):
    """Maps latents `(n, latent_dim)` to the images of `synthesis`, by the layers `mapping`, `mix` and `synthesis`.

    In training, the styles of a share `mixing_probability` of the images are mixed (see `MixStyles`).
    """
    num_layers, latent_dim = synthesis.input_shape[1:]

    # === Layers ===
    inputs = keras.Input((latent_dim,), name="latents")
    w = style_mapping(latent_dim, mapping_layers)(inputs)
    styles = MixStyles(num_layers, mixing_probability, dtype="float32", name="mix")(w)
    outputs = synthesis(styles)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def style_mapping(latent_dim, num_layers):
    """Maps latents z `(n, latent_dim)` to intermediate latents w of the same shape.

    The dense layers learn a hundred times slower than others (Karras et al. 2019, appendix C). They run in float32
    under every dtype policy, because they cost almost nothing. The last layer tracks the mean of w.
    """
    # === Layers ===
    inputs = keras.Input((latent_dim,), name="latents")
    x = PixelNorm(dtype="float32", name="norm")(inputs)
    for index in range(num_layers):
        x = EqualizedDense(latent_dim, _GAIN, learning_rate_multiplier=0.01, dtype="float32", name=f"dense_{index}")(x)
        x = layers.LeakyReLU(0.2, dtype="float32", name=f"relu_{index}")(x)
    outputs = MovingMean(dtype="float32", name="moving_mean")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="mapping")


def style_synthesis(image_shape, style_dim, filters):
    """Maps intermediate latents `(n, num_layers, style_dim)`, one vector per layer, to images roughly in [-1, 1].

    This is the generator of Karras et al. 2020 (figure 7, with skip connections). Each resolution has two convolutions
    (the coarsest has one) and adds its contribution to the image so far. There are two style vectors for each
    resolution. Starting from the coarsest resolution, consecutive vectors style consecutive convolutions, and the layer
    that makes the image shares its vector with the next convolution.
    """
    widths = stage_widths(image_shape, filters)
    doublings = len(widths) - 1
    grid = (image_shape[0] >> doublings, image_shape[1] >> doublings, widths[0])

    # === Layers ===
    inputs = keras.Input((2 * len(widths), style_dim), name="styles")

    def modulated(x, layer, name, features, kernel_size, **options):
        # The styles are float32 under every dtype policy, because an error in a scale affects all pixels.
        style = EqualizedDense(x.shape[-1], initial_bias=1.0, dtype="float32", name=f"style_{name}")(inputs[:, layer])
        return ModulatedConv2D(features, kernel_size, name=f"conv_{name}", **options)(x, style)

    def convolved(x, layer, features, resample=None):
        x = modulated(x, layer, layer, features, 3, gain=_GAIN, resample=resample)
        x = NoiseInjection(name=f"noise_{layer}")(x)
        return layers.LeakyReLU(0.2, name=f"relu_{layer}")(x)

    def image_of(x, layer, stage):
        name = f"image_{stage}"
        return modulated(x, layer, name, image_shape[-1], 1, demodulate=False, dtype="float32")

    x = convolved(LearnedGrid(grid, name="grid")(inputs), 0, widths[0])
    images = image_of(x, 1, 0)
    for stage in range(1, len(widths)):
        x = convolved(x, 2 * stage - 1, widths[stage], resample="up")
        x = convolved(x, 2 * stage, widths[stage])
        up = layers.UpSampling2D(interpolation="bilinear", dtype="float32", name=f"up_{stage}")(images)
        images = layers.Add(dtype="float32", name=f"sum_{stage}")([up, image_of(x, 2 * stage + 1, stage)])
    outputs = layers.Activation("linear", dtype="float32", name="images")(images)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="synthesis")


def normalized_synthesis(image_shape, style_dim, filters, stages, second_convolutions=0):
    """Maps intermediate latents `(n, stages + 1, style_dim)`, one vector per resolution, to images in [-1, 1].

    This is `conv.dcgan_generator` with noise before every batch normalization, whose scales and shifts come from the
    style. Where demodulation relies on assumptions about the statistics of the features (Karras et al. 2020, section
    2.2), batch normalization measures them.

    A dense layer makes the coarsest grid from the first vector, unlike the learned constant of Karras et al. 2019 (this
    is their configuration C): with so few layers, styles take long to learn different layouts.

    Each of the finest `second_convolutions` resolutions has one more convolution, preceded by its own noise and
    normalization (He et al. 2016b, figure 1b). Its contribution starts at zero, so that it can be added to trained
    networks.
    """
    # === Layers ===
    inputs = keras.Input((stages + 1, style_dim), name="styles")

    def activated(x, stage, name):
        x = NoiseInjection(name=f"noise_{name}")(x)
        x = StyleBatchNormalization(name=f"norm_{name}")(x, inputs[:, stage])
        return layers.ReLU(name=f"relu_{name}")(x)

    def styled(x, stage, name):
        if stage > stages - second_convolutions:
            added = layers.Conv2D(
                x.shape[-1], 3, padding="same", use_bias=False, kernel_initializer="zeros", name=f"second_{name}"
            )(activated(x, stage, f"inner_{name}"))
            x = layers.Add(name=f"sum_{name}")([x, added])
        return activated(x, stage, name)

    x = conv.dcgan_projection(inputs[:, 0], image_shape, filters, stages)
    outputs = conv.dcgan_enlarged(x, image_shape[-1], filters, stages, styled)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="synthesis")


def style_discriminator(image_shape, filters):
    """Maps images to one logit each, `(n, 1)`, by the residual discriminator of Karras et al. 2020 (figure 7)."""
    widths = stage_widths(image_shape, filters)

    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = EqualizedConv2D(widths[-1], 1, _GAIN, name="from_image")(inputs)
    x = layers.LeakyReLU(0.2, name="from_image_relu")(x)
    for stage in range(len(widths) - 1, 0, -1):
        # Both branches are divided by sqrt(2), so that their sum has the variance of each.
        skip = EqualizedConv2D(widths[stage - 1], 1, math.sqrt(0.5), resample="down", name=f"skip_{stage}")(x)
        x = EqualizedConv2D(widths[stage], 3, _GAIN, name=f"first_{stage}")(x)
        x = layers.LeakyReLU(0.2, name=f"first_relu_{stage}")(x)
        down = _GAIN * math.sqrt(0.5)
        x = EqualizedConv2D(widths[stage - 1], 3, down, resample="down", name=f"second_{stage}")(x)
        x = layers.LeakyReLU(0.2, name=f"second_relu_{stage}")(x)
        x = layers.Add(name=f"sum_{stage}")([x, skip])
    outputs = _logit(x, widths[0])

    # === Functional model ===
    return keras.Model(inputs, outputs, name="discriminator")
