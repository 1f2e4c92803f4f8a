"""The residual super-resolution network (Ledig et al. 2017), without batch normalization as in Lim et al. 2017."""

import keras
from keras import layers

from zoo.keras_private import applied_operations
from zoo.layers.upsampling import BicubicUpsampling, DepthToSpace
from zoo.nets.conv import small


def residual_upscaler(channels, scale, filters, residual_blocks):
    """Enlarges images in [-1, 1] of any size, `(n, h, w, channels)`, by a factor of `scale`.

    The output is unbounded. The network has a 3x3 convolution, residual blocks x + conv(relu(conv(x))) of the same
    width, one more convolution with a skip connection over all blocks, and sub-pixel upsampling (Shi et al. 2016). It
    adds its output, which starts at zero, to the bicubically enlarged image.

    Args:
        channels: int. Number of channels of the images.
        scale: int. Factor by which height and width grow.
        filters: int. Width of all convolutions.
        residual_blocks: int. Number of residual blocks.
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
    # The images are float32 under every dtype policy, because half precision would quantize the pixels.
    enlarged = BicubicUpsampling(scale, name="enlarged")(inputs)
    outputs = layers.Add(dtype="float32", name="images")([enlarged, detail])

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def halo(network):
    """Returns the radius of the receptive field in pixels before the enlargement, an upper bound."""
    # The bicubic kernel adds two pixels.
    return _reach(network) + 2


def _reach(layer):
    if isinstance(layer, keras.Model):
        # A layer that is applied twice extends the receptive field twice, but `layers` lists it once.
        return sum(map(_reach, applied_operations(layer)))
    if isinstance(layer, layers.Wrapper):
        return _reach(layer.layer)
    if not isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Conv2DTranspose)):
        return 0
    return max(size // 2 * rate for size, rate in zip(layer.kernel_size, layer.dilation_rate, strict=True))
