"""Layers of velocity networks: an embedding of times, and a normalization that a condition steers."""

import keras
import numpy as np
from keras import layers, ops

from zoo.errors import check_count

# The highest frequency of a time from 0 to 1, and how many times higher it is than the lowest.
_HIGHEST, _RANGE = 1000.0, 10000.0


@keras.saving.register_keras_serializable(package="zoo")
class TimeEmbedding(layers.Layer):
    """Sines and cosines of a time, whose frequencies form a geometric series (Vaswani et al. 2017, section 3.5).

    Args:
        features: even int, at least 2. Half of them are cosines.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        times: float tensor of shape `(n,)` with values from 0 to 1.

    Returns:
        A float tensor of shape `(n, features)`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.flow import TimeEmbedding

    features = TimeEmbedding(8)(ops.array([0.0, 0.5]))  # (2, 8)
    ```
    """

    def __init__(self, features, **kwargs):
        super().__init__(**kwargs)
        self.features = check_count(features, "features", least=2)
        self._frequencies = _HIGHEST * np.geomspace(1.0, 1.0 / _RANGE, self.features // 2, dtype="float32")

    def call(self, times):
        # Half precision is too coarse for angles of up to 1000.
        angles = ops.expand_dims(ops.cast(times, "float32"), 1) * self._frequencies
        return ops.cast(ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=-1), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.features // 2 * 2)

    def get_config(self):
        return {**super().get_config(), "features": self.features}


@keras.saving.register_keras_serializable(package="zoo")
class AdaptiveGroupNormalization(layers.Layer):
    """Group normalization whose scale and shift depend on a condition (Dhariwal & Nichol 2021, section 3).

    The layer returns `(1 + y_s) GroupNorm(x) + y_b`, where a dense layer maps the condition to `y_s` and `y_b`.

    Args:
        groups: int, at least 1. Number of groups of channels, a divisor of the number of channels.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        features: float tensor of shape `(n, h, w, c)`.
        condition: float tensor of shape `(n, d)`.

    Returns:
        A float tensor of the same shape as `features`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.flow import AdaptiveGroupNormalization

    outputs = AdaptiveGroupNormalization(groups=4)(ops.ones((2, 8, 8, 16)), ops.ones((2, 3)))  # (2, 8, 8, 16)
    ```
    """

    def __init__(self, groups, **kwargs):
        super().__init__(**kwargs)
        self.groups = check_count(groups, "groups")
        self.norm = layers.GroupNormalization(
            groups, epsilon=1e-5, center=False, scale=False, dtype=self.dtype_policy, name="norm"
        )

    def build(self, features_shape, condition_shape):
        self.norm.build(features_shape)
        self.scale_and_shift = layers.Dense(2 * features_shape[-1], dtype=self.dtype_policy, name="scale_and_shift")
        self.scale_and_shift.build(condition_shape)

    def call(self, features, condition):
        scale, shift = ops.split(ops.expand_dims(self.scale_and_shift(condition), (1, 2)), 2, axis=-1)
        return self.norm(features) * (1.0 + scale) + shift

    def compute_output_shape(self, features_shape, condition_shape):
        return features_shape

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}
