"""Networks that are given a text: an encoder of words, and the pair of a text-to-image GAN around it."""

import keras
from keras import layers, ops

from zoo.nets import resnet


def text_encoder(vocabulary_size, max_words, width, units):
    """Word numbers `(n, max_words)`, filled up with 0, to sentence vectors `(n, units)`.

    Embeddings of the words, two convolutions over three words each that tell "red hair" from "red shirt", and the mean
    over the words.

    Args:
        vocabulary_size: how many numbers there are.
        max_words: how many words a text has at most.
        width: of embeddings and convolutions.
        units: length of a sentence's vector.
    """
    # === Layers ===
    prompts = keras.Input((max_words,), dtype="int32", name="prompts")
    # As strong as latents, so that it is heard beside them.
    init = keras.initializers.RandomNormal(stddev=1.0)
    is_word = ops.expand_dims(ops.cast(ops.not_equal(prompts, 0), "float32"), -1)
    x = layers.Embedding(vocabulary_size, width, init, name="word_vectors")(prompts)
    for index in range(2):
        # What stands where there is no word would depend on how much of that there is.
        x = layers.Multiply(name=f"words_{index}")([x, is_word])
        y = layers.Conv1D(width, 3, padding="same", activation="relu", name=f"phrases_{index}")(x)
        x = layers.Add(name=f"with_phrases_{index}")([x, y])
    x = layers.Multiply(name="words_2", dtype="float32")([x, is_word])
    x = ops.sum(x, axis=1) / ops.maximum(ops.sum(is_word, axis=1), 1.0)
    vectors = layers.Dense(units, dtype="float32", name="sentence")(x)

    # === Functional model ===
    return keras.Model(prompts, vectors, name="text_encoder")


def text_to_image_generator(image_shape, latent_dim, vocabulary_size, max_words, text_dim, filters, stages, width):
    """A dict of `latents` `(n, latent_dim)` and `prompts` `(n, max_words)` to images in [-1, 1].

    Conditioning augmentation (Zhang et al. 2017, section 3.2): the sentence gives mean and log variance of a Gaussian,
    side by side from the layer `text_encoder`, of which the last `text_dim` latents draw the condition. It joins the
    other latents at the start and sets the scales and shifts of every block of `resnet.generator`.
    """
    # === Layers ===
    inputs = {
        "latents": keras.Input((latent_dim,), name="latents"),
        "prompts": keras.Input((max_words,), dtype="int32", name="prompts"),
    }
    encoder = text_encoder(vocabulary_size, max_words, width, 2 * text_dim)
    mean, log_variance = ops.split(encoder(inputs["prompts"]), 2, axis=-1)
    latents, noise = ops.split(inputs["latents"], [latent_dim - text_dim], axis=-1)
    condition = mean + ops.exp(0.5 * log_variance) * noise
    start = layers.Concatenate(name="latents_and_text")([latents, condition])
    outputs = resnet.to_images(start, [[condition]] * stages, image_shape, filters)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def text_to_image_discriminator(image_shape, vocabulary_size, max_words, filters, stages, width):
    """A dict of `images` and `prompts` to one logit each, `(n, 1)`.

    `resnet.discriminator` with a text encoder of its own, whose sentence vector takes the place of the vector learned
    for a class in the projection (Miyato & Koyama 2018, eq. 5).
    """
    # === Layers ===
    inputs = {
        "images": keras.Input(image_shape, name="images"),
        "prompts": keras.Input((max_words,), dtype="int32", name="prompts"),
    }
    features = resnet.to_features(inputs["images"], filters, stages)
    sentence = text_encoder(vocabulary_size, max_words, width, features.shape[-1])(inputs["prompts"])
    match = ops.mean(sentence * features, axis=-1, keepdims=True)
    outputs = resnet.linear(layers.Dense, 1, True, dtype="float32", name="logit")(features)
    outputs = layers.Add(dtype="float32", name="logit_of_text")([outputs, match])

    # === Functional model ===
    return keras.Model(inputs, outputs, name="discriminator")
