"""The layers of progressive and style-based GANs (Karras et al. 2018, 2019 and 2020)."""

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
    from zoo.layers.style import EqualizedDense

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
    from zoo.layers.style import EqualizedConv2D

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
    from zoo.layers.style import ModulatedConv2D

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


@register
class PixelNorm(keras.layers.Layer):
    """Divides the features of every pixel by their root mean square (Karras et al. 2018, section 4.2).

    The layer works on inputs of shape `(..., features)` and computes in float32 under every dtype policy.

    Example:

    ```python
    from keras import ops
    from zoo.layers.style import PixelNorm

    outputs = PixelNorm()(ops.array([[3.0, 4.0]]))  # [[0.85, 1.13]]
    ```
    """

    def call(self, x):
        squares = ops.mean(ops.square(ops.cast(x, "float32")), axis=-1, keepdims=True)
        return x * ops.cast(ops.rsqrt(squares + 1e-8), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class MinibatchStd(keras.layers.Layer):
    """Adds a feature that measures how much the images of a batch differ (Karras et al. 2018, section 3).

    The feature is the standard deviation over the batch, averaged over features and pixels: one number for all images.
    With it, a discriminator can penalize generators that always make the same image. The layer computes in float32
    under every dtype policy.

    Call arguments:
        x: float tensor of shape `(n, h, w, c)`.

    Returns:
        A float tensor of shape `(n, h, w, c + 1)`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.style import MinibatchStd

    outputs = MinibatchStd()(ops.ones((4, 8, 8, 16)))  # (4, 8, 8, 17)
    ```
    """

    def call(self, x):
        deviations = ops.sqrt(ops.var(ops.cast(x, "float32"), axis=0) + 1e-8)
        feature = ops.broadcast_to(ops.cast(ops.mean(deviations), self.compute_dtype), (*ops.shape(x)[:-1], 1))
        return ops.concatenate([x, feature], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)


@register
class NoiseInjection(keras.layers.Layer):
    """Adds Gaussian noise, one value per pixel, times a learned strength (Karras et al. 2019, section 2).

    All features share the strength, as in Karras et al. 2020 (appendix B). In training the noise is drawn anew at every
    step; the discriminator updates of a step see the same noise as its generator update. In inference the noise is a
    fixed map that is shared by all images and saved with the weights, so that an image depends on its latents alone.

    Call arguments:
        x: float tensor of shape `(n, h, w, c)` with fixed height and width.
        training: bool. Whether to draw new noise. Defaults to `False`.

    Returns:
        A float tensor of the same shape as `x`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.style import NoiseInjection

    outputs = NoiseInjection()(ops.ones((2, 8, 8, 16)), training=True)  # (2, 8, 8, 16)
    ```
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, input_shape):
        self.strength = self.add_weight(shape=(), initializer="zeros", name="strength")
        self.noise = self.add_weight(
            shape=(*input_shape[1:3], 1),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=False,
            name="noise",
        )

    def call(self, x, training=False):
        noise = self.noise
        if training:
            noise = keras.random.normal((*ops.shape(x)[:-1], 1), dtype=self.compute_dtype, seed=self.seed_generator)
        return x + self.strength * noise

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class LearnedGrid(keras.layers.Layer):
    """The learned constant from which every image starts (Karras et al. 2019, section 2).

    Args:
        shape: tuple of ints, `(h, w, c)`. Shape of the constant.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        x: tensor of shape `(n, ...)`, from which only the batch size is used.

    Returns:
        A float tensor of shape `(n, h, w, c)`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.style import LearnedGrid

    grids = LearnedGrid(shape=(4, 4, 32))(ops.ones((2, 64)))  # (2, 4, 4, 32)
    ```
    """

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.shape = tuple(shape)

    def build(self, input_shape):
        self.grid = self.add_weight(
            shape=self.shape, initializer=keras.initializers.RandomNormal(stddev=1.0), name="grid"
        )

    def call(self, x):
        """Returns one copy of the constant for each row of `x`."""
        return ops.broadcast_to(self.grid, (ops.shape(x)[0], *self.shape))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)

    def get_config(self):
        return {**super().get_config(), "shape": list(self.shape)}


@register
class MovingMean(keras.layers.Layer):
    """Returns its input unchanged and tracks its running mean in training.

    The float32 variable `mean` of shape `(d,)` holds the running mean.

    Args:
        momentum: float from 0 to 1. Share of the old mean that each step keeps. Defaults to 0.995.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        x: float tensor of shape `(n, d)`.
        training: bool. Whether to update the mean. Defaults to `False`.

    Returns:
        `x`, unchanged.

    Example:

    ```python
    from keras import ops
    from zoo.layers.style import MovingMean

    layer = MovingMean(momentum=0.9)
    layer(ops.ones((2, 4)), training=True)
    mean = ops.convert_to_numpy(layer.mean)  # [0.1, 0.1, 0.1, 0.1]
    ```
    """

    def __init__(self, momentum=0.995, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum

    def build(self, input_shape):
        self.mean = self.add_weight(
            shape=input_shape[1:],
            initializer="zeros",
            trainable=False,
            autocast=False,
            aggregation="mean",
            name="mean",
        )

    def call(self, x, training=False):
        if training:
            new = ops.mean(ops.cast(ops.stop_gradient(x), "float32"), axis=0)
            self.mean.assign(self.mean + (1.0 - self.momentum) * (new - self.mean))
        return x

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


@register
class MixStyles(keras.layers.Layer):
    """Gives every layer of a synthesis network its vector w, with style mixing in training.

    Style mixing is from Karras et al. 2019 (section 3.1). Every layer receives the same vector. In training, a share
    `probability` of the images use the vector of the next image in the batch from a random layer on, so that layers do
    not rely on the styles of one another.

    Args:
        num_layers: int. Number of layers that have styles.
        probability: float from 0 to 1. Share of the images whose styles are mixed. Defaults to 0.9.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        w: float tensor of shape `(n, d)`.
        training: bool. Whether to mix styles. Defaults to `False`.

    Returns:
        A float tensor of shape `(n, num_layers, d)`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.style import MixStyles

    styles = MixStyles(num_layers=8)(ops.ones((4, 64)), training=True)  # (4, 8, 64)
    ```
    """

    def __init__(self, num_layers, probability=0.9, **kwargs):
        super().__init__(**kwargs)
        self.num_layers, self.probability = num_layers, probability
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, w, training=False):
        number = ops.shape(w)[0]
        same = ops.broadcast_to(w[:, None], (number, self.num_layers, w.shape[-1]))
        if not training or not self.probability:
            return same
        first_other = keras.random.randint((number, 1), 1, self.num_layers, seed=self.seed_generator)
        mixed = keras.random.uniform((number, 1), seed=self.seed_generator) < self.probability
        others = ops.logical_and(mixed, ops.arange(self.num_layers)[None] >= first_other)
        return ops.where(others[..., None], ops.roll(w, -1, axis=0)[:, None], same)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_layers, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "num_layers": self.num_layers, "probability": self.probability}
