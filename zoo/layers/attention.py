"""Self-attention over the pixels of a feature map."""

import keras
from keras import layers, ops

from zoo.layers.spectral_normalization import SpectralNormalization


@keras.saving.register_keras_serializable(package="zoo")
class SelfAttention(keras.layers.Layer):
    """Every pixel looks at all others (Zhang et al. 2019, eq. 1 to 3): x + gamma * o, where gamma starts at 0.

    Called on features `(n, h, w, c)` of even height and width. Queries and keys have c / 8 features and values c / 2
    (as in the paper's code; the text has c / 8), by 1x1 convolutions under spectral normalization. Keys and values are
    averaged over 2x2 pixels, which makes attention four times cheaper; the paper's code takes maxima, which have no
    second derivative for gradient penalties.
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
        """How much each pixel looks at each 2x2 block, `(n, h * w, h * w / 4)`, rows that add up to 1."""
        queries = _pixels(self.query(features, training=training))
        keys = _pixels(_halved(self.key(features, training=training)))
        scores = ops.matmul(queries, ops.transpose(keys, (0, 2, 1)))
        # float32, since scores of half precision are too coarse for the exponential.
        return ops.cast(ops.softmax(ops.cast(scores, "float32"), axis=-1), scores.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


def _halved(features):
    # Strides too, without which Keras 3.15 fails under JAX.
    return ops.average_pool(features, 2, strides=2)


def _pixels(features):
    """`(n, h, w, c)` as `(n, h * w, c)`."""
    return ops.reshape(features, (-1, features.shape[1] * features.shape[2], features.shape[3]))
