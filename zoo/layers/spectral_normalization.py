"""Spectral normalization of linear layers."""

import keras
from keras import ops

from zoo.errors import InputError


@keras.saving.register_keras_serializable(package="zoo")
class SpectralNormalization(keras.layers.Wrapper):
    """Divides the weight of a linear layer by its largest singular value (Miyato et al. 2018, eq. 8).

    The division is part of the forward pass: gradients flow through it, and the optimizer updates the weight before
    normalization. `keras.layers.SpectralNormalization` overwrites the weight instead.

    The singular value is estimated as `u^T W v`, where `W` has one row for each output, by one step of power iteration
    at each training call (appendix A). The vector `u` is saved and changes only in training.

    Args:
        layer: a `Dense`, `Conv2D` or `Embedding` layer without activation.
        **kwargs: keyword arguments of `keras.layers.Wrapper`. The name and dtype policy default to those of `layer`.

    Raises:
        InputError: If `layer` is of another class or has an activation.

    Example:

    ```python
    import keras
    from keras import ops
    from zoo.layers.spectral_normalization import SpectralNormalization

    layer = SpectralNormalization(keras.layers.Conv2D(16, 3, padding="same"))
    outputs = layer(ops.ones((2, 8, 8, 3)), training=True)  # (2, 8, 8, 16)
    ```
    """

    def __init__(self, layer, **kwargs):
        super().__init__(layer, **{"name": layer.name, "dtype": layer.dtype_policy, **kwargs})
        if not isinstance(layer, (keras.layers.Dense, keras.layers.Conv2D, keras.layers.Embedding)):
            raise InputError(f"layer is a {type(layer).__name__}, expected a Dense, Conv2D or Embedding layer.")
        if getattr(layer, "activation", keras.activations.linear) is not keras.activations.linear:
            raise InputError(f"The layer {layer.name} has an activation, expected it in a layer of its own.")

    def build(self, input_shape=None):
        super().build(input_shape)
        self.vector = self.add_weight(
            shape=(1, self._weight.shape[-1]),
            initializer=keras.initializers.RandomNormal(),
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
            name="vector",
        )

    @property
    def _weight(self):
        return self.layer.embeddings if isinstance(self.layer, keras.layers.Embedding) else self.layer.kernel

    def normalized_weight(self, training=False):
        """Returns the weight divided by its largest singular value, in float32.

        In training, a step of power iteration comes first. The computation is float32 because half precision is too
        coarse for long sums; the weight itself has the precision of the dtype policy.
        """
        return ops.cast(self._weight, "float32") / self._largest_singular_value(training)

    def call(self, inputs, training=False):
        weight = ops.cast(self.normalized_weight(training), self.compute_dtype)
        if isinstance(self.layer, keras.layers.Embedding):
            return ops.take(weight, inputs, axis=0)
        if isinstance(self.layer, keras.layers.Dense):
            outputs = ops.matmul(inputs, weight)
        else:
            outputs = self.layer.convolution_op(inputs, weight)
        return outputs + ops.cast(self.layer.bias, outputs.dtype) if self.layer.use_bias else outputs

    def _largest_singular_value(self, training):
        weight = ops.cast(self._weight, "float32")
        weight = ops.reshape(weight, (-1, weight.shape[-1]))
        u, fixed = self.vector.value, ops.stop_gradient(weight)
        v = _unit(ops.matmul(u, ops.transpose(fixed)))
        if training:
            u = _unit(ops.matmul(v, fixed))
            self.vector.assign(u)
        else:
            u = _unit(u)
        return ops.sum(ops.matmul(v, weight) * u)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


def _unit(vector):
    return vector / ops.sqrt(ops.sum(ops.square(vector)) + 1e-12)


def linear(layer, outputs, spectral_norm, kernel_initializer="orthogonal", **arguments):
    """Returns a linear layer of the class `layer`, with spectral normalization if `spectral_norm` is true."""
    made = layer(outputs, kernel_initializer=kernel_initializer, **arguments)
    return SpectralNormalization(made) if spectral_norm else made
