"""The layers of progressive and style-based GANs (Karras et al. 2018, 2019 and 2020)."""

import math

import keras
from keras import ops

register = keras.saving.register_keras_serializable(package="zoo")


@register
class EqualizedDense(keras.layers.Layer):
    """A dense layer with an equalized learning rate (Karras et al. 2018, section 4.1).

    The kernel is stored with unit variance and divided by sqrt(fan-in) in the forward pass, not in the initializer.
    So an optimizer that normalizes gradients, as Adam does, changes all layers by the same share of their size.

    Args:
        units: number of outputs.
        gain: factor of the kernel; sqrt(2) before a rectifier (He et al. 2015).
        learning_rate_multiplier: how fast this layer learns compared to others.
        initial_bias: value at which the biases begin.
        **kwargs: as for every Keras layer.
    """

    def __init__(self, units, gain=1.0, learning_rate_multiplier=1.0, initial_bias=0.0, **kwargs):
        super().__init__(**kwargs)
        self.units, self.gain = units, gain
        self.learning_rate_multiplier, self.initial_bias = learning_rate_multiplier, initial_bias

    def build(self, input_shape):
        multiplier = self.learning_rate_multiplier
        # float32 whatever the policy, until scaled.
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
    """A convolution with an equalized learning rate, on `(n, h, w, c)`; see `EqualizedDense`.

    Args:
        filters: number of output features.
        kernel_size: odd.
        gain: factor of the kernel; sqrt(2) before a rectifier.
        resample: `"up"` doubles the sides of the input first, repeating each pixel; `"down"` halves those of the
            output, averaging each 2x2 pixels; None keeps them.
        **kwargs: as for every Keras layer.
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
    """A convolution whose kernel each image's style scales (Karras et al. 2020, section 2.2).

    Called on features `(n, h, w, c)` and styles `(n, c)`, with the kernel

        w'_ijk  = s_i w_ijk                                   (eq. 1),
        w''_ijk = w'_ijk / sqrt(sum_ik w'_ijk^2 + epsilon)    (eq. 3, demodulation),

    where i counts input features, j output features and k places. No kernel is made for each image: scaling the
    features before and after a common convolution is the same and much faster on a CPU.

    Args:
        filters: number of output features.
        kernel_size: odd.
        gain: factor of the result before the bias; sqrt(2) before a rectifier.
        resample: as for `EqualizedConv2D`.
        demodulate: whether eq. 3 is applied; an image is made without.
        **kwargs: as for every Keras layer.
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
            # float32 whatever the policy, since sums of squares lose most in half precision.
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
    """A kernel of unit variance, float32 whatever the policy, and 1 / sqrt(fan-in)."""
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
    """Convolves `(n, h, w, c)` with `kernel`, odd and zero-padded, at twice the sides, at half of them, or as it is.

    Up, the result is that of repeating every pixel and convolving; down, that of convolving and averaging each 2x2
    pixels. As one strided convolution, with a kernel that is a pixel larger, both take 16 instead of 36 products for
    each pixel of the smaller grid and each 3x3 kernel.
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
    """Divides the features of every pixel by the root of their mean square (Karras et al. 2018, section 4.2).

    Called on `(..., features)`; computed in float32 whatever the policy.
    """

    def call(self, x):
        squares = ops.mean(ops.square(ops.cast(x, "float32")), axis=-1, keepdims=True)
        return x * ops.cast(ops.rsqrt(squares + 1e-8), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class MinibatchStd(keras.layers.Layer):
    """Adds a feature that tells how much the images of a batch differ (Karras et al. 2018, section 3).

    It is the standard deviation over the batch, averaged over features and pixels, and thus one number for all
    images; a discriminator that sees it punishes generators that always draw the same.

    Called on `(n, h, w, c)`, returns `(n, h, w, c + 1)`; computed in float32 whatever the policy.
    """

    def call(self, x):
        deviations = ops.sqrt(ops.var(ops.cast(x, "float32"), axis=0) + 1e-8)
        feature = ops.broadcast_to(ops.cast(ops.mean(deviations), self.compute_dtype), (*ops.shape(x)[:-1], 1))
        return ops.concatenate([x, feature], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)


@register
class NoiseInjection(keras.layers.Layer):
    """Adds one number for each pixel of each image, times a learned strength (Karras et al. 2019, section 2).

    All features share the strength, as in 2020 (appendix B).
    In training the noise is new at every step, whose updates of the discriminator see that of the generator's.
    Otherwise it is always the same, for all images, and saved with the weights, so that an image is a function of its
    latents alone.

    Called on `(n, h, w, c)` of fixed height and width.
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
    """The learned features from which every image begins (Karras et al. 2019, section 2), `(n, *shape)`.

    Args:
        shape: `(h, w, c)`.
        **kwargs: as for every Keras layer.
    """

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.shape = tuple(shape)

    def build(self, input_shape):
        self.grid = self.add_weight(
            shape=self.shape, initializer=keras.initializers.RandomNormal(stddev=1.0), name="grid"
        )

    def call(self, x):
        """As many copies as `x` has rows."""
        return ops.broadcast_to(self.grid, (ops.shape(x)[0], *self.shape))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)

    def get_config(self):
        return {**super().get_config(), "shape": list(self.shape)}


@register
class MovingMean(keras.layers.Layer):
    """Hands on its input `(n, d)` and keeps the running mean over training, `mean` of shape `(d,)`, in float32.

    Args:
        momentum: share of the mean that stays at each step.
        **kwargs: as for every Keras layer.
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
    """Gives every layer of a synthesis network its vector w (Karras et al. 2019, section 3.1, style mixing).

    Called on `(n, d)`, returns `(n, num_layers, d)`: the same vector for all layers. In training, with
    `probability`, the layers from a random one on get the vector of the next image in the batch instead, so that
    layers do not count on one another's styles.

    Args:
        num_layers: how many layers have styles.
        probability: share of the images whose styles are mixed.
        **kwargs: as for every Keras layer.
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
