"""Convolutional encoder and decoder with residual blocks (van den Oord et al. 2017, section 4.1)."""

import keras
from keras import layers


def encoder(image_shape, embedding_dim, filters, stages, residual_blocks):
    """Images in [-1, 1] to `(n, height >> stages, width >> stages, embedding_dim)`.

    `stages` strided convolutions, the first at half the width, then residual blocks.
    """
    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = inputs
    for stage in range(stages):
        width = filters if stage else filters // 2
        x = layers.Conv2D(width, 4, strides=2, padding="same", activation="relu", name=f"down_{stage}")(x)
    x = _residual_stack(layers.Conv2D(filters, 3, padding="same", name="mix")(x), filters, residual_blocks)
    outputs = layers.Conv2D(embedding_dim, 1, dtype="float32", name="vectors")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="encoder")


def decoder(image_shape, embedding_dim, filters, stages, residual_blocks):
    """The reverse of `encoder`: embeddings to the mean of the pixels, unbounded, about [-1, 1].

    The image is made by a convolution at full resolution, so that neighbouring pixels share their weights.
    """
    height, width, channels = image_shape

    # === Layers ===
    inputs = keras.Input((height >> stages, width >> stages, embedding_dim), name="embeddings")
    x = _residual_stack(layers.Conv2D(filters, 3, padding="same", name="mix")(inputs), filters, residual_blocks)
    for stage in range(stages):
        # The finest is a quarter as wide as the one before, since its maps are four times as large.
        width = filters >> (stage if stage < stages - 1 else stage + 1)
        x = layers.Conv2DTranspose(width, 4, strides=2, padding="same", activation="relu", name=f"up_{stage}")(x)
    outputs = layers.Conv2D(channels, 3, padding="same", dtype="float32", name="pixels")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="decoder")


def _residual_stack(x, filters, blocks):
    """x + conv1x1(relu(conv3x3(relu(x)))), `blocks` times, then ReLU; the inner width is half the outer."""
    for block in range(blocks):
        y = layers.ReLU(name=f"block_{block}_relu_in")(x)
        y = layers.Conv2D(filters // 2, 3, padding="same", activation="relu", name=f"block_{block}_conv")(y)
        y = layers.Conv2D(filters, 1, name=f"block_{block}_out")(y)
        x = layers.Add(name=f"block_{block}_sum")([x, y])
    return layers.ReLU(name="relu_out")(x)
