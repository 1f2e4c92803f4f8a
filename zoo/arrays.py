"""Conversion of arguments to arrays for the whole zoo, which raises only `InputError`."""

import math

import numpy as np

from zoo.errors import InputError, check_count, shown

#: Maximum size in bytes of what one call may create.
LIMIT_BYTES = 4 * 1024**3


def as_array(value, name="images"):
    """Converts a list of images, labels or texts to an array.

    Args:
        value: array, list or anything else that NumPy converts.
        name: name of the argument in the error message; default `"images"`.

    Returns:
        Array of any dtype; it may hold objects if `value` is not an array. Numbers are in native byte order and at most
        64 bits wide.

    Raises:
        InputError: `value` cannot be converted.
    """
    masked = np.ma.MaskedArray
    if isinstance(value, masked) or (isinstance(value, (list, tuple)) and any(isinstance(v, masked) for v in value)):
        raise InputError(f"{name} is a masked array, expected a plain one, as its method filled makes it.")
    try:
        array = np.asarray(value)
        # A pandas column is an array of objects that are texts or arrays.
        if array.dtype == object and array.ndim == 1 and array.size:
            texts = [isinstance(each, str) for each in array]
            if all(texts):
                return array.astype(str)
            if not any(texts):
                array = np.stack([np.asarray(each) for each in array])
    # The `__array__` of a foreign object may raise any error.
    except Exception as error:  # noqa: BLE001
        if isinstance(value, (list, tuple, np.ndarray)) and isinstance(error, ValueError):
            raise InputError(f"{name} is a list of arrays of different shapes, expected one shape for all.") from None
        raise InputError(f"{name} is {shown(value)}, which makes no array ({type(error).__name__}).") from None
    if array.dtype.kind not in "iuf":
        return array
    # TensorFlow ignores the byte order that NumPy states and supports no floats of more than 64 bits.
    known = array.dtype.newbyteorder("=") if array.dtype.itemsize <= 8 else np.float64
    with np.errstate(over="ignore"):
        return array.astype(known, copy=False)


def class_numbers(labels, name="labels"):
    """Converts the labels of a data set to one number for each image.

    Besides integers, these are the labels of `keras.utils.image_dataset_from_directory`: a column of the floats 0 and 1
    with `label_mode="binary"`, and rows of a single 1 among 0 with `label_mode="categorical"`.

    Args:
        labels: array or list.
        name: name of the argument in the error message; default `"labels"`.

    Returns:
        Array `(n,)` of integers; labels of any other kind are returned as an array for the caller to check.

    Raises:
        InputError: `labels` is no array, or holds floats or rows that are no such labels.
    """
    array = as_array(labels, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 1 and array.dtype.kind == "f":
        others = array[(array != 0) & (array != 1)]
        if others.size:
            raise InputError(
                f"{name} holds floats such as {others[0]:g}, expected one integer for each image, or only 0 and 1, as "
                "label_mode='binary' makes them."
            )
        return array.astype("int32")
    if array.ndim == 2 and array.size and array.dtype.kind in "iufb":
        is_one_hot = ((array == 0) | (array == 1)).all(1) & (array.sum(1) == 1)
        if not is_one_hot.all():
            row = ", ".join(f"{value:g}" for value in array[is_one_hot.argmin()][:8])
            raise InputError(
                f"{name} holds rows such as ({row}), expected one integer for each image, or rows of a single 1 among "
                "0, as label_mode='categorical' makes them."
            )
        return array.argmax(1).astype("int32")
    return array


def as_numbers(value, name, expected, dtype="float32", kinds="iuf"):
    """Converts an argument to an array of finite real numbers.

    Args:
        value: array, list or anything else that NumPy converts.
        name: name of the argument in the error message.
        expected: what the error message says is expected.
        dtype: dtype of the result; default `"float32"`, None keeps that of `value`.
        kinds: NumPy's kinds of dtypes that are accepted as numbers; default `"iuf"`. Adding "b" accepts booleans.

    Returns:
        Array of `dtype`.

    Raises:
        InputError: `value` does not hold finite numbers of these kinds.
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
    """Checks that the images of one call fit into `LIMIT_BYTES`.

    Args:
        num_samples: number of images, at least 1.
        image_shape: `(height, width, channels)`.

    Returns:
        `num_samples` as an int.

    Raises:
        InputError: `num_samples` is not a positive integer, or the images take more than `LIMIT_BYTES`.
    """
    num_samples, size = check_count(num_samples, "num_samples", most=2**63 - 1), math.prod(image_shape)
    if num_samples * size > LIMIT_BYTES:
        raise InputError(
            f"num_samples is {num_samples}, whose images take {num_samples * size / 1024**3:.0f} GiB; at most "
            f"{LIMIT_BYTES // size} fit the limit of 4 GiB a call."
        )
    return num_samples
