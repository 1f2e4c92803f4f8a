"""Normalization whose scale and shift depend on a condition: a class, a text or a style."""

import keras
from keras import layers, ops


class _ConditionalNormalization(layers.Layer):
    """Called on features `(n, h, w, c)` and conditions `(n, d)`.

    After normalization without parameters, channel i is scaled by 1 + (condition W_scale)_i and shifted by
    (condition W_shift)_i.

    Args:
        norm: the layer that normalizes.
        spread: standard deviation of W_scale and W_shift before training.
        **kwargs: as for every Keras layer.
    """

    def __init__(self, norm, spread, **kwargs):
        super().__init__(**kwargs)
        self.norm, self._spread = norm, spread

    def build(self, features_shape, condition_shape):
        def linear(name):
            layer = layers.Dense(
                features_shape[-1],
                use_bias=False,
                kernel_initializer=keras.initializers.RandomNormal(stddev=self._spread),
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


@keras.saving.register_keras_serializable(package="zoo")
class ConditionalBatchNormalization(_ConditionalNormalization):
    """Class-conditional batch norm (de Vries et al. 2017, eq. 3 and 4; Dumoulin et al. 2017).

    Called on features `(n, h, w, c)` and conditions `(n, d)`. After normalization without parameters, channel i is
    scaled by 1 + (condition W_scale)_i and shifted by (condition W_shift)_i. With one-hot labels as conditions the rows
    of W are each class's own scale and shift; with vectors (Brock et al. 2019, section 3) classes share W.

    Args:
        momentum, epsilon: as for `keras.layers.BatchNormalization`.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        norm = layers.BatchNormalization(
            momentum=momentum, epsilon=epsilon, center=False, scale=False, dtype=kwargs.get("dtype"), name="norm"
        )
        super().__init__(norm, 0.02, **kwargs)
        self.momentum, self.epsilon = momentum, epsilon

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="zoo")
class AdaptiveInstanceNormalization(_ConditionalNormalization):
    """AdaIN (Huang & Belongie 2017): features of each image normalized over its pixels, then as its style has them.

        AdaIN(x_i, y) = y_s,i (x_i - mean(x_i)) / std(x_i) + y_b,i    (Karras et al. 2019, eq. 1)

    Called on features `(n, h, w, c)` and styles `(n, d)`, of which y_s = 1 + W_scale style and y_b = W_shift style.

    Args:
        epsilon: added to the variance.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        norm = layers.GroupNormalization(
            groups=-1, epsilon=epsilon, center=False, scale=False, dtype=kwargs.get("dtype"), name="norm"
        )
        # Styles of 0.02 left all images alike for hundreds of steps.
        super().__init__(norm, 0.1, **kwargs)
        self.epsilon = epsilon

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
