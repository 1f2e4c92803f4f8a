"""Causal layers, in which a pixel sees only earlier pixels in raster order (van den Oord et al. 2016a and b).

Each layer has two modes: for training it computes a whole grid at once, and for sampling it computes only the newest
row or pixel from the earlier ones.

If the channels of a pixel also depend on one another, feature `i` belongs to channel `i % channel_groups`, whatever the
number of features. A layer can therefore halve or multiply its features without changing their owners.
"""

import keras
import numpy as np
from keras import ops


def channel_mask(num_inputs, num_outputs, channel_groups, own):
    """Returns a float32 mask `(num_inputs, num_outputs)` that is 1 where an output feature may see an input feature.

    A feature sees the features of earlier channels, and with `own` also those of its own channel. This is mask B of the
    paper with `own`, and mask A without.
    """
    sources = np.arange(num_inputs)[:, None] % channel_groups
    targets = np.arange(num_outputs) % channel_groups
    return (sources <= targets if own else sources < targets).astype("float32")


@keras.saving.register_keras_serializable(package="zoo")
class CodeInput(keras.layers.Layer):
    """Turns integer codes into features, by scaling them to [-1, 1] or by an embedding.

    Args:
        levels: int. Number of different codes.
        embedding_dim: int or None. Length of the learned vector for each code, which suits codes without an order. None
            scales the codes to [-1, 1] instead. Defaults to `None`.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        codes: int tensor of shape `(..., channels)` with values from 0 to `levels - 1`.

    Returns:
        A float tensor of shape `(..., channels)`, or `(..., channels * embedding_dim)` with an embedding.

    Example:

    ```python
    from keras import ops
    from zoo.layers.causal import CodeInput

    features = CodeInput(levels=256)(ops.array([[0, 255]]))  # [[-1.0, 1.0]]
    ```
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
    """The part of a convolution that covers the rows above a pixel.

    The kernel has no rows below the pixel, so nothing is computed only to be masked. It covers every row above at full
    width, including the pixels to the right, and therefore leaves no blind spot (van den Oord et al. 2016b).

    Args:
        filters: int. Number of output features.
        kernel_size: int. Width of the kernel, an odd number. The kernel has `kernel_size // 2` rows above the pixel's
            own row.
        own_row: bool. Whether the kernel also covers the pixel's own row. This is safe if the input features depend on
            earlier rows only. Defaults to `True`.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.causal import VerticalConv2D

    outputs = VerticalConv2D(filters=16, kernel_size=3)(ops.ones((2, 8, 8, 4)))  # (2, 8, 8, 16)
    ```
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
        """Maps features `(n, h, w, c)` to `(n, h, w, filters)`."""
        x = x if self.own_row else x[:, :-1]
        return self._convolved(x, self.rows_above)

    def row(self, rows):
        """Returns one output row `(n, w, filters)` from the input rows `(n, rows, w, c)` that the kernel covers."""
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
    """The part of a convolution that covers the pixels to the left in the same row.

    The kernel also covers as much of the pixel itself as the pixel may see. Only the weights for the pixel itself need
    a mask, and only if its channels depend on one another.

    Args:
        filters: int. Number of output features.
        kernel_size: int. Width of the full kernel, an odd number. The layer covers `kernel_size // 2` pixels to the
            left.
        own_pixel: bool. Whether features see their own channel of the pixel (mask B of van den Oord et al. 2016a) or
            only earlier channels (mask A). Defaults to `True`.
        channel_groups: int. Number of channels of a pixel that depend on one another, or 1 if they do not. Defaults to
            1.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.causal import HorizontalConv2D

    outputs = HorizontalConv2D(filters=16, kernel_size=3)(ops.ones((2, 8, 8, 4)))  # (2, 8, 8, 16)
    ```
    """

    def __init__(self, filters, kernel_size, own_pixel=True, channel_groups=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size
        self.own_pixel, self.channel_groups = own_pixel, channel_groups
        self.columns_left = kernel_size // 2
        # With a single channel, mask A hides the pixel completely.
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
        """Maps features `(n, h, w, c)` to `(n, h, w, filters)`."""
        x = x if self._covers_pixel else x[:, :, :-1]
        x = ops.pad(x, ((0, 0), (0, 0), (self.columns_left, 0), (0, 0)))
        kernel, bias = self._weights()
        return ops.conv(x, kernel, padding="valid", data_format="channels_last") + bias

    def pixel(self, left, pixel):
        """Returns one output pixel `(n, filters)`.

        Args:
            left: float tensor of shape `(n, columns_left, c)`. The input pixels to its left.
            pixel: float tensor of shape `(n, c)`. The input pixel itself.
        """
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
    """A dense layer over the features of each pixel in which no channel sees a later channel.

    The layer is a 1x1 convolution with mask B (van den Oord et al. 2016a).

    Args:
        units: int. Number of output features.
        channel_groups: int. Number of channels of a pixel that depend on one another. 1 means no mask. Defaults to 1.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.causal import MaskedDense

    outputs = MaskedDense(units=6, channel_groups=3)(ops.ones((2, 8, 8, 9)))  # (2, 8, 8, 6)
    ```
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
    """One layer of a gated PixelCNN (van den Oord et al. 2016b, figure 2).

    The block has a vertical and a horizontal stack. Both pass their features through the gate `tanh(a + s) * sigmoid(b
    + t)` (eq. 2), where `s` and `t` are linear in the conditions (eq. 4 and 5). The horizontal stack sees the vertical
    stack, but the vertical stack never sees the horizontal one. The horizontal stack has a residual connection, except
    in the first block, whose input is the grid itself.

    Args:
        filters: int. Number of features of each stack, a multiple of `channel_groups`.
        kernel_size: int. Kernel size of both convolutions, an odd number.
        first: bool. Whether this is the first block, which must not see the pixel that it predicts. Defaults to
            `False`.
        channel_groups: int. Number of channels of a pixel that depend on one another, or 1 if they do not. Defaults to
            1.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.causal import GatedBlock

    features = ops.ones((2, 8, 8, 16))
    vertical, horizontal = GatedBlock(filters=16, kernel_size=3)(features, features)  # (2, 8, 8, 16) each
    ```
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
        """Maps both stacks from `(n, h, w, c)` to `(n, h, w, filters)`.

        Args:
            vertical: float tensor of shape `(n, h, w, c)`. Features of the vertical stack.
            horizontal: float tensor of shape `(n, h, w, c)`. Features of the horizontal stack.
            conditions: list of float tensors of shape `(n, h or 1, w or 1, any)`, or None.
        """
        vertical, from_above = self.above(vertical, conditions or ())
        return vertical, self.beside(horizontal, from_above)

    def above(self, vertical, conditions):
        """Returns the vertical stack, `(n, h, w, filters)`, and its contribution to the horizontal stack."""
        a, b = self._with_condition(self.vertical_conv(vertical), self.project(conditions))
        return gate(a), b

    def beside(self, horizontal, from_above):
        """Returns the horizontal stack, `(n, h, w, filters)`; `from_above` is the second result of `above`."""
        return self._finish(self.horizontal_conv(horizontal) + from_above, horizontal)

    def compute_output_shape(self, vertical_shape, horizontal_shape, conditions_shape=None):
        shape = (*vertical_shape[:-1], self.filters)
        return shape, shape

    def project(self, conditions):
        """Returns what conditions `(n, ..., any)` add to the gates of both stacks, `(n, ..., 4 * filters)`, or None."""
        terms = [dense(condition) for dense, condition in zip(self.condition_denses, conditions, strict=True)]
        return sum(terms[1:], terms[0]) if terms else None

    def row(self, rows, projected):
        """Computes a new row of the vertical stack.

        Args:
            rows: float tensor of shape `(n, rows, w, c)`. The newest rows of the vertical input that the kernel covers.
                In the first block they end above the new row.
            projected: float tensor of shape `(n, w or 1, 4 * filters)`, the result of `project` for this row, or None.

        Returns:
            The row of the vertical stack, `(n, w, filters)`, and its contribution to the horizontal stack, `(n, w, 2 *
            filters)`.
        """
        a, b = self._with_condition(self.vertical_conv.row(rows), projected)
        return gate(a), b

    def pixel(self, left, pixel, from_above):
        """Computes a new pixel of the horizontal stack, `(n, filters)`.

        Args:
            left: float tensor of shape `(n, columns_left, c)`. The pixels to its left in the horizontal input.
            pixel: float tensor of shape `(n, c)`. The pixel in the horizontal input.
            from_above: float tensor of shape `(n, 2 * filters)`. This pixel of the second result of `row`.
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
    """Returns `tanh(a) * sigmoid(b)`, where `a` and `b` are the halves of the last axis of `x`."""
    a, b = ops.split(x, 2, axis=-1)
    return ops.tanh(a) * ops.sigmoid(b)
