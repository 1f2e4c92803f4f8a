"""Residual generator and discriminator: those of projection GANs, SAGAN and BigGAN, which differ in a few options."""

import keras
from keras import layers, ops

from zoo.errors import InputError
from zoo.layers.attention import SelfAttention
from zoo.layers.conditional_norm import ConditionalBatchNormalization
from zoo.layers.spectral_normalization import linear
from zoo.nets.conv import doubled_widths, projected


def generator(
    image_shape,
    latent_dim,
    filters,
    stages,
    *,
    num_classes=None,
    class_dim=None,
    attention=False,
    spectral_norm=False,
):
    """Latents `(n, latent_dim)`, or with `num_classes` a dict of `latents` and `labels` `(n,)`, to images in [-1, 1].

    A dense projection, then `stages` residual blocks that double the resolution (Miyato et al. 2018, table 4a), and a
    3x3 convolution that ends in tanh. Blocks normalize by class-conditional batch norm where they have a condition.

    Args:
        image_shape: `(height, width, channels)`, sides divisible by `2 ** stages`.
        latent_dim: size of the latent vector.
        filters: width at the full resolution; it doubles with each block below, up to eight times.
        stages: number of blocks.
        num_classes: classes of the labels, or None.
        class_dim: length of one embedding of the class that all blocks share (Brock et al. 2019, section 3). Each block
            is conditioned on a part of the latents besides, and the projection made from the first part alone
            (appendix B). None gives each block scales and shifts of its own for each class.
        attention: whether self-attention follows at half of the full resolution.
        spectral_norm: whether convolutions and the projection have spectral normalization.

    Raises:
        InputError: fewer latents than parts.
    """
    if class_dim is not None and latent_dim <= stages:
        raise InputError(f"latent_dim is {latent_dim}, expected at least {stages + 1}, a part for each block.")

    # === Layers ===
    inputs = latents = keras.Input((latent_dim,), name="latents")
    classes = []
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs = {"latents": latents, "labels": labels}
        if class_dim is None:
            classes = [ops.one_hot(labels, num_classes)]
        else:
            # As the authors have it. As strong as latents, it moved the scales of the norms more than they do.
            classes = [layers.Embedding(num_classes, class_dim, "orthogonal", name="class_vectors")(labels)]
    parts = [[]] * stages
    if class_dim is not None:
        size = latent_dim // (stages + 1)
        latents, *rest = ops.split(latents, [latent_dim - size * left for left in range(stages, 0, -1)], axis=-1)
        parts = [[part] for part in rest]
    height, width, channels = image_shape
    widths = doubled_widths(filters, stages + 1)[::-1]
    base = (height >> stages, width >> stages, widths[0])
    x = linear(layers.Dense, base[0] * base[1] * base[2], spectral_norm, name="project")(latents)
    x = layers.Reshape(base, name="reshape")(x)
    for stage, part in enumerate(parts):
        if attention and stage == stages - 1:
            x = SelfAttention(name="attention")(x)
        condition = [*part, *classes]
        if len(condition) == 2:
            condition = [layers.Concatenate(name=f"condition_{stage}")(condition)]
        x = _up_block(x, condition, widths[stage + 1], spectral_norm, f"block_{stage}")
    x = _norm_and_relu(x, [], "image")
    x = linear(layers.Conv2D, channels, spectral_norm, kernel_size=3, padding="same", name="to_image")(x)
    # float32 whatever the policy: half precision would quantize the pixels.
    outputs = layers.Activation("tanh", dtype="float32", name="images")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def discriminator(image_shape, filters, stages, *, num_classes=None, attention=False):
    """Images, or with `num_classes` a dict of `images` and `labels` `(n,)`, to one logit each, `(n, 1)`.

    `stages` residual blocks that halve the resolution and one that keeps it, all under spectral normalization (Miyato
    et al. 2018, table 4b), summed over the pixels to features, whose logit is linear, with classes `projected`.

    Args:
        image_shape: `(height, width, channels)`, sides divisible by `2 ** stages`.
        filters: width of the first block; it doubles with each, up to eight times.
        stages: number of blocks that halve.
        num_classes: classes of the labels, or None.
        attention: whether self-attention follows at half of the full resolution.
    """
    # === Layers ===
    inputs = x = keras.Input(image_shape, name="images")
    for stage, stage_width in enumerate(doubled_widths(filters, stages)):
        x = _down_block(x, stage_width, f"block_{stage}", first=stage == 0)
        if attention and stage == 0:
            x = SelfAttention(name="attention")(x)
    x = _down_block(x, x.shape[-1], f"block_{stages}", halve=False)
    # float32 from here whatever the policy, since a sum over many pixels outgrows half precision.
    features = ops.sum(layers.Activation("relu", dtype="float32", name="relu")(x), axis=(1, 2))
    outputs = linear(layers.Dense, 1, True, dtype="float32", name="logit")(features)
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs = {"images": inputs, "labels": labels}
        outputs = projected(outputs, features, labels, num_classes)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="discriminator")


def _norm_and_relu(x, condition, name):
    arguments = {"momentum": 0.9, "epsilon": 1e-5, "name": f"norm_{name}"}
    norm = ConditionalBatchNormalization if condition else layers.BatchNormalization
    return layers.ReLU(name=f"relu_{name}")(norm(**arguments)(x, *condition))


def _up_block(x, condition, filters, spectral_norm, name):
    """Doubles the resolution: norm, ReLU, upsampling, convolution, norm, ReLU, convolution, and a 1x1 shortcut."""

    def conv(x, kernel_size, part):
        name_ = f"{name}_{part}"
        return linear(layers.Conv2D, filters, spectral_norm, kernel_size=kernel_size, padding="same", name=name_)(x)

    def up(x, part):
        return layers.UpSampling2D(name=f"{name}_{part}")(x)

    residual = up(_norm_and_relu(x, condition, f"{name}_0"), "up")
    residual = conv(residual, 3, "conv_0")
    residual = conv(_norm_and_relu(residual, condition, f"{name}_1"), 3, "conv_1")
    # After the convolution, which the upsampling of equal pixels does not change.
    shortcut = up(conv(x, 1, "shortcut"), "shortcut_up")
    return layers.Add(name=f"{name}_sum")([residual, shortcut])


def _down_block(x, filters, name, first=False, halve=True):
    """ReLU, convolution, ReLU, convolution and averaging, and a 1x1 shortcut; the first has images and no ReLU."""

    def conv(x, kernel_size, part):
        name_ = f"{name}_{part}"
        return linear(layers.Conv2D, filters, True, kernel_size=kernel_size, padding="same", name=name_)(x)

    def relu(x, part):
        return layers.ReLU(name=f"{name}_relu_{part}")(x)

    residual = conv(x if first else relu(x, 0), 3, "conv_0")
    residual = conv(relu(residual, 1), 3, "conv_1")
    shortcut = x
    if halve:
        residual = layers.AveragePooling2D(2, name=f"{name}_pool")(residual)
        # Before the convolution, which averaging does not change.
        shortcut = conv(layers.AveragePooling2D(2, name=f"{name}_shortcut_pool")(x), 1, "shortcut")
    return layers.Add(name=f"{name}_sum")([residual, shortcut])
