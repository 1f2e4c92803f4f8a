"""A store of earlier generated images."""

import keras
from keras import ops

from zoo.layers.training_state import TrainingState


@keras.saving.register_keras_serializable(package="zoo")
class ImagePool(TrainingState):
    """Mixes earlier images into a batch (Shrivastava et al. 2017, section 2.3).

    Until it is full it keeps every image and returns the batch as it is. From then on each image is, with probability
    1/2, returned itself, and otherwise exchanged for a random one of the store. Presets leave the store out.

    Args:
        size: how many images are kept.
        image_shape: of one entry, such as `(height, width, channels)`.
    """

    def __init__(self, size, image_shape, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.size, self.image_shape = size, tuple(image_shape)
        shared = {"initializer": "zeros", "trainable": False}
        self.images = self.add_weight(shape=(size, *self.image_shape), name="images", **shared)
        self.filled = self.add_weight(shape=(), dtype="int32", name="filled", **shared)
        self.built = True

    def call(self, images, seed):
        """`(n, *image_shape)` to as many, of which those beyond `size` stay; `seed` is a seed generator."""
        images, beyond = images[: self.size], images[self.size :]
        number = ops.shape(images)[0]
        full = ops.greater_equal(self.filled.value, self.size)
        keep = ops.logical_and(full, keras.random.uniform((number,), seed=seed) < 0.5)
        # Distinct slots, so that no image of the batch overwrites another.
        drawn = ops.argsort(keras.random.uniform((self.size,), seed=seed))[:number]
        next_ones = (self.filled.value + ops.arange(number)) % self.size
        slots = ops.where(full, ops.cast(drawn, "int32"), next_ones)
        stored = ops.take(self.images.value, slots, axis=0)
        keep = ops.reshape(keep, (-1, *[1] * len(self.image_shape)))
        returned = ops.where(ops.logical_and(full, ops.logical_not(keep)), stored, images)
        self.images.assign(
            ops.scatter_update(self.images.value, slots[:, None], ops.where(keep, stored, ops.cast(images, "float32")))
        )
        self.filled.assign(ops.minimum(self.filled.value + number, self.size))
        return ops.concatenate([returned, beyond])

    def get_config(self):
        return {**super().get_config(), "size": self.size, "image_shape": list(self.image_shape)}
