"""Dense layers and convolutions with an equalized learning rate (Karras et al. 2018, section 4.1)."""

import math

import keras
from keras import ops

register = keras.saving.register_keras_serializable(package="zoo")


@register
class EqualizedDense(keras.layers.Layer):
    """Dense layer with an equalized learning rate (Karras et al. 2018, section 4.1).

    The kernel is stored with unit variance and multiplied by `gain / sqrt(fan_in)` in the forward pass instead of the
    initializer. An optimizer that normalizes gradients, such as Adam, therefore changes the weights of all layers by
    the same relative amount.

    Args:
        units: int. Number of outputs.
        gain: float. Factor of the kernel; sqrt(2) suits a layer before a rectifier (He et al. 2015). Defaults to 1.0.
        learning_rate_multiplier: float. Learning rate of this layer relative to others. Defaults to 1.0.
        initial_bias: float. Initial value of the biases. Defaults to 0.0.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.equalized import EqualizedDense

    outputs = EqualizedDense(units=16)(ops.ones((2, 64)))  # (2, 16)
    ```
    """

    def __init__(self, units, gain=1.0, learning_rate_multiplier=1.0, initial_bias=0.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.gain = units, gain
        self.learning_rate_multiplier, self.initial_bias = learning_rate_multiplier, initial_bias

    def build(self, input_shape):
        multiplier = self.learning_rate_multiplier
        # The weights stay float32 under every dtype policy until they are scaled.
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=keras.initializers.RandomNormal(stddev=1.0 / multiplier),
            autocast=False,
            name="kernel",
        )
        self.bias = self.add_weight(
            shape=(self.units,),
            initializer=keras.initializers.Constant(self.initial_bias / multiplier),
            autocast=False,
            name="bias",
        )
        self._scale = multiplier * self.gain / math.sqrt(input_shape[-1])

    def call(self, x):
        kernel = ops.cast(self._scale * self.kernel, self.compute_dtype)
        bias = ops.cast(self.learning_rate_multiplier * self.bias, self.compute_dtype)
        return ops.matmul(x, kernel) + bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "gain": self.gain,
            "learning_rate_multiplier": self.learning_rate_multiplier,
            "initial_bias": self.initial_bias,
        }


@register
class EqualizedConv2D(keras.layers.Layer):
    """2D convolution with an equalized learning rate (Karras et al. 2018, section 4.1); see `EqualizedDense`.

    Args:
        filters: int. Number of output features.
        kernel_size: int. Size of the kernel, an odd number.
        gain: float. Factor of the kernel; sqrt(2) suits a layer before a rectifier. Defaults to 1.0.
        resample: `"up"`, `"down"` or None. `"up"` doubles the sides of the input before the convolution by repeating
            each pixel, and `"down"` halves the sides of the output by averaging 2x2 pixels. Defaults to `None`.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        x: float tensor of shape `(n, h, w, c)`.

    Returns:
        A float tensor of shape `(n, h, w, filters)`, with doubled or halved sides if `resample` is given.

    Example:

    ```python
    from keras import ops
    from zoo.layers.equalized import EqualizedConv2D

    outputs = EqualizedConv2D(filters=16, kernel_size=3, resample="down")(ops.ones((2, 8, 8, 4)))  # (2, 4, 4, 16)
    ```
    """

    def __init__(self, filters, kernel_size, gain=1.0, resample=None, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.gain, self.resample = filters, kernel_size, gain, resample

    def build(self, input_shape):
        self.kernel, self._scale = _equalized_kernel(self, input_shape[-1])
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, x):
        kernel = ops.cast(self.gain * self._scale * self.kernel, self.compute_dtype)
        return convolve(x, kernel, self.resample) + ops.cast(self.bias, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return _convolved_shape(self, input_shape)

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size}
        return {**super().get_config(), **own, "gain": self.gain, "resample": self.resample}


@register
class ModulatedConv2D(keras.layers.Layer):
    """Convolution whose kernel is scaled by the style of each image (Karras et al. 2020, section 2.2).

    With i for input features, j for output features and k for positions, the kernel is

        w'_ijk  = s_i w_ijk                                   (eq. 1),
        w''_ijk = w'_ijk / sqrt(sum_ik w'_ijk^2 + epsilon)    (eq. 3, demodulation).

    The layer scales the features before and after a convolution that all images share. This gives the same result as a
    separate kernel for each image and is much faster on a CPU.

    Args:
        filters: int. Number of output features.
        kernel_size: int. Size of the kernel, an odd number.
        gain: float. Factor of the result before the bias; sqrt(2) suits a layer before a rectifier. Defaults to 1.0.
        resample: `"up"`, `"down"` or None, as in `EqualizedConv2D`. Defaults to `None`.
        demodulate: bool. Whether to apply eq. 3. The layers that make images do not. Defaults to `True`.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        x: float tensor of shape `(n, h, w, c)`.
        styles: float tensor of shape `(n, c)`.

    Returns:
        A float tensor of shape `(n, h, w, filters)`, with doubled or halved sides if `resample` is given.

    Example:

    ```python
    from keras import ops
    from zoo.layers.equalized import ModulatedConv2D

    outputs = ModulatedConv2D(filters=16, kernel_size=3)(ops.ones((2, 8, 8, 4)), ops.ones((2, 4)))  # (2, 8, 8, 16)
    ```
    """

    def __init__(self, filters, kernel_size, gain=1.0, resample=None, demodulate=True, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.gain = filters, kernel_size, gain
        self.resample, self.demodulate = resample, demodulate

    def build(self, x_shape, styles_shape):
        self.kernel, self._scale = _equalized_kernel(self, x_shape[-1])
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, x, styles):
        kernel = self._scale * self.kernel
        x = convolve(x * styles[:, None, None, :], ops.cast(kernel, self.compute_dtype), self.resample)
        if self.demodulate:
            # Sums of squares lose too much precision in half precision, so they are computed in float32.
            squares = ops.matmul(ops.square(ops.cast(styles, "float32")), ops.sum(ops.square(kernel), axis=(0, 1)))
            x = x * ops.cast(self.gain * ops.rsqrt(squares + 1e-8), self.compute_dtype)[:, None, None, :]
        else:
            x = self.gain * x
        return x + ops.cast(self.bias, self.compute_dtype)

    def compute_output_shape(self, x_shape, styles_shape):
        return _convolved_shape(self, x_shape)

    def get_config(self):
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "gain": self.gain}
        return {**super().get_config(), **own, "resample": self.resample, "demodulate": self.demodulate}


def _equalized_kernel(layer, num_inputs):
    """Returns a float32 kernel of unit variance and its scale 1 / sqrt(fan-in)."""
    size = layer.kernel_size
    kernel = layer.add_weight(
        shape=(size, size, num_inputs, layer.filters),
        initializer=keras.initializers.RandomNormal(stddev=1.0),
        autocast=False,
        name="kernel",
    )
    return kernel, 1.0 / math.sqrt(size * size * num_inputs)


def _convolved_shape(layer, input_shape):
    height, width = input_shape[1:3]
    if layer.resample == "up":
        height, width = 2 * height, 2 * width
    elif layer.resample == "down":
        height, width = height // 2, width // 2
    return (input_shape[0], height, width, layer.filters)


def convolve(x, kernel, resample=None):
    """Convolves `x` with a kernel and optionally doubles or halves the sides.

    `"up"` gives the same result as repeating every pixel and then convolving, and `"down"` the same as convolving and
    then averaging 2x2 pixels. Both are computed as one strided convolution whose kernel is one pixel larger. For a 3x3
    kernel this takes 16 instead of 36 products per pixel of the smaller grid.

    Args:
        x: float tensor of shape `(n, h, w, c)`.
        kernel: float tensor of shape `(size, size, c, filters)` with an odd size; the input is zero-padded.
        resample: `"up"`, `"down"` or None. Defaults to `None`.
    """
    if resample is None:
        return ops.conv(x, kernel, padding="same", data_format="channels_last")
    kernel = ops.pad(kernel, ((1, 1), (1, 1), (0, 0), (0, 0)))
    kernel = kernel[1:, 1:] + kernel[1:, :-1] + kernel[:-1, 1:] + kernel[:-1, :-1]
    if resample == "down":
        return ops.conv(x, 0.25 * kernel, strides=2, padding="same", data_format="channels_last")
    kernel = ops.transpose(ops.flip(kernel, (0, 1)), (0, 1, 3, 2))
    return ops.conv_transpose(x, kernel, strides=2, padding="same", data_format="channels_last")
