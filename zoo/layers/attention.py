"""Self-attention over the pixels of a feature map."""

import keras
from keras import layers, ops

from zoo.layers.spectral_normalization import SpectralNormalization


@keras.saving.register_keras_serializable(package="zoo")
class SelfAttention(keras.layers.Layer):
    """Self-attention over the pixels of a feature map.

    The layer returns `x + gamma * o(x)` (Zhang et al. 2019, eq. 1 to 3), where `o` is the attention of every pixel to
    all others and `gamma` is a learned scalar that starts at 0. Queries and keys have `channels / 8` features and
    values have `channels / 2`, as in the paper's code (its text says `channels / 8`). They come from 1x1 convolutions
    with spectral normalization. Keys and values are average-pooled over 2x2 pixels, which makes attention four times
    cheaper. The paper's code uses max pooling, which has no second derivative for gradient penalties.

    Call arguments:
        features: float tensor of shape `(n, height, width, channels)` with even height and width.
        training: bool. Whether to update the spectral norm estimates. Defaults to `False`.

    Returns:
        A float tensor of the same shape as `features`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.attention import SelfAttention

    outputs = SelfAttention()(ops.ones((2, 8, 8, 32)))  # (2, 8, 8, 32)
    ```
    """

    def build(self, input_shape):
        channels = input_shape[-1]

        narrow, half = max(channels // 8, 1), max(channels // 2, 1)

        def linear(inputs, outputs, name):
            layer = layers.Conv2D(
                outputs, 1, use_bias=False, kernel_initializer="orthogonal", dtype=self.dtype_policy, name=name
            )
            layer = SpectralNormalization(layer)
            layer.build((*input_shape[:-1], inputs))
            return layer

        self.query, self.key = linear(channels, narrow, "query"), linear(channels, narrow, "key")
        self.value, self.projection = linear(channels, half, "value"), linear(half, channels, "projection")
        self.gamma = self.add_weight(shape=(), initializer="zeros", name="gamma")

    def call(self, features, training=False):
        weights = self.attention(features, training)
        values = _pixels(_halved(self.value(features, training=training)))
        attended = ops.reshape(ops.matmul(weights, values), (-1, *features.shape[1:3], values.shape[-1]))
        return features + self.gamma * self.projection(attended, training=training)

    def attention(self, features, training=False):
        """Returns the attention weights, a float tensor of shape `(n, h * w, h * w / 4)`.

        Each row belongs to one pixel, holds its weight for every 2x2 block, and sums to 1.
        """
        queries = _pixels(self.query(features, training=training))
        keys = _pixels(_halved(self.key(features, training=training)))
        scores = ops.matmul(queries, ops.transpose(keys, (0, 2, 1)))
        # Half-precision scores are too coarse for the exponential, so the softmax runs in float32.
        return ops.cast(ops.softmax(ops.cast(scores, "float32"), axis=-1), scores.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


def _halved(features):
    # Keras 3.15 fails under JAX when `strides` keeps its default.
    return ops.average_pool(features, 2, strides=2)


def _pixels(features):
    """Reshapes `(n, h, w, c)` to `(n, h * w, c)`."""
    return ops.reshape(features, (-1, features.shape[1] * features.shape[2], features.shape[3]))
