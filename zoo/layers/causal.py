"""Layers in which a pixel sees only what comes before it in raster order (van den Oord et al. 2016a and b).

Each computes a whole grid at once, for training, or its newest row or pixel from what came before, for sampling.

Where the channels of a pixel depend on one another too, features are dealt out in turn: feature `i` belongs to channel
`i % channel_groups`, whatever the number of features, so that halves and multiples keep their owners.
"""

import keras
import numpy as np
from keras import ops


def channel_mask(num_inputs, num_outputs, channel_groups, own):
    """Which features of a pixel see which, `(num_inputs, num_outputs)` of 0 and 1.

    A feature sees those of earlier channels, and with `own` (mask B of the paper; without, mask A) of its own channel.
    """
    sources = np.arange(num_inputs)[:, None] % channel_groups
    targets = np.arange(num_outputs) % channel_groups
    return (sources <= targets if own else sources < targets).astype("float32")


@keras.saving.register_keras_serializable(package="zoo")
class CodeInput(keras.layers.Layer):
    """Integer codes `(..., channels)` as features, scaled to [-1, 1] or embedded.

    Args:
        levels: how many codes there are.
        embedding_dim: length of a learned vector for each code, for codes without an order; None scales.
    """

    def __init__(self, levels, embedding_dim=None, **kwargs):
        super().__init__(**kwargs)
        self.levels, self.embedding_dim = levels, embedding_dim

    def build(self, input_shape):
        if self.embedding_dim:
            self.embeddings = self.add_weight(
                shape=(self.levels, self.embedding_dim), initializer="uniform", name="embeddings"
            )

    def call(self, codes):
        if not self.embedding_dim:
            return ops.cast(codes, self.compute_dtype) * (2.0 / (self.levels - 1)) - 1.0
        vectors = ops.swapaxes(ops.take(self.embeddings, codes, axis=0), -1, -2)
        return ops.reshape(vectors, (*ops.shape(codes)[:-1], codes.shape[-1] * self.embedding_dim))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] * (self.embedding_dim or 1))

    def get_config(self):
        return {**super().get_config(), "levels": self.levels, "embedding_dim": self.embedding_dim}


@keras.saving.register_keras_serializable(package="zoo")
class VerticalConv2D(keras.layers.Layer):
    """The half of a convolution that lies above a pixel, all of each row.

    The rows below are not computed and masked but left out. There is no blind spot in it: every row above counts
    whole, to the right of the pixel as well.

    Args:
        filters: number of output features.
        kernel_size: width of the kernel, odd; it has `kernel_size // 2` rows above the pixel's own.
        own_row: whether it covers the pixel's own row too, which is fine for features that know only earlier rows.
    """

    def __init__(self, filters, kernel_size, own_row=True, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.own_row = filters, kernel_size, own_row
        self.rows_above = kernel_size // 2

    def build(self, input_shape):
        rows = self.rows_above + self.own_row
        self.kernel = self.add_weight(
            shape=(rows, self.kernel_size, input_shape[-1], self.filters),
            initializer="glorot_uniform",
            name="kernel",
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, x):
        """`(n, h, w, c)` to `(n, h, w, filters)`."""
        x = x if self.own_row else x[:, :-1]
        return self._convolved(x, self.rows_above)

    def row(self, rows):
        """One row `(n, w, filters)` of the result from the rows `(n, rows, w, c)` that the kernel covers."""
        return self._convolved(rows, 0)[:, 0]

    def _convolved(self, x, above):
        side = self.kernel_size // 2
        x = ops.pad(x, ((0, 0), (above, 0), (side, side), (0, 0)))
        kernel, bias = (ops.cast(v, self.compute_dtype) for v in (self.kernel, self.bias))
        return ops.conv(x, kernel, padding="valid", data_format="channels_last") + bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "own_row": self.own_row}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="zoo")
class HorizontalConv2D(keras.layers.Layer):
    """The part of a convolution that lies to the left of a pixel in its row, and as much of the pixel as it may see.

    Only the pixel itself needs a mask, and only where its channels depend on one another.

    Args:
        filters: number of output features.
        kernel_size: width of the whole kernel, odd, of which `kernel_size // 2` pixels are to the left.
        own_pixel: whether features see their own channel of the pixel (mask B) or earlier channels alone (mask A).
        channel_groups: channels of a pixel that depend on one another, or 1.
    """

    def __init__(self, filters, kernel_size, own_pixel=True, channel_groups=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.own_pixel, self.channel_groups = own_pixel, channel_groups
        self.columns_left = kernel_size // 2
        # Mask A of a single channel hides all of the pixel.
        self._covers_pixel = own_pixel or channel_groups > 1

    def build(self, input_shape):
        shape = (1, self.columns_left + self._covers_pixel, input_shape[-1], self.filters)
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")
        self._mask = None
        if self.channel_groups > 1:
            self._mask = np.ones(shape, "float32")
            self._mask[0, -1] = channel_mask(*shape[-2:], self.channel_groups, self.own_pixel)

    def call(self, x):
        """`(n, h, w, c)` to `(n, h, w, filters)`."""
        x = x if self._covers_pixel else x[:, :, :-1]
        x = ops.pad(x, ((0, 0), (0, 0), (self.columns_left, 0), (0, 0)))
        kernel, bias = self._weights()
        return ops.conv(x, kernel, padding="valid", data_format="channels_last") + bias

    def pixel(self, left, pixel):
        """One pixel `(n, filters)` of the result from those to its left `(n, columns_left, c)` and itself `(n, c)`."""
        seen = ops.concatenate([left, pixel[:, None]], axis=1) if self._covers_pixel else left
        kernel, bias = self._weights()
        kernel = ops.reshape(kernel, (-1, self.filters))
        return ops.matmul(ops.reshape(seen, (-1, kernel.shape[0])), kernel) + bias

    def _weights(self):
        kernel, bias = (ops.cast(v, self.compute_dtype) for v in (self.kernel, self.bias))
        return (kernel if self._mask is None else kernel * ops.cast(self._mask, kernel.dtype)), bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size}
        return {**super().get_config(), **own, "own_pixel": self.own_pixel, "channel_groups": self.channel_groups}


@keras.saving.register_keras_serializable(package="zoo")
class MaskedDense(keras.layers.Layer):
    """A dense layer over the features of each pixel, in which no channel sees a later one.

    Args:
        units: number of output features.
        channel_groups: channels of a pixel that depend on one another, or 1, which masks nothing.
    """

    def __init__(self, units, channel_groups=1, **kwargs):
        super().__init__(**kwargs)
        self.units, self.channel_groups = units, channel_groups

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self._mask = channel_mask(*shape, self.channel_groups, own=True) if self.channel_groups > 1 else None

    def call(self, x):
        kernel = self.kernel if self._mask is None else self.kernel * ops.cast(self._mask, self.compute_dtype)
        return ops.matmul(x, kernel) + self.bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "channel_groups": self.channel_groups}


@keras.saving.register_keras_serializable(package="zoo")
class GatedBlock(keras.layers.Layer):
    """One layer of a gated PixelCNN (van den Oord et al. 2016b, figure 2): a vertical and a horizontal stack.

    Both stacks pass features through the gate tanh(a + s) * sigmoid(b + t) (eq. 2), where s and t are linear in the
    condition (eq. 4 and 5). The horizontal stack sees the vertical one, never the reverse, and adds what it computes
    to its input, but for the first block, whose input is the grid itself.

    Args:
        filters: features of each stack, a multiple of `channel_groups`.
        kernel_size: of both convolutions.
        first: whether this is the first block, which must not see the pixel that is predicted.
        channel_groups: channels of a pixel that depend on one another, or 1.
    """

    def __init__(self, filters, kernel_size, first=False, channel_groups=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.first, self.channel_groups = first, channel_groups
        options = {"dtype": self.dtype_policy}
        self.vertical_conv = VerticalConv2D(2 * filters, kernel_size, own_row=not first, name="vertical", **options)
        self.horizontal_conv = HorizontalConv2D(
            2 * filters, kernel_size, own_pixel=not first, channel_groups=channel_groups, name="horizontal", **options
        )
        self.link = keras.layers.Dense(2 * filters, use_bias=False, name="link", **options)
        self.output_dense = MaskedDense(filters, channel_groups, name="output", **options)
        self.condition_denses = []

    def build(self, vertical_shape, horizontal_shape, conditions_shape=None):
        self.vertical_conv.build(vertical_shape)
        self.horizontal_conv.build(horizontal_shape)
        self.link.build((*vertical_shape[:-1], 2 * self.filters))
        self.output_dense.build((*horizontal_shape[:-1], self.filters))
        for index, shape in enumerate(conditions_shape or ()):
            dense = keras.layers.Dense(
                4 * self.filters, use_bias=False, name=f"condition_{index}", dtype=self.dtype_policy
            )
            dense.build(shape)
            self.condition_denses.append(dense)

    def call(self, vertical, horizontal, conditions=None):
        """Both stacks `(n, h, w, c)` to `(n, h, w, filters)`; conditions are `(n, h or 1, w or 1, any)`."""
        a, b = self._with_condition(self.vertical_conv(vertical), self.project(conditions or ()))
        return gate(a), self._finish(self.horizontal_conv(horizontal) + b, horizontal)

    def compute_output_shape(self, vertical_shape, horizontal_shape, conditions_shape=None):
        shape = (*vertical_shape[:-1], self.filters)
        return shape, shape

    def project(self, conditions):
        """What conditions `(n, ..., any)` add to the gates of both stacks, `(n, ..., 4 * filters)`, or None."""
        terms = [dense(condition) for dense, condition in zip(self.condition_denses, conditions, strict=True)]
        return sum(terms[1:], terms[0]) if terms else None

    def row(self, rows, projected):
        """A new row of the vertical stack from the rows `(n, rows, w, c)` that its kernel covers.

        Args:
            rows: the newest rows of the vertical input; the first block's end above the new row.
            projected: `project` of the conditions' row, `(n, w or 1, 4 * filters)`, or None.

        Returns:
            The stack's row `(n, w, filters)`, and what the horizontal stack takes from it, `(n, w, 2 * filters)`.
        """
        a, b = self._with_condition(self.vertical_conv.row(rows), projected)
        return gate(a), b

    def pixel(self, left, pixel, from_above):
        """A new pixel of the horizontal stack, `(n, filters)`.

        Args:
            left: the pixels to its left in the horizontal input, `(n, columns_left, c)`.
            pixel: the horizontal input itself, `(n, c)`.
            from_above: the pixel's part of the second result of `row`, `(n, 2 * filters)`.
        """
        return self._finish(self.horizontal_conv.pixel(left, pixel) + from_above, pixel)

    def _with_condition(self, a, projected):
        b = self.link(a)
        if projected is None:
            return a, b
        for_a, for_b = ops.split(projected, 2, axis=-1)
        return a + for_a, b + for_b

    def _finish(self, gates, inputs):
        outputs = self.output_dense(gate(gates))
        return outputs if self.first else inputs + outputs

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size}
        return {**super().get_config(), **own, "first": self.first, "channel_groups": self.channel_groups}


def gate(x):
    """tanh(a) * sigmoid(b) of the halves a and b of the last axis."""
    a, b = ops.split(x, 2, axis=-1)
    return ops.tanh(a) * ops.sigmoid(b)
