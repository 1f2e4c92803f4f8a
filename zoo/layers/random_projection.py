"""Random projections: convolutions that are never trained."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="zoo")
class RandomProjection(layers.Layer):
    """Convolution whose random weights are saved but never trained (Sauer et al. 2021, section 3.2).

    Args:
        filters: int, at least 1. Number of output channels.
        kernel_size: int, at least 1. Height and width of the kernel. Defaults to 1.
        **kwargs: keyword arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: float tensor of shape `(n, h, w, c)`.

    Returns:
        A float tensor of shape `(n, h, w, filters)`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.random_projection import RandomProjection

    outputs = RandomProjection(16)(ops.ones((2, 8, 8, 40)))  # (2, 8, 8, 16)
    ```
    """

    def __init__(self, filters, kernel_size=1, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size = filters, kernel_size

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(self.kernel_size, self.kernel_size, input_shape[-1], self.filters),
            initializer="he_normal",
            trainable=False,
            name="kernel",
        )

    def call(self, inputs):
        return ops.conv(inputs, self.kernel, padding="same")

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "kernel_size": self.kernel_size}
