"""Dense networks: those of the first GAN (2014) and gated networks for variational autoencoders."""

import math

import keras
from keras import layers


def generator(image_shape, latent_dim, hidden_units):
    """Maps latents `(n, latent_dim)` to images in [-1, 1], by dense layers with ReLU and a final tanh."""
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
    """Maps images to one logit each, by dense layers with leaky ReLU and dropout.

    Goodfellow et al. 2014 use maxout; leaky ReLU is a maxout unit with two pieces that share their weights up to scale.
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
    """Returns h * sigmoid(g), a gated linear unit (Dauphin et al. 2017, eq. 1)."""
    gate = layers.Dense(units, activation="sigmoid", name=f"{name}_gate")(x)
    return layers.Multiply(name=f"{name}_product")([layers.Dense(units, name=f"{name}_value")(x), gate])


def gated_encoder(image_shape, latent_dim, hidden_units):
    """Maps images in [-1, 1] to `(n, 2 * latent_dim)`: the posterior's mean and log variance, concatenated."""
    # === Layers ===
    inputs = keras.Input(image_shape, name="images")
    x = layers.Flatten(name="flatten")(inputs)
    for index, units in enumerate(hidden_units):
        x = _gated(x, units, f"hidden_{index}")
    outputs = layers.Dense(2 * latent_dim, dtype="float32", name="posterior")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="encoder")


def gated_decoder(image_shape, latent_dim, hidden_units):
    """Maps latents to unbounded outputs of `image_shape`, one parameter per pixel."""
    # === Layers ===
    inputs = keras.Input((latent_dim,), name="latents")
    x = inputs
    for index, units in enumerate(hidden_units):
        x = _gated(x, units, f"hidden_{index}")
    x = layers.Dense(math.prod(image_shape), dtype="float32", name="pixels")(x)
    outputs = layers.Reshape(image_shape, dtype="float32", name="outputs")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="decoder")
