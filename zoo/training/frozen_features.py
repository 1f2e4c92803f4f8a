"""Frozen features of photographs, which discriminators and perceptual losses see in training."""

import math

from keras import ops

from zoo import presets
from zoo.errors import InputError
from zoo.nets import efficientnet_lite

# Channels of its features, and how many pixels lie between two features of each scale.
_CHANNELS, _STRIDES = (24, 40, 112, 320), (4, 8, 16, 32)
# The network learned on larger images, and finds little in smaller ones.
_LEAST_SIDE = 96


class FrozenFeatures:
    """Maps images in [-1, 1] to the features of a frozen ImageNet network at four scales.

    The network is loaded when training begins; a model that only draws does without it. It belongs to no model, so that
    presets do not store it.

    Args:
        image_shape: `(height, width, channels)`, 1 or 3 channels. Images with a side below 96 pixels are enlarged.

    Raises:
        InputError: If images have another number of channels.
    """

    def __init__(self, image_shape):
        if image_shape[-1] not in (1, 3):
            raise InputError(f"image_shape is {tuple(image_shape)}, expected 1 or 3 channels.")
        factor = max(1.0, _LEAST_SIDE / min(image_shape[:2]))
        self._size = tuple(math.ceil(side * factor / _STRIDES[-1]) * _STRIDES[-1] for side in image_shape[:2])
        self._network = None

    @property
    def shapes(self):
        """Shapes of the features, the finest first."""
        height, width = self._size
        return [(height // stride, width // stride, n) for stride, n in zip(_STRIDES, _CHANNELS, strict=True)]

    @property
    def variables(self):
        """Variables of the loaded network."""
        return [] if self._network is None else self._network.variables

    def load(self):
        """Loads the network, which cannot be done while a step is traced."""
        if self._network is None:
            self._network = efficientnet_lite.scales(presets.load_as(None, efficientnet_lite.LITE0))
            self._network.trainable = False

    def __call__(self, images):
        """Returns a list of features `(n, h, w, c)`, the finest first."""
        images = ops.image.resize(ops.cast(images, "float32"), self._size, interpolation="bilinear")
        return self._network(ops.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images, training=False)
