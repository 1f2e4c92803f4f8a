"""Networks that are given a text: an encoder of words, and the pair of a text-to-image GAN around it."""

import math

import keras
from keras import layers, ops

from zoo.nets import conv


def _sentence(prompts, vocabulary_size, width):
    """Word numbers `(n, max_words)`, filled up with 0, to a vector `(n, width)`.

    Embeddings of the words, two convolutions over three words each that tell "red hair" from "red shirt", and the mean
    over the words.
    """
    init = keras.initializers.RandomNormal(stddev=1.0)
    is_word = ops.expand_dims(ops.cast(ops.not_equal(prompts, 0), "float32"), -1)
    x = layers.Embedding(vocabulary_size, width, init, name="word_vectors")(prompts)
    for index in range(2):
        # What stands where there is no word would depend on how much of that there is.
        x = layers.Multiply(name=f"words_{index}")([x, is_word])
        y = layers.Conv1D(width, 3, padding="same", activation="relu", name=f"phrases_{index}")(x)
        x = layers.Add(name=f"with_phrases_{index}")([x, y])
    x = layers.Multiply(name="words_2", dtype="float32")([x, is_word])
    return ops.sum(x, axis=1) / ops.maximum(ops.sum(is_word, axis=1), 1.0)


def condition_encoder(vocabulary_size, max_words, width, units):
    """Word numbers `(n, max_words)` to mean and log variance of a Gaussian, side by side, `(n, 2 * units)`.

    Sentences share most of their words, so that their vectors are alike; batch normalization sets them apart, and
    different prompts begin with means that differ as much as latents do. The variance begins at 1.

    Args:
        vocabulary_size: how many numbers there are.
        max_words: how many words a text has at most.
        width: of embeddings and convolutions.
        units: length of the condition.
    """
    # === Layers ===
    prompts = keras.Input((max_words,), dtype="int32", name="prompts")
    x = layers.BatchNormalization(momentum=0.9, center=False, scale=False, dtype="float32", name="set_apart")(
        _sentence(prompts, vocabulary_size, width)
    )
    mean = layers.Dense(units, dtype="float32", name="mean")(x)
    log_variance = layers.Dense(units, kernel_initializer="zeros", dtype="float32", name="log_variance")(x)
    outputs = layers.Concatenate(dtype="float32", name="mean_and_log_variance")([mean, log_variance])

    # === Functional model ===
    return keras.Model(prompts, outputs, name="text_encoder")


def projection_encoder(vocabulary_size, max_words, width):
    """Word numbers `(n, max_words)` to vectors `(n, width)` for the projection of a discriminator."""
    # === Layers ===
    prompts = keras.Input((max_words,), dtype="int32", name="prompts")
    x = _sentence(prompts, vocabulary_size, width)
    outputs = layers.Dense(width, kernel_initializer="orthogonal", dtype="float32", name="sentence")(x)

    # === Functional model ===
    return keras.Model(prompts, outputs, name="text_encoder")


def text_to_image_generator(image_shape, latent_dim, vocabulary_size, max_words, text_dim, filters, stages, width):
    """A dict of `latents` `(n, latent_dim)` and `prompts` `(n, max_words)` to images in [-1, 1].

    Conditioning augmentation (Zhang et al. 2017, section 3.2): the sentence gives mean and log variance of a Gaussian,
    side by side from the layer `text_encoder`, of which the last `text_dim` latents draw the condition. It joins the
    other latents at the start and sets the scales and shifts of every normalization of `conv.dcgan_generator`.
    """
    # === Layers ===
    inputs = {
        "latents": keras.Input((latent_dim,), name="latents"),
        "prompts": keras.Input((max_words,), dtype="int32", name="prompts"),
    }
    encoder = condition_encoder(vocabulary_size, max_words, width, text_dim)
    mean, log_variance = ops.split(encoder(inputs["prompts"]), 2, axis=-1)
    latents, noise = ops.split(inputs["latents"], [latent_dim - text_dim], axis=-1)
    condition = mean + ops.exp(0.5 * log_variance) * noise
    start = layers.Concatenate(name="latents_and_text")([latents, condition])
    outputs = conv.dcgan_images(start, image_shape, filters, stages, condition)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="generator")


def text_to_image_discriminator(image_shape, vocabulary_size, max_words, filters, stages, width):
    """A dict of `images` and `prompts` to one logit each, `(n, 1)`: the image's alone plus its `match` with the prompt.

    The layer `image_encoder` is `conv.dcgan_discriminator` without batch norm, which gives a dict of the `logit` of the
    image alone and of its `vector` `(n, width)`; the layer `text_encoder` gives that of the prompt. One pass over an
    image so serves many prompts.
    """
    # === Layers ===
    inputs = {
        "images": keras.Input(image_shape, name="images"),
        "prompts": keras.Input((max_words,), dtype="int32", name="prompts"),
    }
    images = keras.Input(image_shape, name="images")
    features = conv.dcgan_features(images, filters, stages, batch_norm=False)
    encoded = {
        "logit": conv.dcgan_outputs(features, 1, name="logit"),
        "vector": conv.dcgan_outputs(features, width, use_bias=False, name="vector"),
    }
    seen = keras.Model(images, encoded, name="image_encoder")(inputs["images"])
    sentence = projection_encoder(vocabulary_size, max_words, width)(inputs["prompts"])
    outputs = seen["logit"] + match(seen["vector"], sentence)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="discriminator")


def match(vectors, sentences):
    """How well each image goes with its prompt, `(n, 1)`, of vectors `(n, width)` of both.

    The projection of Miyato & Koyama 2018, eq. 5, on a vector of the sentence in place of one learned for a class;
    divided by as much as the sum of as many independent products grows by.
    """
    return ops.sum(vectors * sentences, axis=-1, keepdims=True) / math.sqrt(vectors.shape[-1])


def matches(vectors, sentences):
    """The same of each image with each prompt, `(n, m)`."""
    return ops.matmul(vectors, ops.transpose(sentences)) / math.sqrt(vectors.shape[-1])
