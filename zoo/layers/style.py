"""Layers of style-based generators around their convolutions (Karras et al. 2019 and 2020)."""

import keras
from keras import ops

register = keras.saving.register_keras_serializable(package="zoo")


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
