"""Image-to-image networks: U-Net and patch discriminator (Isola et al. 2017), and a residual translator."""

import math

import keras
from keras import layers

from zoo.errors import InputError
from zoo.layers.group_norm import GroupNormalization
from zoo.nets.conv import check_sides, doubled_widths, init, small, to_image


def u_net(source_shape, channels, filters, stages, dropout):
    """Maps source images in [-1, 1] to images of the same size (Isola et al. 2017, appendix 6.1.1).

    The encoder has `stages` strided convolutions. The decoder has as many transposed convolutions, each of which also
    receives the encoder's features at its resolution. A 3x3 convolution makes the image.

    Args:
        source_shape: tuple of ints, `(height, width, channels)`, with sides divisible by `2 ** stages`.
        channels: int. Number of channels of the output images.
        filters: int. Width at half the resolution. It doubles with every stage, up to eight times.
        stages: int. Number of halvings.
        dropout: float. Dropout rate at the two coarsest stages of the decoder.

    Raises:
        InputError: If a side is not divisible by `2 ** stages`.
    """
    check_sides(source_shape, stages)
    widths = doubled_widths(filters, stages)

    def norm_and_relu(x, name, slope):
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"norm_{name}")(x)
        return layers.LeakyReLU(slope, name=f"relu_{name}")(x)

    # === Layers ===
    inputs = keras.Input(source_shape, name="source_images")
    x, skips = inputs, []
    for stage, width in enumerate(widths):
        skips.append(x)
        x = layers.Conv2D(width, 4, strides=2, padding="same", kernel_initializer=init(), name=f"down_{stage}")(x)
        # The first stage has no normalization, and neither has the coarsest, which may be a single pixel.
        x = (
            layers.LeakyReLU(0.2, name=f"relu_down_{stage}")(x)
            if stage in (0, stages - 1)
            else norm_and_relu(x, f"down_{stage}", 0.2)
        )
    for stage in reversed(range(stages)):
        width = widths[stage - 1] if stage else max(filters // 2, 1)
        x = layers.Conv2DTranspose(
            width, 4, strides=2, padding="same", use_bias=False, kernel_initializer=init(), name=f"up_{stage}"
        )(x)
        x = norm_and_relu(x, f"up_{stage}", 0.0)
        if dropout and stage >= stages - 2:
            x = layers.Dropout(dropout, name=f"dropout_{stage}")(x)
        x = layers.Concatenate(name=f"both_{stage}")([x, skips[stage]])
    outputs = to_image(x, channels)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def translator(image_shape, filters, residual_blocks, name="generator"):
    """Maps source images to images of the same shape, by residual blocks at a quarter of the resolution.

    The widths and blocks are those of the generator of Zhu et al. 2017 (appendix 7.2). Unlike in the paper, nothing is
    normalized: normalization over the image treated a sign on white and one that fills its picture alike and left
    speckles.

    Skip connections add the encoder's features at the two higher resolutions, which keeps lines sharp. The output is
    the source image plus a change that is small at first, which keeps colours in place. The result is clipped to [-1,
    1].

    Args:
        image_shape: tuple of ints, `(height, width, channels)`, with sides divisible by 4.
        filters: int. Width at full resolution. It doubles with each halving.
        residual_blocks: int. Number of residual blocks.
        name: str. Name of the network. Defaults to `"generator"`.

    Raises:
        InputError: If a side is not divisible by 4.
    """
    check_sides(image_shape, 2)

    def conv(x, width, kernel_size, part, strides=1, initializer="he_normal", activation="relu"):
        return layers.Conv2D(
            width,
            kernel_size,
            strides=strides,
            padding="same",
            kernel_initializer=initializer,
            activation=activation,
            name=part,
        )(x)

    # === Layers ===
    inputs = keras.Input(image_shape, name="source_images")
    x = conv(inputs, filters, 7, "in")
    skips = []
    for stage in (1, 2):
        skips.append(x)
        x = conv(x, filters * 2**stage, 4, f"down_{stage}", strides=2)
    for block in range(residual_blocks):
        y = conv(x, filters * 4, 3, f"block_{block}_0")
        y = conv(y, filters * 4, 3, f"block_{block}_1", initializer=small(residual_blocks), activation=None)
        x = layers.Add(name=f"block_{block}_sum")([x, y])
    for stage in (1, 0):
        x = layers.UpSampling2D(name=f"up_{stage}")(x)
        x = conv(x, filters * 2**stage, 3, f"up_{stage}_conv", activation=None)
        x = layers.Add(name=f"both_{stage}")([x, skips[stage]])
        x = layers.ReLU(name=f"relu_up_{stage}")(x)
    faint = keras.initializers.VarianceScaling(0.02)
    x = conv(x, image_shape[-1], 3, "change", initializer=faint, activation=None)
    # The images are float32 under every dtype policy, because half precision would quantize the pixels.
    outputs = layers.Add(dtype="float32", name="changed")([inputs, x])
    outputs = layers.Activation("hard_tanh", dtype="float32", name="images")(outputs)

    # === Functional model ===
    return keras.Model(inputs, outputs, name=name)


def patch_discriminator(image_shape, filters, stages, source_shape=None, name="discriminator"):
    """Maps images to a map of logits, one for each patch (Isola et al. 2017, section 3.2.2).

    The network has `stages` strided convolutions, one that keeps the resolution, and one for the logits. A patch is 70
    pixels wide for three stages and 34 for two.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`.
        filters: int. Width of the first convolution. It doubles with every convolution, up to eight times.
        stages: int. Number of strided convolutions.
        source_shape: tuple of ints or None. With a shape, the network takes a dict of `images` and `source_images` and
            concatenates them along the channels. Defaults to `None`.
        name: str. Name of the network. Defaults to `"discriminator"`.

    Raises:
        InputError: If `stages` halvings leave a single pixel, which normalization over the image sets to zero.
    """
    if math.log2(max(image_shape[:2])) <= stages:
        raise InputError(
            f"patch_stages is {stages}, expected fewer, since {stages} halvings of image_shape={tuple(image_shape)} "
            "leave a single pixel."
        )
    # === Layers ===
    inputs = x = keras.Input(image_shape, name="images")
    if source_shape is not None:
        sources = keras.Input(source_shape, name="source_images")
        inputs = {"images": inputs, "source_images": sources}
        x = layers.Concatenate(name="both")([x, sources])
    for stage, width in enumerate(doubled_widths(filters, stages + 1)):
        x = layers.Conv2D(
            width,
            4,
            strides=2 if stage < stages else 1,
            padding="same",
            kernel_initializer=init(),
            name=f"conv_{stage}",
        )(x)
        if stage:
            # Instance normalization (Ulyanov et al. 2016).
            x = GroupNormalization(name=f"norm_conv_{stage}")(x)
        x = layers.LeakyReLU(0.2, name=f"relu_conv_{stage}")(x)
    outputs = layers.Conv2D(1, 4, padding="same", kernel_initializer=init(), dtype="float32", name="logits")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name=name)
