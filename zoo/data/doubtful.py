"""Warnings about images that a model can hardly learn from: few, near copies of one another, partly grey."""

import warnings

import numpy as np

_FEW = 10
# Images that are compared, and samples along each side of them: enough to see what is wrong, in milliseconds.
_COMPARED, _SIDE = 300, 10
# Largest root of the mean squared difference of near copies, in grey values of 0..255 and as a share of the contrast.
_SAME, _SAME_SHARE = 6.0, 0.1
# Difference between the colours of a pixel, in values of 0..255, up to which it is grey.
_GREY = 8
# Shares of images below which copies, or grey images among coloured ones, are not worth a warning.
_MANY_COPIES, _SOME_GREY = 0.3, 0.05


def warn_of_doubtful(images, name="x"):
    """Warns of images that a model can hardly learn from; each warning says what will suffer.

    Args:
        images: uint8 array, or float array in [-1, 1], of shape `(n, h, w, c)`.
        name: str. Name of the images in the warning. Defaults to `"x"`.

    Example:

    ```python
    import numpy as np
    from zoo import data

    data.warn_of_doubtful(np.zeros((2, 32, 32, 3), "uint8"))  # x has 2 images ...
    ```
    """
    if len(images) < _FEW:
        count = f"{len(images)} images" if len(images) > 1 else "a single image"
        _warn(f"{name} has {count}: a model learns so few by heart and draws nothing else.")
        return
    samples = _samples(images)
    copies = _near_copies(samples.reshape(len(samples), -1))
    if copies > _MANY_COPIES * len(samples):
        _warn(
            f"{copies} of {len(samples)} images of {name} are near copies of another one: a model repeats them instead "
            "of drawing new ones, and images that are held back for validation tell little."
        )
    if samples.shape[-1] == 3:
        grey = int((np.ptp(samples, axis=-1).max((1, 2)) <= _GREY).sum())
        if min(grey, len(samples) - grey) > _SOME_GREY * len(samples):
            _warn(
                f"{grey} of {len(samples)} images of {name} are grey, the others in colour: a model then draws both "
                "kinds and mixtures of them; choose one kind, or channels=1, which makes all of them grey."
            )


def _warn(message):
    warnings.warn(message, stacklevel=4)


def _samples(images):
    """Returns some pixels of some images, evenly spread, as floats in 0..255."""
    _, height, width, _ = images.shape
    pixels = images[:, :: max(1, height // _SIDE), :: max(1, width // _SIDE)]
    number = min(len(images), _COMPARED)
    samples = pixels[np.linspace(0, len(images) - 1, number).astype(int)].astype("float32")
    return samples if images.dtype == np.uint8 else (samples + 1) * 127.5


def _near_copies(rows):
    """Returns how many rows have a near copy among the others."""
    limit = min(_SAME, _SAME_SHARE * rows.std()) ** 2
    rows = rows - rows.mean(0)
    squares = np.einsum("nd,nd->n", rows, rows)
    distances = (squares[:, None] + squares - 2 * rows @ rows.T) / rows.shape[1]
    np.fill_diagonal(distances, np.inf)
    # Rounding makes the distance of equal rows a little more than 0.
    return int((distances.min(1) <= limit + 1e-2).sum())
