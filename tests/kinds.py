"""Images of the kinds that users train on, drawn by numpy."""

import numpy as np


def strokes(number, shape):
    """Light digit-like strokes on black: a random walk of the pen, with soft edges."""
    rng = np.random.default_rng(0)
    height, width, channels = shape
    rows, columns = np.mgrid[:height, :width]
    drawn = np.zeros((number, height, width))
    for image in drawn:
        angles = np.cumsum(rng.normal(0, 0.5, 12)) + rng.uniform(0, 2 * np.pi)
        path = np.cumsum(0.07 * np.stack([np.sin(angles), np.cos(angles)], axis=1), axis=0)
        path += 0.5 - path.mean(axis=0)
        for row, column in path:
            distance = np.hypot((rows + 0.5) / height - row, (columns + 0.5) / width - column)
            np.maximum(image, np.clip(1.5 - 15 * distance, 0, 1), out=image)
    return np.repeat((255 * drawn[..., None]).astype("uint8"), channels, axis=-1)


def dark_on_light(number, shape):
    return 255 - strokes(number, shape)


def grey(number, shape):
    """Each image is of one grey."""
    levels = np.linspace(0, 255, number).astype("uint8")
    return np.broadcast_to(levels[:, None, None, None], (number, *shape)).copy()


def constant(number, shape):
    """One white image many times."""
    return np.full((number, *shape), 255, "uint8")


def noisy(number, shape):
    return np.random.default_rng(1).integers(0, 256, (number, *shape), "uint8")


def icons(number, shape):
    """A rectangle and a disc of flat colours on white."""
    rng = np.random.default_rng(2)
    height, width, channels = shape
    rows, columns = np.mgrid[:height, :width]
    drawn = np.full((number, *shape), 255, "uint8")
    for image in drawn:
        row, column = rng.uniform(0.2, 0.5, 2) * (height, width)
        inside = (rows >= row // 2) & (rows < row + height / 3) & (columns >= column // 2) & (columns < column + 2)
        image[inside] = rng.integers(0, 256, channels)
        image[np.hypot((rows - 1.3 * row) / height, (columns - 1.2 * column) / width) < 0.2] = rng.integers(
            0, 256, channels
        )
    return drawn


def photographs(number, shape):
    """Soft waves of many lengths, longer ones stronger, with correlated colours and a little noise."""
    rng = np.random.default_rng(3)
    height, width, channels = shape
    rows, columns = np.mgrid[:height, :width]
    drawn = np.zeros((number, *shape))
    for image in drawn:
        for frequency in (0.5, 1, 2, 4):
            angle, phase = rng.uniform(0, 2 * np.pi, 2)
            along = np.sin(angle) * rows / height + np.cos(angle) * columns / width
            wave = np.sin(2 * np.pi * frequency * along + phase)
            image += wave[..., None] * (rng.normal(0.5, 0.2, channels)) / frequency
    drawn += rng.normal(0, 0.02, drawn.shape)
    return np.clip(127.5 + 60 * drawn, 0, 255).astype("uint8")


KINDS = {function.__name__: function for function in (dark_on_light, grey, constant, noisy, icons, photographs)}
