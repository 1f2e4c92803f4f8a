"""Batch normalization whose scale and shift depend on a condition: a class, a text or a style."""

import keras
from keras import layers, ops

from zoo.layers.equalized import EqualizedDense


@keras.saving.register_keras_serializable(package="zoo")
class ConditionalBatchNormalization(layers.Layer):
    """Class-conditional batch normalization (de Vries et al. 2017, eq. 3 and 4; Dumoulin et al. 2017).

    The layer normalizes without parameters, then scales channel `i` by `1 + (condition W_scale)_i` and shifts it by
    `(condition W_shift)_i`. If the conditions are one-hot labels, the rows of `W` are a separate scale and shift for
    each class. If they are vectors (Brock et al. 2019, section 3), the classes share `W`.

    Args:
        momentum: float. Momentum of the moving statistics, as in `keras.layers.BatchNormalization`. Defaults to 0.9.
        epsilon: float. Constant added to the variance, as in `keras.layers.BatchNormalization`. Defaults to 1e-5.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        features: float tensor of shape `(n, h, w, c)`.
        condition: float tensor of shape `(n, d)`.
        training: bool. Whether to use the statistics of the batch. Defaults to `False`.

    Returns:
        A float tensor of the same shape as `features`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.conditional_norm import ConditionalBatchNormalization

    labels = ops.one_hot(ops.array([0, 2]), 3)
    outputs = ConditionalBatchNormalization()(ops.ones((2, 8, 8, 16)), labels)  # (2, 8, 8, 16)
    ```
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.momentum, self.epsilon = momentum, epsilon
        self.norm = layers.BatchNormalization(
            momentum=momentum, epsilon=epsilon, center=False, scale=False, dtype=self.dtype_policy, name="norm"
        )

    def _linear(self, features, name):
        return layers.Dense(
            features,
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            dtype=self.dtype_policy,
            name=name,
        )

    def build(self, features_shape, condition_shape):
        self.norm.build(features_shape)
        self.scale, self.shift = (self._linear(features_shape[-1], name) for name in ("scale", "shift"))
        self.scale.build(condition_shape)
        self.shift.build(condition_shape)

    def call(self, features, condition, training=False):
        scale, shift = (ops.expand_dims(layer(condition), (1, 2)) for layer in (self.scale, self.shift))
        return self.norm(features, training=training) * (1.0 + scale) + shift

    def compute_output_shape(self, features_shape, condition_shape):
        return features_shape

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="zoo")
class StyleBatchNormalization(ConditionalBatchNormalization):
    """Batch normalization that takes its scale and shift from a style `w`.

    The layer is adaptive instance normalization (Karras et al. 2019, eq. 1) with the statistics of the batch instead of
    those of one image:

        y_s,i (x_i - mean(x_i)) / std(x_i) + y_b,i,    y_s = 1 + W_scale w + b_scale,    y_b = W_shift w + b_shift

    Chen et al. 2019 instead compute y_s and y_b from the latents, each by a small network.

    The linear maps have a low learning rate, because the contributions of all components of a style add up. With styles
    of length 96, one step of Adam at a learning rate of 8e-3, which suits kernels before a normalization, moved the
    scales of the parent class by more than half.

    Args:
        momentum: float. Momentum of the moving statistics. Defaults to 0.9.
        epsilon: float. Constant added to the variance. Defaults to 1e-5.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        features: float tensor of shape `(n, h, w, c)`.
        condition: float tensor of shape `(n, d)`. Styles whose components are of the order of 1.
        training: bool. Whether to use the statistics of the batch. Defaults to `False`.

    Returns:
        A float tensor of the same shape as `features`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.conditional_norm import StyleBatchNormalization

    outputs = StyleBatchNormalization()(ops.ones((2, 8, 8, 16)), ops.ones((2, 96)))  # (2, 8, 8, 16)
    ```
    """

    def _linear(self, features, name):
        # With a gain of 1, every third scale would lie outside [0, 2] before training.
        return EqualizedDense(features, gain=0.3, learning_rate_multiplier=0.1, dtype=self.dtype_policy, name=name)
