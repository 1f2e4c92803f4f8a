"""EfficientNet-Lite (Tan & Le 2019, without squeeze-and-excitation and with ReLU6): features of photographs.

The batch normalizations are part of the convolutions before them, and there is no classification head, because the
networks serve with published weights as frozen features.
"""

import math

import keras
from keras import layers

#: Preset of the network with its published weights, by which images of any kind are compared.
LITE0 = "efficientnet_lite0_imagenet"
# Of each stage: blocks, kernel size, stride of the first block, expansion and width.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM_WIDTH = 32
# The published networks were trained on (x - 127) / 128 of grey values x.
_SCALE, _OFFSET = 127.5 / 128, 0.5 / 128


def network(image_shape=(None, None, 3), width=1.0, depth=1.0, num_features=1280, name="efficientnet_lite"):
    """Maps images in [-1, 1] to features `(n, num_features)`, the output of the layer `features`.

    The output of each block is that of the layer `block_0`, `block_1` and so on.

    Args:
        image_shape: tuple, `(height, width, channels)`. A side of None admits any size. Defaults to `(None, None, 3)`.
        width: float. Factor of the widths of all blocks. Defaults to 1, as in Lite0 and Lite1.
        depth: float. Factor of the number of blocks in each stage but the first and the last. Defaults to 1, as in
            Lite0; Lite1 has 1.1.
        num_features: int. Length of the features. Defaults to 1280, as published.
        name: str. Name of the Keras model, by which protocols recognize it. Defaults to `"efficientnet_lite"`.
    """
    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = layers.Rescaling(_SCALE, _OFFSET, name="rescale")(inputs)
    x = _conv(x, _STEM_WIDTH, 3, strides=2, activation="relu6", name="stem")
    index = 0
    for stage, (blocks, kernel_size, strides, expansion, filters) in enumerate(_STAGES):
        if 0 < stage < len(_STAGES) - 1:
            blocks = math.ceil(depth * blocks)
        for block in range(blocks):
            x = _block(x, _rounded(width * filters), kernel_size, 1 if block else strides, expansion, f"block_{index}")
            index += 1
    x = _conv(x, num_features, 1, activation="relu6", name="head")
    # The mean of many pixels is float32 under every dtype policy.
    outputs = layers.GlobalAveragePooling2D(dtype="float32", name="features")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name=name)


def is_network(model):
    """Returns whether a Keras model is one of `network`."""
    return {"stem", "block_0", "features"} <= {layer.name for layer in model.layers}


def scales(model):
    """Cuts the network into its scales.

    Args:
        model: Keras model of `network`.

    Returns:
        Keras model from images in [-1, 1] to a list of four features, those of the last block at a quarter, an eighth,
        a sixteenth and a thirty-second of the resolution. In Lite0 these are the blocks 2, 4, 10 and 15, of 24, 40, 112
        and 320 channels.
    """
    strides = [layer.strides[0] for layer in model.layers if isinstance(layer, layers.DepthwiseConv2D)]
    # A block of stride 2 begins the next scale. The first one ends the scale of half the resolution, which is left out.
    _, *ends = [index - 1 for index, stride in enumerate([*strides, 2]) if stride == 2]
    return keras.Model(model.inputs[0], [model.get_layer(f"block_{end}").output for end in ends], name="scales")


def _rounded(filters):
    """Rounds a width to a multiple of 8, but not down by more than a tenth."""
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def _conv(x, filters, kernel_size, **arguments):
    return layers.Conv2D(filters, kernel_size, padding="same", **arguments)(x)


def _block(x, filters, kernel_size, strides, expansion, name):
    """Applies an inverted residual block (Sandler et al. 2018): expansion, depthwise convolution, projection."""
    shortcut, channels = x, x.shape[-1]
    if expansion > 1:
        x = _conv(x, expansion * channels, 1, activation="relu6", name=f"{name}_expand")
    x = layers.DepthwiseConv2D(kernel_size, strides, "same", activation="relu6", name=f"{name}_depthwise")(x)
    if strides > 1 or filters != channels:
        return _conv(x, filters, 1, name=name)
    x = _conv(x, filters, 1, name=f"{name}_project")
    return layers.Add(name=name)([x, shortcut])
