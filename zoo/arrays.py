"""Arrays of what callers give: one conversion for all of the zoo, which raises nothing but `InputError`."""

import math

import numpy as np

from zoo.errors import InputError, check_count, shown

#: What one call may make, in bytes.
LIMIT_BYTES = 4 * 1024**3


def as_array(value, name="images"):
    """Returns an array of what may be a list of images, labels or texts, or raises `InputError` that calls it `name`.

    The array may be of any dtype: objects too, where the value is no array at all.
    """
    masked = np.ma.MaskedArray
    if isinstance(value, masked) or (isinstance(value, (list, tuple)) and any(isinstance(v, masked) for v in value)):
        raise InputError(f"{name} is a masked array, expected a plain one, as its method filled makes it.")
    try:
        array = np.asarray(value)
        # Columns of pandas are arrays of objects, which are texts or arrays.
        if array.dtype == object and array.ndim == 1 and array.size:
            texts = [isinstance(each, str) for each in array]
            if all(texts):
                return array.astype(str)
            if not any(texts):
                array = np.stack([np.asarray(each) for each in array])
    # The `__array__` of an object may raise anything.
    except Exception as error:  # noqa: BLE001
        if isinstance(value, (list, tuple, np.ndarray)) and isinstance(error, ValueError):
            raise InputError(f"{name} is a list of arrays of different shapes, expected one shape for all.") from None
        raise InputError(f"{name} is {shown(value)}, which makes no array ({type(error).__name__}).") from None
    if array.dtype.kind not in "iuf":
        return array
    # TensorFlow reads bytes in the machine's order, whatever numpy says of them, and knows no longer floats.
    known = array.dtype.newbyteorder("=") if array.dtype.itemsize <= 8 else np.float64
    with np.errstate(over="ignore"):
        return array.astype(known, copy=False)


def as_numbers(value, name, expected, dtype="float32", kinds="iuf"):
    """Returns an array of finite real numbers, or raises `InputError`.

    Args:
        value: what the caller gave.
        name, expected: how the message calls it, and what it says is expected.
        dtype: of the array, None for that of the value.
        kinds: of the dtypes that are numbers; with "b" True and False are.
    """
    array = as_array(value, name)
    if array.dtype.kind not in kinds:
        found = shown(value) if array.ndim == 0 else "no array of numbers"
        raise InputError(f"{name} is {found}, expected {expected}.")
    try:
        with np.errstate(over="ignore"):
            array = array.astype(dtype or array.dtype, copy=False)
        finite = np.isfinite(array).all()
    except MemoryError:
        raise InputError(f"{name} has shape {array.shape}, which takes more memory than there is.") from None
    if not finite:
        raise InputError(f"{name} holds NaN or infinite values, expected {expected}.")
    return array


def check_number_of_images(num_samples, image_shape):
    """Returns `num_samples` as an int, or raises `InputError` where so many images take more than `LIMIT_BYTES`."""
    num_samples, size = check_count(num_samples, "num_samples", most=2**63 - 1), math.prod(image_shape)
    if num_samples * size > LIMIT_BYTES:
        raise InputError(
            f"num_samples is {num_samples}, whose images take {num_samples * size / 1024**3:.0f} GiB; at most "
            f"{LIMIT_BYTES // size} fit the limit of 4 GiB a call."
        )
    return num_samples
