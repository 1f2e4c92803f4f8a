"""Exchanges black and white in what a model has learned, by the signs of its first and last weights."""

import keras
import numpy as np

from zoo.images import to_float

# Rounding of weights whose order of summation changes.
_TOLERANCE = 1e-3


def exchange_black_and_white(model, draw, held):
    """Turns a model of images into one of their negatives: of light digits into one of dark digits, without training.

    The last layer before the pixels changes the signs of all its weights, and the first layers after the pixels those
    of their kernels. A network in which this does not yield the negative stays as it was.

    Args:
        model: GAN, or autoencoder with an encoder and a decoder.
        draw: function of the model that returns the same uint8 images at each call, unless the model changes.
        held: `zoo.data.ImageSet` with a few images and what belongs to them.

    Returns:
        bool, whether the model now draws negatives.
    """
    drawing = [getattr(model, name) for name in ("generator", "ema_generator", "decoder") if hasattr(model, name)]
    reading = model.discriminator if hasattr(model, "discriminator") else model.encoder
    before = draw(model).astype(int)
    changed = [variable for network in drawing for variable in _last_weights(network)]
    _negate(changed)
    if np.abs(255 - draw(model) - before).max() > 1:
        _negate(changed)
        return False
    seen = _seen(model, to_float(held.images), held)
    for kernels in _first_kernels(reading, held.images.shape[-1]):
        _negate(*kernels)
        if np.abs(_seen(model, -to_float(held.images), held) - seen).max() <= _TOLERANCE * np.abs(seen).max():
            break
        _negate(*kernels)
    return True


def _last_weights(network):
    last = [layer for layer in network.layers if layer.weights][-1]
    return [variable for variable in last.weights if variable.path.endswith(("kernel", "bias"))]


def _first_kernels(network, channels):
    """Yields what may read the pixels: some kernels, and a mask of their inputs.

    These are the layers that nothing with weights comes before. A map of the label can stand before or after the
    channels of the image.
    """
    layers = [layer for layer in network.layers if any(map(_is_kernel, layer.weights))]
    first = [layer for layer in layers if not keras.Model(network.inputs, layer.input).weights]
    yield [variable for layer in first for variable in layer.weights if _is_kernel(variable)], slice(None)
    kernel = next(variable for variable in layers[0].weights if _is_kernel(variable))
    if len(kernel.shape) == 4:
        yield [kernel], slice(None, channels)
        yield [kernel], slice(-channels, None)


def _is_kernel(variable):
    return variable.path.endswith("kernel")


def _negate(variables, inputs=slice(None)):
    """Changes the signs of weights; of kernels `(h, w, inputs, outputs)`, those of some inputs."""
    for variable in variables:
        values = keras.ops.convert_to_numpy(variable).copy()
        values[(..., inputs, slice(None)) if values.ndim == 4 else ...] *= -1
        variable.assign(values)


def _seen(model, images, held):
    """Returns what the reading network makes of float images."""
    if not hasattr(model, "discriminator"):
        return keras.ops.convert_to_numpy(model.encoder(images, training=False))
    batch = {} if held.labels is None else {"labels": held.labels}
    return keras.ops.convert_to_numpy(model.judge(images, batch, training=False))
