"""The normalization of features in progressive GANs (Karras et al. 2018, section 4.2)."""

import keras
from keras import ops

register = keras.saving.register_keras_serializable(package="zoo")


@register
class PixelNorm(keras.layers.Layer):
    """Divides the features of every pixel by their root mean square (Karras et al. 2018, section 4.2).

    The layer works on inputs of shape `(..., features)` and computes in float32 under every dtype policy.

    Example:

    ```python
    from keras import ops
    from zoo.layers.pixel_norm import PixelNorm

    outputs = PixelNorm()(ops.array([[3.0, 4.0]]))  # [[0.85, 1.13]]
    ```
    """

    def call(self, x):
        squares = ops.mean(ops.square(ops.cast(x, "float32")), axis=-1, keepdims=True)
        return x * ops.cast(ops.rsqrt(squares + 1e-8), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
