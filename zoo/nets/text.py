"""Networks that take a text: encoders of words, and the generator and discriminator of a text-to-image GAN."""

import math

import keras
from keras import layers, ops

from zoo.layers.log_variance import bounded_log_variance
from zoo.nets import conv


def phrases(prompts, vocabulary_size, width):
    """Encodes word numbers `(n, max_words)`, padded with 0, as a vector for each word `(n, max_words, width)`.

    The encoder has word embeddings and two convolutions over three words each, which can tell "red hair" from "red
    shirt". The vectors of padding are 0.

    Returns:
        Tuple of the float32 vectors and of numbers `(n, max_words, 1)`, 1 for words and 0 for padding.
    """
    init = keras.initializers.RandomNormal(stddev=1.0)
    is_word = ops.expand_dims(ops.cast(ops.not_equal(prompts, 0), "float32"), -1)
    x = layers.Embedding(vocabulary_size, width, init, name="word_vectors")(prompts)
    for index in range(2):
        # Padding is set to zero, so that the result does not depend on its length.
        x = layers.Multiply(name=f"words_{index}")([x, is_word])
        y = layers.Conv1D(width, 3, padding="same", activation="relu", name=f"phrases_{index}")(x)
        x = layers.Add(name=f"with_phrases_{index}")([x, y])
    return layers.Multiply(name="words_2", dtype="float32")([x, is_word]), is_word


def sentence(vectors, is_word):
    """Returns the mean of the words' vectors, `(n, width)`, given what `phrases` returns."""
    return ops.sum(vectors, axis=1) / ops.maximum(ops.sum(is_word, axis=1), 1.0)


def condition_encoder(vocabulary_size, max_words, width, units):
    """Maps word numbers `(n, max_words)` to the mean and log variance of a Gaussian, concatenated, `(n, 2 * units)`.

    Sentences share most of their words, so their vectors are similar. Batch normalization spreads them out: from the
    start, the means of different prompts differ as much as latents do. The initial variance is 1.

    Args:
        vocabulary_size: int. Number of different word numbers.
        max_words: int. Largest number of words in a text.
        width: int. Width of the embeddings and convolutions.
        units: int. Length of the condition.
    """
    # === Layers ===
    prompts = keras.Input((max_words,), dtype="int32", name="prompts")
    x = layers.BatchNormalization(momentum=0.9, center=False, scale=False, dtype="float32", name="set_apart")(
        sentence(*phrases(prompts, vocabulary_size, width))
    )
    mean = layers.Dense(units, dtype="float32", name="mean")(x)
    log_variance = layers.Dense(
        units, bounded_log_variance, kernel_initializer="zeros", dtype="float32", name="log_variance"
    )(x)
    outputs = layers.Concatenate(dtype="float32", name="mean_and_log_variance")([mean, log_variance])

    # === Functional model ===
    return keras.Model(prompts, outputs, name="text_encoder")


def projection_encoder(vocabulary_size, max_words, width):
    """Maps word numbers `(n, max_words)` to vectors `(n, width)` for the projection of a discriminator."""
    # === Layers ===
    prompts = keras.Input((max_words,), dtype="int32", name="prompts")
    x = sentence(*phrases(prompts, vocabulary_size, width))
    outputs = layers.Dense(width, kernel_initializer="orthogonal", dtype="float32", name="sentence")(x)

    # === Functional model ===
    return keras.Model(prompts, outputs, name="text_encoder")


def text_to_image_generator(image_shape, latent_dim, vocabulary_size, max_words, text_dim, filters, stages, width):
    """Maps a dict of `latents` `(n, latent_dim)` and `prompts` `(n, max_words)` to images in [-1, 1].

    The network uses conditioning augmentation (Zhang et al. 2017, section 3.2): the layer `text_encoder` predicts the
    mean and log variance of a Gaussian, and the last `text_dim` latents are the noise that samples the condition from
    it. The condition is appended to the other latents and also sets the scales and shifts of every normalization of
    `conv.dcgan_generator`.
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
    """Maps a dict of `images` and `prompts` to one logit each, `(n, 1)`.

    The logit is that of the image alone plus its `match` with the prompt. The layer `image_encoder` is
    `conv.dcgan_discriminator` without batch normalization and returns a dict of the `logit` of the image alone and its
    `vector` `(n, width)`. The layer `text_encoder` returns the vector of the prompt. This way, one pass over an image
    serves many prompts.
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
    """Returns how well each image matches its prompt, `(n, 1)`, from vectors `(n, width)` of both.

    This is the projection of Miyato & Koyama 2018 (eq. 5) with a sentence vector instead of a class vector. Dividing by
    the square root of the width keeps the variance independent of the width.
    """
    return ops.sum(vectors * sentences, axis=-1, keepdims=True) / math.sqrt(vectors.shape[-1])


def matches(vectors, sentences):
    """Returns how well each image matches each prompt, `(n, m)`; see `match`."""
    return ops.matmul(vectors, ops.transpose(sentences)) / math.sqrt(vectors.shape[-1])
