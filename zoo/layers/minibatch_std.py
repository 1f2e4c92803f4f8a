"""The variation within a batch as a feature of discriminators (Karras et al. 2018, section 3)."""

import keras
from keras import ops

register = keras.saving.register_keras_serializable(package="zoo")


@register
class MinibatchStd(keras.layers.Layer):
    """Adds a feature that measures how much the images of a batch differ (Karras et al. 2018, section 3).

    The feature is the standard deviation over the batch, averaged over features and pixels: one number for all images.
    With it, a discriminator can penalize generators that always make the same image. The layer computes in float32
    under every dtype policy.

    Call arguments:
        x: float tensor of shape `(n, h, w, c)`.

    Returns:
        A float tensor of shape `(n, h, w, c + 1)`.

    Example:

    ```python
    from keras import ops
    from zoo.layers.minibatch_std import MinibatchStd

    outputs = MinibatchStd()(ops.ones((4, 8, 8, 16)))  # (4, 8, 8, 17)
    ```
    """

    def call(self, x):
        deviations = ops.sqrt(ops.var(ops.cast(x, "float32"), axis=0) + 1e-8)
        feature = ops.broadcast_to(ops.cast(ops.mean(deviations), self.compute_dtype), (*ops.shape(x)[:-1], 1))
        return ops.concatenate([x, feature], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + 1)
