"""The peak signal-to-noise ratio of a batch."""

from keras import ops

# Images in [-1, 1] that differ less are equal after rounding to 8 bits.
_ERROR_OF_ROUNDING = (2.0 / 255.0) ** 2 / 12.0


def psnr(squared_error):
    """Returns the peak signal-to-noise ratio 10 log10(2^2 / error) in dB, at most 59.

    Args:
        squared_error: scalar tensor, at least 0. Mean squared error of images in [-1, 1], whose peak value is 2, the
            width of that range.

    Returns:
        Scalar tensor.

    Example:

    ```python
    from zoo.objectives.pixels import psnr

    decibels = psnr(0.04)  # 20
    ```
    """
    return 10.0 * ops.log10(4.0 / ops.maximum(squared_error, _ERROR_OF_ROUNDING))
