"""Spectral normalization of a linear layer."""

import keras
from keras import ops

from zoo.errors import InputError


@keras.saving.register_keras_serializable(package="zoo")
class SpectralNormalization(keras.layers.Wrapper):
    """Divides the weight of a linear layer by its largest singular value (Miyato et al. 2018, eq. 8).

    The division is part of the forward pass, so that gradients flow through it and the weight itself is left to the
    optimizer; Keras' layer of this name overwrites the weight instead.

    sigma is u^T W v with one step of power iteration at each call in training (appendix A), where W has one row for
    each output; u is saved, and moves in training alone.

    Args:
        layer: a `Dense`, `Conv2D` or `Embedding` layer without activation.

    Raises:
        InputError: another layer, or one with an activation.
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
        """The weight divided by sigma, which in training takes a step of the power iteration first.

        In float32, since half precision is bad at sums such as sigma; the weight is as the policy rounds it.
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
    """A linear layer of this class, under spectral normalization if asked."""
    made = layer(outputs, kernel_initializer=kernel_initializer, **arguments)
    return SpectralNormalization(made) if spectral_norm else made
