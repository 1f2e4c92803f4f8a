"""Batch norm whose scale and shift depend on a condition: a class, a text or a style."""

import keras
from keras import layers, ops

from zoo.layers.style import EqualizedDense


@keras.saving.register_keras_serializable(package="zoo")
class ConditionalBatchNormalization(layers.Layer):
    """Class-conditional batch norm (de Vries et al. 2017, eq. 3 and 4; Dumoulin et al. 2017).

    Called on features `(n, h, w, c)` and conditions `(n, d)`. After normalization without parameters, channel i is
    scaled by 1 + (condition W_scale)_i and shifted by (condition W_shift)_i. With one-hot labels as conditions the rows
    of W are each class's own scale and shift; with vectors (Brock et al. 2019, section 3) classes share W.

    Args:
        momentum, epsilon: as for `keras.layers.BatchNormalization`.
        **kwargs: as for every Keras layer.
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
    """Batch norm that takes scale and shift from a style w: AdaIN with the batch's statistics.

        y_s,i (x_i - mean(x_i)) / std(x_i) + y_b,i,    y_s = 1 + W_scale w + b_scale,    y_b = W_shift w + b_shift

    (Karras et al. 2019, eq. 1, where mean and deviation are those of one image; Chen et al. 2019 take y_s and y_b from
    the latents by a small network each). Called on features `(n, h, w, c)` and styles `(n, d)` whose components are
    around 1; arguments are those of `ConditionalBatchNormalization`.

    The linear maps learn slowly. Since all components of a style add up, a step of Adam at 8e-3, which suits kernels
    before a norm, moved the scales of the parent class by more than half for styles of 96.
    """

    def _linear(self, features, name):
        # A gain of 1 leaves every third scale beyond 0 and 2 before training.
        return EqualizedDense(features, gain=0.3, learning_rate_multiplier=0.1, dtype=self.dtype_policy, name=name)
