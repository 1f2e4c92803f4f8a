"""The growing networks of a progressive GAN (Karras et al. 2018): a generator and a discriminator of many stages."""

import math

import keras
import numpy as np
from keras import ops

from zoo.layers.style import EqualizedConv2D, EqualizedDense, PixelNorm

register = keras.saving.register_keras_serializable(package="zoo")


class Growing(keras.layers.Layer):
    """Base of the growing networks, which know how far they have grown.

    A network has a stage for each resolution, from that of a coarse grid, stage 0, to that of its images; each doubles
    the one before. `fade`, a saved variable, says for each stage after the first how far it is faded in, from 0 to 1.
    The stage is the last that has begun to fade in. It is static, and so is whether it still fades, so that what is
    not used costs nothing: `follow` reads both from the variable, and functions that were compiled before must then be
    compiled again.

    Args:
        image_shape: `(height, width, channels)` of the last stage, whose sides halve `len(widths) - 1` times.
        widths: features of each stage, the coarsest first.
        **kwargs: as for every Keras layer.
    """

    def __init__(self, image_shape, widths, **kwargs):
        super().__init__(**kwargs)
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
        """Height and width of a stage."""
        return tuple(side >> (self.last_stage - stage) for side in self.image_shape[:2])

    def follow(self):
        """Takes the stage from `fade`; weights that it does not use rest."""
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
        """The layers of a stage but that of `image_layers`, which is next to the image."""
        raise NotImplementedError

    def _blend(self, before, after):
        """From the coarser stage's result to the new one's, as far as that is faded in."""
        alpha = ops.cast(self.fade[self.stage - 1], before.dtype)
        return before + alpha * (after - before)

    def blurred(self, images):
        """Images `(n, *image_shape)` with as much detail as the stage knows, as training shows them.

        That is the mean over the pixels of the stage, faded from that of the stage before.
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
    """Latents `(n, d)` to images `(n, *image_shape)`, enlarged where the stage is not the last.

    Each stage doubles the grid and convolves twice, with leaky ReLU and pixel norm (Karras et al. 2018, table 2); a
    1x1 convolution makes its image.
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
            # float32 whatever the policy: half precision would quantize the pixels.
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
        # Layers that are not built make Keras call the model on a batch, under a strategy.
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
    """Images `(n, *image_shape)` to the features of the coarsest grid, `(n, height, width, widths[0])`.

    The reverse of `GrowingGenerator`, without pixel norm; images are first brought to the size of the stage.
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
        # What follows stage 0 is no part of this network.
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
    """`(n, h, w, c)` with every pixel repeated `factor` times along both sides."""
    _, height, width, channels = images.shape
    shape = (-1, height, factor, width, factor, channels)
    images = ops.broadcast_to(images[:, :, None, :, None, :], (ops.shape(images)[0], *shape[1:]))
    return ops.reshape(images, (-1, factor * height, factor * width, channels))


def shrink(images, factor):
    """`(n, h, w, c)` with the mean of every `factor` times `factor` pixels."""
    _, height, width, channels = images.shape
    shape = (-1, height // factor, factor, width // factor, factor, channels)
    return ops.mean(ops.reshape(images, shape), axis=(2, 4))
