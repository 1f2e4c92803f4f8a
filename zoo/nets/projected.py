"""The networks of ProjectedGAN (Sauer et al. 2021): discriminators on random projections of frozen features."""

import math

import keras
from keras import layers, ops

from zoo.layers.conditional_norm import ConditionalBatchNormalization
from zoo.layers.random_projection import RandomProjection
from zoo.layers.spectral_normalization import SpectralNormalization
from zoo.layers.style import NoiseInjection
from zoo.nets import conv

# The widest features have so many times the width at full resolution: most weights lie there.
_WIDEST = 6
# The skip-layer excitation of a resolution comes from a sixteenth of it (Liu et al. 2021, section 3.1).
_EXCITATION_STAGES = 4


def generator(image_shape, latent_dim, filters, num_classes=None):
    """Maps latents to images in [-1, 1] by the light generator of FastGAN (Liu et al. 2021, figure 3).

    Each stage doubles the resolution, and applies a convolution, batch normalization, noise and a gated linear unit.
    Features at a sixteenth of a resolution decide how much each of its channels counts (skip-layer excitation).

    Args:
        image_shape: tuple of ints, `(height, width, channels)`.
        latent_dim: int. Length of the latents.
        filters: int. Width at full resolution. It doubles with every stage below, up to six times as many.
        num_classes: int or None. With classes, the network takes a dict of `latents` and integer `labels` of shape
            `(n,)`. Labels extend the latents, and set the scales and shifts of every normalization. Defaults to None.
    """
    # === Layers ===
    inputs = x = keras.Input((latent_dim,), name="latents")
    condition = None
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs, condition = {"latents": inputs, "labels": labels}, ops.one_hot(labels, num_classes)
        # Normalizations alone change colours more than layouts.
        x = layers.Concatenate(name="latents_and_class")([x, condition])
    stages = conv.stages_of(image_shape)
    widths = conv.doubled_widths(filters, stages, most=_WIDEST)
    height, width, channels = image_shape
    grid = (height >> stages, width >> stages, 2 * widths[-1])
    x = layers.Dense(math.prod(grid), use_bias=False, name="project")(x)
    x = _gated(layers.Reshape(grid, name="reshape")(x), condition, "coarsest")
    features = [x]
    for stage, stage_width in enumerate(reversed(widths)):
        x = layers.UpSampling2D(name=f"up_{stage}")(x)
        x = layers.Conv2D(2 * stage_width, 3, padding="same", use_bias=False, name=f"conv_{stage}")(x)
        x = _gated(x, condition, stage)
        features.append(x)
        if len(features) > _EXCITATION_STAGES:
            x = _excited(x, features[-1 - _EXCITATION_STAGES], grid, stage)
    outputs = conv.to_image(x, channels)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def _gated(x, condition, name):
    """Normalizes over the batch, adds noise, and lets one half of the channels gate the other (Dauphin et al. 2017)."""
    if condition is None:
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"norm_{name}")(x)
    else:
        x = ConditionalBatchNormalization(name=f"norm_{name}")(x, condition)
    # Without noise, equal features at two places would make the same texture there.
    values, gates = ops.split(NoiseInjection(name=f"noise_{name}")(x), 2, axis=-1)
    return values * ops.sigmoid(gates)


def _excited(x, coarse, grid, name):
    """Scales each channel by a number from 0 to 1 that a small network computes from coarser features."""
    pool = tuple(side // least for side, least in zip(coarse.shape[1:3], grid[:2], strict=True))
    y = layers.AveragePooling2D(pool, name=f"pool_{name}")(coarse)
    y = layers.Conv2D(x.shape[-1], grid[:2], activation="silu", name=f"squeeze_{name}")(y)
    y = layers.Conv2D(x.shape[-1], 1, activation="sigmoid", name=f"excite_{name}")(y)
    return layers.Multiply(name=f"excited_{name}")([x, y])


def discriminator(image_shape, scales, filters, mixed, num_classes=None):
    """Maps images and their features at several scales to logits `(n, k)`, by one discriminator for each.

    The features are first mixed across channels, by 1x1 convolutions, and across scales, by 3x3 convolutions from the
    coarsest scale upwards (Sauer et al. 2021, figure 1). These convolutions keep their random weights. Each
    discriminator has convolutions with spectral and batch normalization down to the coarsest grid, where every pixel
    has a logit. The one on pixels is not in the paper; it sees colours and edges that the features leave out (Kumari et
    al. 2022 combine both, too).

    Args:
        image_shape: tuple of ints, `(height, width, channels)`.
        scales: list of tuples, `(height, width, channels)` of the features, the finest first.
        filters: int. Width of the discriminators.
        mixed: int. Number of channels of the mixed features.
        num_classes: int or None. With classes, the network takes integer `labels` of shape `(n,)`, too, and adds the
            product of features and a learned vector of the class to the logits (Miyato & Koyama 2018). Defaults to
            None.
    """
    # === Layers ===
    images = keras.Input(image_shape, name="images")
    features = [keras.Input(shape, name=f"scale_{index}") for index, shape in enumerate(scales)]
    inputs = {each.name: each for each in (images, *features)}
    labels = None
    if num_classes is not None:
        labels = inputs["labels"] = keras.Input((), dtype="int32", name="labels")
    logits, coarser = [], None
    for index in reversed(range(len(features))):
        x = RandomProjection(mixed, name=f"mix_channels_{index}")(features[index])
        if coarser is not None:
            up = layers.UpSampling2D(interpolation="bilinear", name=f"up_{index}")(coarser)
            x = RandomProjection(mixed, 3, name=f"mix_scales_{index}")(layers.Add(name=f"both_{index}")([x, up]))
        coarser = x
        widths = [filters] * (len(features) - 1 - index)
        logits.append(_logits(x, widths, filters, labels, num_classes, f"scale_{index}"))
    widths = conv.doubled_widths(max(filters // 4, 1), conv.stages_of(image_shape), most=4)
    logits.append(_logits(images, widths, filters, labels, num_classes, "pixels"))
    outputs = layers.Concatenate(dtype="float32", name="logits")(logits)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="discriminator")


def _logits(x, widths, filters, labels, num_classes, name):
    """Halves the resolution once for each of `widths`, and returns a logit for each pixel, `(n, pixels)`."""

    def convolved(x, width, part, kernel_size=3, strides=1):
        layer = layers.Conv2D(
            width, kernel_size, strides, "same", kernel_initializer="orthogonal", name=f"{name}_{part}"
        )
        return SpectralNormalization(layer)(x)

    def activated(x, part):
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm_{part}")(x)
        return layers.LeakyReLU(0.2, name=f"{name}_relu_{part}")(x)

    for index, width in enumerate(widths):
        x = activated(convolved(x, width, f"down_{index}", 4, 2), index)
    x = activated(convolved(x, filters, "last"), "last")
    logits = convolved(x, 1, "logit")
    if labels is not None:
        embedding = layers.Embedding(num_classes, filters, "orthogonal", name=f"{name}_class_vectors")
        # Of length 1, so that a class counts as much as the image alone does.
        vectors = ops.cast(SpectralNormalization(embedding)(labels), x.dtype)
        logits += ops.sum(x * vectors[:, None, None, :], axis=-1, keepdims=True)
    return layers.Flatten(dtype="float32", name=f"{name}_logits")(logits)
