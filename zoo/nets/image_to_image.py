"""Networks from image to image: U-Net and patch discriminator (Isola et al. 2017), residual translator."""

import math

import keras
from keras import layers

from zoo.errors import InputError
from zoo.nets.conv import check_sides, doubled_widths, init, small, to_image


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


def translator(image_shape, filters, residual_blocks, name="generator"):
    """Source images to images of the same shape: what residual blocks at a quarter of the resolution add to them.

    Of the generator of Zhu et al. 2017, appendix 7.2, in which every convolution is normalized over the image, the
    widths and the blocks. Nothing is normalized here, where a sign on white and one that fills its picture were made
    alike and got speckled. What the encoder knew at the two higher resolutions is added as they are reached, so that
    lines stay sharp, and a translation begins near the source image, so that colours keep their places. It is cut off
    at -1 and 1.

    Args:
        image_shape: `(height, width, channels)`, sides divisible by 4.
        filters: at the full resolution, twice as many at each below.
        residual_blocks: number of blocks.

    Raises:
        InputError: sides that are not divisible by 4.
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
    # float32 whatever the policy: half precision would quantize the pixels.
    outputs = layers.Add(dtype="float32", name="changed")([inputs, x])
    outputs = layers.Activation("hard_tanh", dtype="float32", name="images")(outputs)

    # === Functional model ===
    return keras.Model(inputs, outputs, name=name)


def patch_discriminator(image_shape, filters, stages, source_shape=None, name="discriminator"):
    """Images to a map of logits, each of a patch (Isola et al. 2017, section 3.2.2).

    With `source_shape` a dict of `images` and `source_images`, which go in together. `stages` strided convolutions,
    one that keeps the resolution, and the logits: a patch is 70 pixels wide for three stages, 34 for two.

    Raises:
        InputError: so many stages leave a single pixel, of which normalization over the image leaves nothing.
    """
    if math.log2(max(image_shape[:2])) <= stages:
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
        if stage:
            # Image by image (Ulyanov et al. 2016).
            x = layers.GroupNormalization(groups=-1, epsilon=1e-5, name=f"norm_conv_{stage}")(x)
        x = layers.LeakyReLU(0.2, name=f"relu_conv_{stage}")(x)
    outputs = layers.Conv2D(1, 4, padding="same", kernel_initializer=init(), dtype="float32", name="logits")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name=name)
