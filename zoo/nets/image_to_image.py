"""Networks from image to image: U-Net and patch discriminator (Isola et al. 2017), residual translator (CycleGAN)."""

import keras
from keras import layers

from zoo.errors import InputError
from zoo.nets.conv import check_sides, doubled_widths, init, to_image


def u_net(source_shape, channels, filters, stages, dropout):
    """Source images in [-1, 1] to images of the same size with `channels` channels (appendix 6.1.1).

    `stages` strided convolutions, `filters` wide at half the resolution and up to eight times that below, and as many
    transposed ones that each see what the encoder knew at their resolution. A 3x3 convolution makes the image.

    Args:
        source_shape: `(height, width, channels)`, sides divisible by `2 ** stages`.
        channels: of the images.
        filters, stages: as above.
        dropout: rate at the coarsest two stages of the decoder.

    Raises:
        InputError: sides that are not divisible.
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
        # Neither the first nor the coarsest is normalized; the latter may be a single pixel.
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


def translator(source_shape, channels, filters, residual_blocks, name="generator"):
    """Source images to images of the same size by residual blocks at a quarter of it (Zhu et al. 2017, appendix 7.2).

    Every convolution but the last is normalized image by image (Ulyanov et al. 2016). Unlike the paper's it pads with
    zeros, enlarges by repeating pixels, and makes the image by a 3x3 convolution.

    Raises:
        InputError: sides that are not divisible by 4, or of which a quarter is a single pixel, of which normalization
            over the image leaves nothing.
    """
    check_sides(source_shape, 2)
    if max(source_shape[:2]) <= 4:
        raise InputError(f"image_shape is {tuple(source_shape)}, expected a side of at least 8: a quarter of 4 is 1.")

    def conv(x, width, kernel_size, part, strides=1, relu=True):
        x = layers.Conv2D(
            width,
            kernel_size,
            strides=strides,
            padding="same",
            use_bias=False,
            kernel_initializer=init(),
            name=part,
        )(x)
        return _instance_norm(x, part, 0.0 if relu else None)

    # === Layers ===
    inputs = keras.Input(source_shape, name="source_images")
    x = conv(inputs, filters, 7, "in")
    for stage in (1, 2):
        x = conv(x, filters * 2**stage, 3, f"down_{stage}", strides=2)
    for block in range(residual_blocks):
        y = conv(x, filters * 4, 3, f"block_{block}_0")
        y = conv(y, filters * 4, 3, f"block_{block}_1", relu=False)
        x = layers.Add(name=f"block_{block}_sum")([x, y])
    for stage in (1, 0):
        x = layers.UpSampling2D(name=f"up_{stage}")(x)
        x = conv(x, filters * 2**stage, 3, f"up_{stage}_conv")
    outputs = to_image(x, channels)

    # === Functional model ===
    return keras.Model(inputs, outputs, name=name)


def patch_discriminator(image_shape, filters, stages, source_shape=None, name="discriminator"):
    """Images to a map of logits, each of a patch (Isola et al. 2017, section 3.2.2).

    With `source_shape` a dict of `images` and `source_images`, which go in together. `stages` strided convolutions,
    one that keeps the resolution, and the logits: a patch is 70 pixels wide for three stages, 34 for two.

    Raises:
        InputError: so many stages leave a single pixel, of which normalization over the image leaves nothing.
    """
    if max(image_shape[:2]) <= 2**stages:
        raise InputError(
            f"patch_stages is {stages}, expected fewer: halved so often, image_shape={tuple(image_shape)} is one pixel."
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
        x = _instance_norm(x, f"conv_{stage}", 0.2) if stage else layers.LeakyReLU(0.2, name="relu_conv_0")(x)
    outputs = layers.Conv2D(1, 4, padding="same", kernel_initializer=init(), dtype="float32", name="logits")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name=name)


def _instance_norm(x, name, slope):
    """Normalizes each image's every channel, then leaky ReLU; a `slope` of None leaves it out."""
    x = layers.GroupNormalization(groups=-1, epsilon=1e-5, name=f"norm_{name}")(x)
    return x if slope is None else layers.LeakyReLU(slope, name=f"relu_{name}")(x)
