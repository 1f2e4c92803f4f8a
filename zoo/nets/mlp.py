"""Dense networks: the GAN of 2014 and gated networks for variational autoencoders."""

import math

import keras
from keras import layers


def generator(image_shape, latent_dim, hidden_units):
    """Latents `(n, latent_dim)` to images in [-1, 1]: dense layers with ReLU, then tanh."""
    # === Layers ===
    inputs = keras.Input((latent_dim,), name="latents")
    x = inputs
    for index, units in enumerate(hidden_units):
        x = layers.Dense(units, activation="relu", name=f"hidden_{index}")(x)
    x = layers.Dense(math.prod(image_shape), dtype="float32", activation="tanh", name="pixels")(x)
    outputs = layers.Reshape(image_shape, dtype="float32", name="images")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def discriminator(image_shape, hidden_units, dropout):
    """Images to one logit each: dense layers with leaky ReLU and dropout.

    Goodfellow et al. 2014 used maxout, of which the leaky ReLU is the case of two tied pieces.
    """
    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = layers.Flatten(name="flatten")(inputs)
    for index, units in enumerate(hidden_units):
        x = layers.Dense(units, name=f"hidden_{index}")(x)
        x = layers.LeakyReLU(0.2, name=f"relu_{index}")(x)
        x = layers.Dropout(dropout, name=f"dropout_{index}")(x)
    outputs = layers.Dense(1, dtype="float32", name="logit")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="discriminator")


def _gated(x, units, name):
    """h * sigmoid(g), a gated linear unit (Dauphin et al. 2017, eq. 1)."""
    gate = layers.Dense(units, activation="sigmoid", name=f"{name}_gate")(x)
    return layers.Multiply(name=f"{name}_product")([layers.Dense(units, name=f"{name}_value")(x), gate])


def gated_encoder(image_shape, latent_dim, hidden_units):
    """Images in [-1, 1] to `(n, 2 * latent_dim)`: mean and log variance of the posterior, side by side."""
    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = layers.Flatten(name="flatten")(inputs)
    for index, units in enumerate(hidden_units):
        x = _gated(x, units, f"hidden_{index}")
    outputs = layers.Dense(2 * latent_dim, dtype="float32", name="posterior")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="encoder")


def gated_decoder(image_shape, latent_dim, hidden_units):
    """Latents to unconstrained outputs of `image_shape`, one parameter a pixel."""
    # === Layers ===
    inputs = keras.Input((latent_dim,), name="latents")
    x = inputs
    for index, units in enumerate(hidden_units):
        x = _gated(x, units, f"hidden_{index}")
    x = layers.Dense(math.prod(image_shape), dtype="float32", name="pixels")(x)
    outputs = layers.Reshape(image_shape, dtype="float32", name="outputs")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="decoder")
