"""Layers that enlarge images of any size."""

import keras
import numpy as np
from keras import ops

from zoo.bicubic import resize_matrix
from zoo.errors import InputError, check_count

# A kernel of bicubic upsampling grows with the square of its scale.
_LARGEST_SCALE = 64


@keras.saving.register_keras_serializable(package="zoo")
class DepthToSpace(keras.layers.Layer):
    """Sub-pixel upsampling (Shi et al. 2016, eq. 4).

    The layer rearranges groups of `scale ** 2` channels into blocks of `scale` by `scale` pixels.

    Args:
        scale: int. Factor by which height and width grow.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        x: float tensor of shape `(n, h, w, c * scale ** 2)`.

    Returns:
        A float tensor of shape `(n, h * scale, w * scale, c)`.

    Raises:
        InputError: If the number of channels is not a multiple of `scale ** 2`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.upsampling import DepthToSpace

    images = DepthToSpace(scale=2)(ops.ones((1, 8, 8, 12)))  # (1, 16, 16, 3)
    ```
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = check_count(scale, "scale", most=_LARGEST_SCALE)

    def call(self, x):
        return _depth_to_space(x, self.scale, self.compute_output_shape(x.shape)[-1])

    def compute_output_shape(self, input_shape):
        number, height, width, channels = input_shape
        if channels % self.scale**2:
            raise InputError(f"x has {channels} channels, expected a multiple of {self.scale**2}.")
        return number, *(side and side * self.scale for side in (height, width)), channels // self.scale**2

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="zoo")
class BicubicUpsampling(keras.layers.Layer):
    """Bicubic enlargement of images of any size, by the kernel of Keys 1981 with a = -1/2.

    Beyond the edges, the outermost pixels are repeated. The layer computes in float32 under every dtype policy.

    Args:
        scale: int. Factor by which height and width grow.
        **kwargs: keyword arguments of `keras.layers.Layer`. The dtype is always float32.

    Call arguments:
        x: float tensor of shape `(n, h, w, c)`.

    Returns:
        A float32 tensor of shape `(n, h * scale, w * scale, c)`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.upsampling import BicubicUpsampling

    images = BicubicUpsampling(scale=2)(ops.ones((1, 8, 8, 3)))  # (1, 16, 16, 3)
    ```
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.scale = check_count(scale, "scale", most=_LARGEST_SCALE)
        # Every output pixel is a weighted sum of the 5x5 input pixels around the one it lies in.
        phases = resize_matrix(5, 5 * scale)[2 * scale : 3 * scale]
        self._kernel = np.einsum("pi,qj->ijpq", phases, phases).reshape(5, 5, 1, scale**2).astype("float32")

    def call(self, x):
        for axis in (1, 2):
            first, last = ops.take(x, [0, 0], axis=axis), ops.take(x, [-1, -1], axis=axis)
            x = ops.concatenate([first, x, last], axis=axis)
        channels = x.shape[-1]
        x = ops.depthwise_conv(x, np.tile(self._kernel, (1, 1, channels, 1)), padding="valid")
        # The convolution groups its outputs by channel, while `_depth_to_space` expects them grouped by phase.
        number, height, width, _ = ops.shape(x)
        x = ops.reshape(x, (number, height, width, channels, self.scale**2))
        x = ops.reshape(ops.swapaxes(x, -1, -2), (number, height, width, channels * self.scale**2))
        return _depth_to_space(x, self.scale, channels)

    def compute_output_shape(self, input_shape):
        number, height, width, channels = input_shape
        return number, *(side and side * self.scale for side in (height, width)), channels

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def _depth_to_space(x, scale, channels):
    number, height, width, _ = ops.shape(x)
    x = ops.reshape(x, (number, height, width, scale, scale, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (number, height * scale, width * scale, channels))
