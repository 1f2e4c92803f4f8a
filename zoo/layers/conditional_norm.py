"""Batch normalization whose scale and shift depend on a condition."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="zoo")
class ConditionalBatchNormalization(keras.layers.Layer):
    """Class-conditional batch norm (de Vries et al. 2017, eq. 3 and 4; Dumoulin et al. 2017).

    Called on features `(n, h, w, c)` and conditions `(n, d)`. After normalization without parameters, channel i is
    scaled by 1 + (condition W_scale)_i and shifted by (condition W_shift)_i. With one-hot labels as conditions the rows
    of W are each class's own scale and shift; with vectors (Brock et al. 2019, section 3) classes share W.

    Args:
        momentum, epsilon: as for `keras.layers.BatchNormalization`.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.momentum, self.epsilon = momentum, epsilon
        self.norm = layers.BatchNormalization(
            momentum=momentum, epsilon=epsilon, center=False, scale=False, dtype=self.dtype_policy, name="norm"
        )

    def build(self, features_shape, condition_shape):
        def linear(name):
            layer = layers.Dense(
                features_shape[-1],
                use_bias=False,
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
                dtype=self.dtype_policy,
                name=name,
            )
            layer.build(condition_shape)
            return layer

        self.norm.build(features_shape)
        self.scale, self.shift = linear("scale"), linear("shift")

    def call(self, features, condition, training=False):
        scale, shift = (ops.expand_dims(layer(condition), (1, 2)) for layer in (self.scale, self.shift))
        return self.norm(features, training=training) * (1.0 + scale) + shift

    def compute_output_shape(self, features_shape, condition_shape):
        return features_shape

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}
