"""A pool of earlier generated images."""

import keras
from keras import ops

from zoo.layers.training_state import TrainingState


@keras.saving.register_keras_serializable(package="zoo")
class ImagePool(TrainingState):
    """Mixes earlier generated images into a batch (Shrivastava et al. 2017, section 2.3).

    Until the pool is full, the layer stores every image and returns the batch unchanged. After that it returns each
    image unchanged with probability 1/2, and otherwise swaps it with a random image of the pool. Presets do not contain
    the pool.

    Args:
        size: int. Number of images in the pool.
        image_shape: tuple of ints. Shape of one entry, such as `(height, width, channels)`.
        **kwargs: keyword arguments of `keras.layers.Layer`. The dtype is always float32.

    Example:

    ```python
    import keras
    from keras import ops
    from zoo.layers.image_pool import ImagePool

    pool = ImagePool(size=50, image_shape=(32, 32, 3))
    images = pool(ops.ones((4, 32, 32, 3)), seed=keras.random.SeedGenerator(0))  # (4, 32, 32, 3)
    ```
    """

    def __init__(self, size, image_shape, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.size, self.image_shape = size, tuple(image_shape)
        shared = {"initializer": "zeros", "trainable": False}
        self.images = self.add_weight(shape=(size, *self.image_shape), name="images", **shared)
        self.filled = self.add_weight(shape=(), dtype="int32", name="filled", **shared)
        self.built = True

    def call(self, images, seed):
        """Returns a batch in which some images are replaced by earlier ones.

        Args:
            images: float tensor of shape `(n, *image_shape)`. Images beyond the first `size` are returned unchanged.
            seed: `keras.random.SeedGenerator`.

        Returns:
            A float tensor of the same shape as `images`.
        """
        images, beyond = images[: self.size], images[self.size :]
        number = ops.shape(images)[0]
        full = ops.greater_equal(self.filled.value, self.size)
        keep = ops.logical_and(full, keras.random.uniform((number,), seed=seed) < 0.5)
        # The slots are distinct, so that no image of the batch overwrites another.
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
