"""The residual network of super-resolution (Ledig et al. 2017), without batch norm as in Lim et al. 2017."""

import itertools

import keras
from keras import layers

from zoo.layers.upsampling import BicubicUpsampling, DepthToSpace
from zoo.nets.conv import small


def residual_upscaler(channels, scale, filters, residual_blocks):
    """Images in [-1, 1] of any size, `(n, h, w, channels)`, to `(n, h * scale, w * scale, channels)`, unbounded.

    A 3x3 convolution, blocks x + conv(relu(conv(x))) of the same width, one more convolution and a sum over all
    blocks, then sub-pixel upsampling (Shi et al. 2016). What comes out is added to the bicubically enlarged image, and
    begins as nothing.

    Args:
        channels: of the images.
        scale: how many times as high and wide the result is.
        filters: width of all convolutions.
        residual_blocks: number of blocks.
    """

    def conv(x, width, name, **options):
        return layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal", name=name, **options)(x)

    # === Layers ===
    inputs = keras.Input((None, None, channels), name="source_images")
    first = x = conv(inputs, filters, "in")
    for block in range(residual_blocks):
        y = conv(x, filters, f"block_{block}_0", activation="relu")
        y = layers.Conv2D(
            filters, 3, padding="same", kernel_initializer=small(residual_blocks), name=f"block_{block}_1"
        )(y)
        x = layers.Add(name=f"block_{block}_sum")([x, y])
    x = layers.Add(name="sum")([first, conv(x, filters, "mix")])
    x = layers.Conv2D(
        channels * scale**2, 3, padding="same", kernel_initializer="zeros", dtype="float32", name="subpixels"
    )(x)
    detail = DepthToSpace(scale, dtype="float32", name="detail")(x)
    # float32 whatever the policy: half precision would quantize the pixels.
    enlarged = BicubicUpsampling(scale, name="enlarged")(inputs)
    outputs = layers.Add(dtype="float32", name="images")([enlarged, detail])

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def halo(network):
    """How many pixels around one the network looks at, at most, before it enlarges: the reach of its convolutions."""
    # Two for the bicubic kernel.
    return _reach(network) + 2


def _reach(layer):
    if isinstance(layer, keras.Model):
        # A layer that is applied again reaches further; `layers` has it once.
        nodes = itertools.chain.from_iterable(getattr(layer, "_nodes_by_depth", {}).values())
        return sum(map(_reach, [node.operation for node in nodes] or layer.layers))
    if isinstance(layer, layers.Wrapper):
        return _reach(layer.layer)
    if not isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose)):
        return 0
    return max(size // 2 * rate for size, rate in zip(layer.kernel_size, layer.dilation_rate, strict=True))
