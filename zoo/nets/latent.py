"""The autoencoder of latent flows: residual blocks over patches of pixels (Rombach et al. 2022, section 3.1)."""

import keras
from keras import layers

from zoo.errors import InputError
from zoo.layers.log_variance import bounded_log_variance
from zoo.layers.upsampling import DepthToSpace

# The log variance of latents at first.
_FIRST_LOG_VARIANCE = -4.6


def encoder(image_shape, latent_channels, filters, patch_size, blocks):
    """Maps images to mean and log variance of latents, concatenated, one vector for each patch of pixels.

    Args:
        image_shape: `(height, width, channels)`, with sides divisible by `patch_size`.
        latent_channels: int. Number of latents of a patch.
        filters: int. Number of features of a patch.
        patch_size: int. Side of the patches.
        blocks: int. Number of residual blocks.

    Raises:
        InputError: If a side is no such multiple.
    """
    if any(side % patch_size for side in image_shape[:2]):
        raise InputError(f"image_shape is {image_shape}, expected sides divisible by patch_size={patch_size}.")

    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = layers.Conv2D(filters, patch_size, strides=patch_size, name="patches")(inputs)
    x = _residual_blocks(x, filters, blocks)
    mean = layers.Conv2D(latent_channels, 1, dtype="float32", name="mean")(x)
    log_variance = layers.Conv2D(
        latent_channels,
        1,
        activation=bounded_log_variance,
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(_FIRST_LOG_VARIANCE),
        dtype="float32",
        name="log_variance",
    )(x)
    outputs = layers.Concatenate(dtype="float32", name="mean_and_log_variance")([mean, log_variance])

    # === Functional model ===
    return keras.Model(inputs, outputs, name="encoder")


def decoder(image_shape, latent_channels, filters, patch_size, blocks):
    """Maps latents to images, unbounded but roughly in [-1, 1]; arguments are those of `encoder`."""
    height, width, channels = image_shape

    # === Layers ===
    inputs = keras.Input((height // patch_size, width // patch_size, latent_channels), name="latents")
    x = layers.Conv2D(filters, 3, padding="same", name="features")(inputs)
    x = _residual_blocks(x, filters, blocks)
    x = layers.Conv2D(patch_size**2 * channels, 3, padding="same", dtype="float32", name="patches")(x)
    outputs = DepthToSpace(patch_size, dtype="float32", name="pixels")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="decoder")


def _residual_blocks(x, filters, blocks):
    for block in range(blocks):
        y = layers.Activation("silu", name=f"block_{block}_silu_0")(x)
        y = layers.Conv2D(filters, 3, padding="same", activation="silu", name=f"block_{block}_conv")(y)
        y = layers.Conv2D(filters, 1, name=f"block_{block}_out")(y)
        x = layers.Add(name=f"block_{block}_sum")([x, y])
    return layers.Activation("silu", name="silu_out")(x)
