"""Residual generator and discriminator of projection GANs, SAGAN and BigGAN, which differ in a few options."""

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
    """Maps latents to images in [-1, 1].

    A dense projection is followed by `stages` residual blocks that double the resolution (Miyato et al. 2018, table 4a)
    and by a 3x3 convolution with tanh. Blocks with a condition use class-conditional batch normalization. The input is
    latents `(n, latent_dim)`, or with classes a dict of `latents` and integer `labels` of shape `(n,)`.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`, with sides divisible by `2 ** stages`.
        latent_dim: int. Length of the latents.
        filters: int. Width at full resolution. It doubles with each block below, up to eight times.
        stages: int. Number of blocks.
        num_classes: int or None. Number of classes. Defaults to `None`.
        class_dim: int or None. Length of a class embedding that all blocks share (Brock et al. 2019, section 3). The
            latents are then split into parts: the projection uses the first part, and each block is also conditioned on
            a part of its own (appendix B). None gives each block separate scales and shifts for each class. Defaults to
            `None`.
        attention: bool. Whether self-attention follows at half the resolution. Defaults to `False`.
        spectral_norm: bool. Whether the convolutions and the projection have spectral normalization. Defaults to
            `False`.

    Raises:
        InputError: If there are fewer latents than parts.
    """
    if class_dim is not None and latent_dim <= stages:
        raise InputError(
            f"latent_dim is {latent_dim}, expected at least {stages + 1}, one part for the projection and each block."
        )

    # === Layers ===
    inputs = latents = keras.Input((latent_dim,), name="latents")
    classes = []
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs = {"latents": latents, "labels": labels}
        if class_dim is None:
            classes = [ops.one_hot(labels, num_classes)]
        else:
            # The orthogonal initializer is the authors'. With embeddings as strong as the latents, the class moved the
            # scales of the normalizations more than the latents did.
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
    # The images are float32 under every dtype policy, because half precision would quantize the pixels.
    outputs = layers.Activation("tanh", dtype="float32", name="images")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def discriminator(image_shape, filters, stages, *, num_classes=None, attention=False):
    """Maps images to one logit each, `(n, 1)`.

    The network has `stages` residual blocks that halve the resolution and one that keeps it, all with spectral
    normalization (Miyato et al. 2018, table 4b). The features are summed over the pixels and mapped to the logit by a
    dense layer, with the class projection of `projected` if there are classes. The input is images, or with classes a
    dict of `images` and integer `labels` of shape `(n,)`.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`, with sides divisible by `2 ** stages`.
        filters: int. Width of the first block. It doubles with each block, up to eight times.
        stages: int. Number of blocks that halve the resolution.
        num_classes: int or None. Number of classes. Defaults to `None`.
        attention: bool. Whether self-attention follows at half the resolution. Defaults to `False`.
    """
    # === Layers ===
    inputs = x = keras.Input(image_shape, name="images")
    for stage, stage_width in enumerate(doubled_widths(filters, stages)):
        x = _down_block(x, stage_width, f"block_{stage}", first=stage == 0)
        if attention and stage == 0:
            x = SelfAttention(name="attention")(x)
    x = _down_block(x, x.shape[-1], f"block_{stages}", halve=False)
    # The rest is float32 under every dtype policy, because a sum over many pixels exceeds the range of half precision.
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
    # The 1x1 convolution comes before the upsampling, which gives the same result for less computation.
    shortcut = up(conv(x, 1, "shortcut"), "shortcut_up")
    return layers.Add(name=f"{name}_sum")([residual, shortcut])


def _down_block(x, filters, name, first=False, halve=True):
    """Halves the resolution: ReLU, convolution, ReLU, convolution, average pooling, and a 1x1 shortcut.

    The first block receives images and has no leading ReLU. Without `halve`, the block keeps the resolution.
    """

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
        # The pooling comes before the 1x1 convolution, which gives the same result for less computation.
        shortcut = conv(layers.AveragePooling2D(2, name=f"{name}_shortcut_pool")(x), 1, "shortcut")
    return layers.Add(name=f"{name}_sum")([residual, shortcut])
