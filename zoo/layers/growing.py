"""The growing generator and discriminator of a progressive GAN (Karras et al. 2018)."""

import math

import keras
import numpy as np
from keras import ops

from zoo.errors import InputError
from zoo.layers.equalized import EqualizedConv2D, EqualizedDense
from zoo.layers.pixel_norm import PixelNorm

_MOST_STAGES = 16

register = keras.saving.register_keras_serializable(package="zoo")


class Growing(keras.layers.Layer):
    """Base class of the growing networks, which tracks how far a network has grown.

    A network has one stage for each resolution, from the coarsest grid (stage 0) to the full image size. Each stage
    doubles the resolution of the stage before. The saved variable `fade` holds, for each stage after the first, how far
    it is faded in, from 0 to 1. The current stage is the last one with a fade above 0.

    The current stage and whether it is still fading in are Python values, so that a compiled function contains only the
    layers that are in use. `follow` updates both from `fade`; functions that were compiled earlier must then be
    compiled again.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`. Image shape of the last stage. Its sides must be
            divisible by `2 ** (len(widths) - 1)`.
        widths: list of ints. Number of features of each stage, the coarsest first.
        **kwargs: keyword arguments of `keras.layers.Layer`.
    """

    def __init__(self, image_shape, widths, **kwargs):
        super().__init__(**kwargs)
        # Every stage makes layers at once; no side of an image can be halved more often.
        if not 0 < len(widths) <= _MOST_STAGES:
            raise InputError(f"widths has {len(widths)} numbers, expected 1 to {_MOST_STAGES}.")
        self.image_shape, self.widths = tuple(image_shape), list(widths)
        self.last_stage = len(self.widths) - 1
        self.stage, self.fades = self.last_stage, False

    def _build_fade(self):
        self.fade = self.add_weight(
            shape=(self.last_stage,),
            initializer="ones",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
            name="fade",
        )

    def size(self, stage):
        """Returns the height and width of a stage."""
        return tuple(side >> (self.last_stage - stage) for side in self.image_shape[:2])

    def follow(self):
        """Sets the current stage from `fade` and freezes the weights that this stage does not use."""
        fade = ops.convert_to_numpy(self.fade)
        self.stage = int(np.count_nonzero(fade))
        self.fades = bool(self.stage > 0 and fade[self.stage - 1] < 1)
        self._rest()

    def _rest(self):
        for stage, image_layer in enumerate(self.image_layers):
            for layer in self._block(stage):
                layer.trainable = self.trainable and stage <= self.stage
            image_layer.trainable = self.trainable and self.stage - self.fades <= stage <= self.stage

    def _block(self, stage):
        """Returns the layers of a stage, except its layer in `image_layers`, which connects to the image."""
        raise NotImplementedError

    def _blend(self, before, after):
        """Interpolates from the coarser stage's result to the current one's, by the fade of the current stage."""
        alpha = ops.cast(self.fade[self.stage - 1], before.dtype)
        return before + alpha * (after - before)

    def blurred(self, images):
        """Reduces images `(n, *image_shape)` to the detail of the current stage, as training needs them.

        Every pixel becomes the mean over its block at the resolution of the stage. While the stage fades in, the result
        is a blend with the means at the resolution of the stage before.
        """
        factor = 2 ** (self.last_stage - self.stage)
        images = shrink(images, factor)
        if self.fades:
            images = self._blend(enlarge(shrink(images, 2), 2), images)
        return enlarge(images, factor)

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.follow()

    def get_config(self):
        return {**super().get_config(), "image_shape": list(self.image_shape), "widths": self.widths}


@register
class GrowingGenerator(Growing):
    """Generator that grows with training (Karras et al. 2018, table 2).

    Each stage doubles the grid and applies two 3x3 convolutions, each with leaky ReLU and pixel normalization. A 1x1
    convolution per stage makes the image. Before the last stage, the images are enlarged to the full size.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`. Shape of the images.
        widths: list of ints. Number of features of each stage, the coarsest first.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        latents: float tensor of shape `(n, d)`.

    Returns:
        A float32 tensor of shape `(n, *image_shape)`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.growing import GrowingGenerator

    images = GrowingGenerator((16, 16, 3), widths=[32, 16, 8])(ops.ones((2, 64)))  # (2, 16, 16, 3)
    ```
    """

    def __init__(self, image_shape, widths, **kwargs):
        super().__init__(image_shape, widths, **kwargs)
        options = {"gain": math.sqrt(2.0), "dtype": self.dtype_policy}
        height, width = self.size(0)
        self.first_layers = [EqualizedDense(height * width * widths[0], name="first_0", **options)]
        self.second_layers, self.image_layers = [], []
        for stage, features in enumerate(widths):
            if stage > 0:
                up = EqualizedConv2D(features, 3, resample="up", name=f"first_{stage}", **options)
                self.first_layers.append(up)
            self.second_layers.append(EqualizedConv2D(features, 3, name=f"second_{stage}", **options))
            # The images are float32 under every dtype policy, because half precision would quantize the pixels.
            to_image = EqualizedConv2D(self.image_shape[-1], 1, name=f"to_image_{stage}", dtype="float32")
            self.image_layers.append(to_image)
        self.norm = PixelNorm(dtype=self.dtype_policy)

    def build(self, input_shape):
        self._build_fade()
        for stage, features in enumerate(self.widths):
            grid = (None, *self.size(stage))
            before = input_shape if stage == 0 else (None, *self.size(stage - 1), self.widths[stage - 1])
            self.first_layers[stage].build(before)
            self.second_layers[stage].build((*grid, features))
            self.image_layers[stage].build((*grid, features))
        # Under a distribution strategy, Keras calls a model that has unbuilt layers on a batch.
        self.norm.build((None, *self.size(0), self.widths[0]))
        self._rest()

    def _block(self, stage):
        return [self.first_layers[stage], self.second_layers[stage]]

    def call(self, latents):
        x = ops.reshape(self.first_layers[0](latents), (-1, *self.size(0), self.widths[0]))
        x = self._rectified(self.second_layers[0](self._rectified(x)))
        for stage in range(1, self.stage + 1):
            before = x
            x = self._rectified(self.first_layers[stage](x))
            x = self._rectified(self.second_layers[stage](x))
        images = self.image_layers[self.stage](x)
        if self.fades:
            images = self._blend(enlarge(self.image_layers[self.stage - 1](before), 2), images)
        return enlarge(images, 2 ** (self.last_stage - self.stage))

    def _rectified(self, x):
        return self.norm(ops.leaky_relu(x, 0.2))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.image_shape)


@register
class GrowingDiscriminator(Growing):
    """Discriminator that grows with training (Karras et al. 2018, table 2).

    The layer mirrors `GrowingGenerator`, without pixel normalization. It first shrinks the images to the resolution of
    the current stage.

    Args:
        image_shape: tuple of ints, `(height, width, channels)`. Shape of the images.
        widths: list of ints. Number of features of each stage, the coarsest first.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        images: float tensor of shape `(n, *image_shape)`.

    Returns:
        A float tensor of shape `(n, height, width, widths[0])` at the resolution of the coarsest grid.

    Example:

    ```python
    from keras import ops
    from zoo.layers.growing import GrowingDiscriminator

    features = GrowingDiscriminator((16, 16, 3), widths=[32, 16, 8])(ops.ones((2, 16, 16, 3)))  # (2, 4, 4, 32)
    ```
    """

    def __init__(self, image_shape, widths, **kwargs):
        super().__init__(image_shape, widths, **kwargs)
        options = {"gain": math.sqrt(2.0), "dtype": self.dtype_policy}
        self.first_layers, self.second_layers, self.image_layers = [], [], []
        for stage, features in enumerate(widths):
            self.image_layers.append(EqualizedConv2D(features, 1, name=f"from_image_{stage}", **options))
            if stage > 0:
                self.first_layers.append(EqualizedConv2D(features, 3, name=f"first_{stage}", **options))
                down = EqualizedConv2D(widths[stage - 1], 3, resample="down", name=f"second_{stage}", **options)
                self.second_layers.append(down)

    def build(self, input_shape):
        self._build_fade()
        for stage, features in enumerate(self.widths):
            grid = (None, *self.size(stage))
            self.image_layers[stage].build((*grid, input_shape[-1]))
            for layer in self._block(stage):
                layer.build((*grid, features))
        self._rest()

    def _block(self, stage):
        # The layers after stage 0 do not belong to this network.
        return [self.first_layers[stage - 1], self.second_layers[stage - 1]] if stage > 0 else []

    def call(self, images):
        images = shrink(images, 2 ** (self.last_stage - self.stage))
        x = self._from_image(images, self.stage)
        for stage in range(self.stage, 0, -1):
            for layer in self._block(stage):
                x = ops.leaky_relu(layer(x), 0.2)
            if self.fades and stage == self.stage:
                x = self._blend(self._from_image(shrink(images, 2), stage - 1), x)
        return x

    def _from_image(self, images, stage):
        return ops.leaky_relu(self.image_layers[stage](images), 0.2)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.size(0), self.widths[0])


def enlarge(images, factor):
    """Enlarges images `(n, h, w, c)` by repeating every pixel `factor` times along both sides."""
    _, height, width, channels = images.shape
    shape = (-1, height, factor, width, factor, channels)
    images = ops.broadcast_to(images[:, :, None, :, None, :], (ops.shape(images)[0], *shape[1:]))
    return ops.reshape(images, (-1, factor * height, factor * width, channels))


def shrink(images, factor):
    """Shrinks images `(n, h, w, c)` to the means of blocks of `factor` by `factor` pixels."""
    _, height, width, channels = images.shape
    shape = (-1, height // factor, factor, width // factor, factor, channels)
    return ops.mean(ops.reshape(images, shape), axis=(2, 4))
