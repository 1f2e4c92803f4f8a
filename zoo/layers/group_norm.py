"""Normalization over the pixels of one image, for discriminators with gradient penalties."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class GroupNormalization(keras.layers.Layer):
    """Group normalization (Wu & He 2018), of which instance normalization (Ulyanov et al. 2016) is the default.

    The layer normalizes each group of features over all pixels of an image, then scales and shifts every feature. It
    computes as `keras.layers.GroupNormalization` does and reads its weights. Under TensorFlow, Keras' layer has a wrong
    second derivative, which gradient penalties need.

    Args:
        groups: int. Number of groups, which divides the number of features; -1 makes every feature a group. Defaults to
            -1.
        epsilon: float. Constant added to the variance. Defaults to 1e-5.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        features: float tensor of shape `(n, ..., c)`.

    Returns:
        A float tensor of the same shape as `features`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.group_norm import GroupNormalization

    outputs = GroupNormalization()(ops.ones((2, 8, 8, 16)))  # (2, 8, 8, 16)
    ```
    """

    def __init__(self, groups=-1, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.groups, self.epsilon = groups, epsilon

    def build(self, input_shape):
        # Half precision would round the scale, as in Keras' layer.
        self.gamma = self.add_weight(input_shape[-1:], initializer="ones", autocast=False, name="gamma")
        self.beta = self.add_weight(input_shape[-1:], initializer="zeros", autocast=False, name="beta")

    def call(self, features):
        shape = ops.shape(features)
        groups = features.shape[-1] if self.groups == -1 else self.groups
        # The statistics of many pixels would overflow in half precision.
        x = ops.cast(features, keras.backend.result_type(features.dtype, "float32"))
        x = ops.reshape(x, (*shape[:-1], groups, -1))
        axes = (*range(1, len(shape) - 1), len(shape))
        # In the variance of `ops.moments`, TensorFlow takes the mean for a constant. That leaves the first derivative
        # as it is, but not the second.
        x = x - ops.mean(x, axis=axes, keepdims=True)
        x = x * ops.rsqrt(ops.mean(ops.square(x), axis=axes, keepdims=True) + self.epsilon)
        return ops.cast(ops.reshape(x, shape) * self.gamma + self.beta, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "groups": self.groups, "epsilon": self.epsilon}
