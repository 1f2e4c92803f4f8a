"""The velocity network of rectified flows: a U-Net over patches, conditioned on the time and a class or a text."""

import keras
from keras import layers

from zoo.errors import InputError
from zoo.layers.flow import AdaptiveGroupNormalization, TimeEmbedding
from zoo.layers.upsampling import DepthToSpace
from zoo.nets import text
from zoo.nets.conv import doubled_widths

# Channels of a group that is normalized together, and of a head of attention.
_GROUP, _HEAD = 8, 32


def velocity_network(image_shape, filters, *, patch_size=1, stages=1, blocks=2, num_classes=None, words=None):
    """Maps noisy images and their times to velocities.

    The network is a U-Net (Ronneberger et al. 2015) of residual blocks whose normalizations depend on the time and the
    class (Dhariwal & Nichol 2021), with self-attention at the coarsest resolution. It takes a dict of `images`, of
    `times` from 0 to 1 of shape `(n,)`, and with classes of integer `labels` of shape `(n,)`, among which `num_classes`
    stands for no class. With words, it takes `prompts`, word numbers `(n, max_words)`, all 0 for no text; besides the
    mean of the words in the condition, the coarsest features attend to each word (Rombach et al. 2022, section 3.3). It
    returns a float32 tensor of the shape of the images.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`, with sides divisible by `patch_size * 2 ** stages`.
        filters: int. Width at the finest resolution, a multiple of 8. It doubles with each halving.
        patch_size: int. Side of the patches of pixels that are one pixel to the network. Defaults to 1.
        stages: int. Number of halvings. Defaults to 1.
        blocks: int. Residual blocks at each resolution, on the way down and on the way up. Defaults to 2.
        num_classes: int or None. Number of classes. Defaults to `None`.
        words: `(vocabulary_size, max_words)` or None. Number of word numbers, and their number in a prompt. Defaults to
            `None`.

    Raises:
        InputError: If `filters` or a side of the image is no such multiple.
    """
    if filters % _GROUP:
        raise InputError(f"filters is {filters}, expected a multiple of {_GROUP}.")
    multiple = patch_size * 2**stages
    if any(side % multiple for side in image_shape[:2]):
        raise InputError(f"image_shape is {image_shape}, expected sides divisible by {multiple} for this network.")

    # === Layers ===
    inputs = {"images": keras.Input(image_shape, name="images"), "times": keras.Input((), name="times")}
    condition = TimeEmbedding(filters, name="time")(inputs["times"])
    condition = layers.Dense(4 * filters, activation="silu", name="time_hidden")(condition)
    condition = layers.Dense(4 * filters, name="time_features")(condition)
    if num_classes is not None:
        inputs["labels"] = keras.Input((), dtype="int32", name="labels")
        classes = layers.Embedding(num_classes + 1, 4 * filters, name="class_vectors")(inputs["labels"])
        condition = layers.Add(name="condition_sum")([condition, classes])
    vectors = None
    if words is not None:
        vocabulary_size, max_words = words
        inputs["prompts"] = keras.Input((max_words,), dtype="int32", name="prompts")
        vectors, is_word = text.phrases(inputs["prompts"], vocabulary_size, 2 * filters)
        told = layers.Dense(4 * filters, name="sentence")(text.sentence(vectors, is_word))
        condition = layers.Add(name="condition_sum")([condition, told])
    condition = layers.Activation("silu", name="condition")(condition)
    widths = doubled_widths(filters, stages + 1)
    x = layers.Conv2D(filters, patch_size, strides=patch_size, name="patches")(inputs["images"])
    kept = []
    for stage, width in enumerate(widths):
        if stage:
            x = layers.Conv2D(width, 2, strides=2, name=f"halve_{stage}")(x)
        for block in range(blocks):
            x = _block(x, condition, width, f"down_{stage}_{block}")
            if stage == stages:
                x = _attention(x, f"attention_{block}")
                x = x if vectors is None else _attention(x, f"reading_{block}", vectors)
            else:
                kept.append(x)
    x = _block(x, condition, widths[-1], "middle")
    for stage in reversed(range(stages)):
        x = layers.Conv2D(4 * widths[stage], 1, name=f"widen_{stage}")(x)
        x = DepthToSpace(2, name=f"double_{stage}")(x)
        for block in range(blocks):
            x = layers.Concatenate(name=f"join_{stage}_{block}")([x, kept.pop()])
            x = _block(x, condition, widths[stage], f"up_{stage}_{block}")
    x = AdaptiveGroupNormalization(filters // _GROUP, name="norm_outputs")(x, condition)
    x = layers.Activation("silu", name="silu_outputs")(x)
    # The velocities are float32 under every dtype policy, because a step adds them to images.
    x = layers.Conv2D(patch_size**2 * image_shape[-1], 3, padding="same", dtype="float32", name="outputs")(x)
    outputs = x if patch_size == 1 else DepthToSpace(patch_size, dtype="float32", name="velocities")(x)

    # === Functional model ===
    return keras.Model(inputs, outputs, name="velocity")


def _block(x, condition, width, name):
    """Adds a residual of two convolutions, the second of which starts at 0, to the features or a 1x1 map of them."""

    def conv(x, part, initializer):
        x = layers.Activation("silu", name=f"{name}_silu_{part}")(x)
        return layers.Conv2D(width, 3, padding="same", kernel_initializer=initializer, name=f"{name}_conv_{part}")(x)

    residual = conv(_norm(x, f"{name}_norm_0"), 0, "glorot_uniform")
    residual = AdaptiveGroupNormalization(width // _GROUP, name=f"{name}_norm_1")(residual, condition)
    residual = conv(residual, 1, "zeros")
    if x.shape[-1] != width:
        x = layers.Conv2D(width, 1, name=f"{name}_shortcut")(x)
    return layers.Add(name=f"{name}_sum")([x, residual])


def _norm(x, name):
    return layers.GroupNormalization(x.shape[-1] // _GROUP, epsilon=1e-5, name=name)(x)


def _attention(x, name, vectors=None):
    """Adds to the features what all pixels attend to: vectors `(n, m, d)`, or themselves."""
    height, width, channels = x.shape[1:]
    pixels = layers.Reshape((height * width, channels), name=f"{name}_pixels")(_norm(x, f"{name}_norm"))
    heads = max(channels // _HEAD, 1)
    attended = layers.MultiHeadAttention(heads, channels // heads, name=name)(
        pixels, pixels if vectors is None else vectors
    )
    return layers.Add(name=f"{name}_sum")([x, layers.Reshape((height, width, channels), name=f"{name}_map")(attended)])
