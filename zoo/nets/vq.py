"""Convolutional encoders and decoders with residual blocks (van den Oord et al. 2017, section 4.1)."""

import keras
from keras import layers


def encoder(image_shape, embedding_dim, filters, stages, residual_blocks):
    """Maps images in [-1, 1] to vectors `(n, height >> stages, width >> stages, embedding_dim)`.

    The network has `stages` strided convolutions, the first of which has half the width, and residual blocks.
    """
    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = _down(inputs, filters, stages, residual_blocks)
    outputs = layers.Conv2D(embedding_dim, 1, dtype="float32", name="vectors")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="encoder")


def decoder(image_shape, embedding_dim, filters, stages, residual_blocks):
    """Mirrors `encoder`: maps embeddings to the mean of the pixels, unbounded but roughly in [-1, 1]."""
    height, width, channels = image_shape

    # === Layers ===
    inputs = keras.Input((height >> stages, width >> stages, embedding_dim), name="embeddings")
    outputs = _up(inputs, channels, filters, stages, residual_blocks)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="decoder")


def two_level_encoder(image_shape, embedding_dim, filters, stages, residual_blocks):
    """Maps images to the features of the fine grid and the vectors of the coarse grid, at half its side length."""
    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    features = _down(inputs, filters, stages, residual_blocks)
    x = layers.Conv2D(filters, 4, strides=2, padding="same", activation="relu", name="coarse_down")(features)
    x = layers.Conv2D(filters, 3, padding="same", name="coarse_mix")(x)
    x = _residual_stack(x, filters, residual_blocks, "coarse_")
    vectors = layers.Conv2D(embedding_dim, 1, dtype="float32", name="vectors")(x)

    # === Functional model ===
    return keras.Model(inputs, [features, vectors], name="encoder")


def fine_encoder(image_shape, embedding_dim, filters, stages, residual_blocks):
    """Maps the features of the fine grid and the coarse embeddings to the vectors of the fine grid."""
    height, width = image_shape[0] >> stages, image_shape[1] >> stages

    # === Layers ===
    features = keras.Input((height, width, filters), name="features")
    coarse = keras.Input((height // 2, width // 2, embedding_dim), name="coarse_embeddings")
    x = layers.Conv2D(filters, 3, padding="same", name="mix")(coarse)
    x = _residual_stack(x, filters, residual_blocks)
    x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", activation="relu", name="up")(x)
    x = layers.Concatenate(name="both")([features, x])
    vectors = layers.Conv2D(embedding_dim, 1, dtype="float32", name="vectors")(x)

    # === Functional model ===
    return keras.Model([features, coarse], vectors, name="fine_encoder")


def two_level_decoder(image_shape, embedding_dim, filters, stages, residual_blocks):
    """Maps coarse and fine embeddings to the mean of the pixels."""
    height, width, channels = image_shape

    # === Layers ===
    coarse = keras.Input((height >> (stages + 1), width >> (stages + 1), embedding_dim), name="coarse_embeddings")
    fine = keras.Input((height >> stages, width >> stages, embedding_dim), name="fine_embeddings")
    x = layers.Conv2DTranspose(embedding_dim, 4, strides=2, padding="same", name="coarse_up")(coarse)
    x = layers.Concatenate(name="both")([x, fine])
    outputs = _up(x, channels, filters, stages, residual_blocks)

    # === Functional model ===
    return keras.Model([coarse, fine], outputs, name="decoder")


def _down(x, filters, stages, residual_blocks):
    for stage in range(stages):
        width = filters if stage else max(filters // 2, 1)
        x = layers.Conv2D(width, 4, strides=2, padding="same", activation="relu", name=f"down_{stage}")(x)
    return _residual_stack(layers.Conv2D(filters, 3, padding="same", name="mix")(x), filters, residual_blocks)


def _up(x, channels, filters, stages, residual_blocks):
    """Maps a feature map to the image.

    The last convolution runs at full resolution, so that neighbouring pixels share their weights.
    """
    x = _residual_stack(layers.Conv2D(filters, 3, padding="same", name="mix")(x), filters, residual_blocks)
    for stage in range(stages):
        # The finest stage has a quarter of the width before it, because its maps are four times as large.
        width = max(filters >> (stage if stage < stages - 1 else stage + 1), 1)
        x = layers.Conv2DTranspose(width, 4, strides=2, padding="same", activation="relu", name=f"up_{stage}")(x)
    return layers.Conv2D(channels, 3, padding="same", dtype="float32", name="pixels")(x)


def _residual_stack(x, filters, blocks, prefix=""):
    """Applies x + conv1x1(relu(conv3x3(relu(x)))) `blocks` times, then ReLU.

    The inner width is half the outer one.
    """
    half = max(filters // 2, 1)
    for block in range(blocks):
        y = layers.ReLU(name=f"{prefix}block_{block}_relu")(x)
        y = layers.Conv2D(half, 3, padding="same", activation="relu", name=f"{prefix}block_{block}_conv")(y)
        y = layers.Conv2D(filters, 1, name=f"{prefix}block_{block}_out")(y)
        x = layers.Add(name=f"{prefix}block_{block}_sum")([x, y])
    return layers.ReLU(name=f"{prefix}relu_out")(x)
