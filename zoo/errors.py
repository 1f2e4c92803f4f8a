"""What the zoo raises on bad input: one sentence a person can act on, before any work is done.

Each also is the built-in exception a caller would expect, so `except ValueError` keeps working; the
command line prints the sentence of any `ZooError` and exits 1.
"""

import math
import numbers


class ZooError(Exception):
    """Base of every error the zoo raises on purpose."""


class InputError(ZooError, ValueError):
    """An argument or a batch of images is not what the call needs."""


class DataError(ZooError, ValueError):
    """A data set is missing, empty, too small, unreadable or holds unusable images."""


class PresetError(ZooError, ValueError):
    """A preset is unknown, damaged, altered, or belongs to another class."""


class HubError(ZooError, OSError):
    """The Hugging Face Hub cannot be reached or refuses: no such repository, no permission, somebody else's push."""


class NonFiniteError(ZooError, ArithmeticError):
    """Training produced NaN or infinity."""


class MissingDependencyError(ZooError, ImportError):
    """An optional package is needed; the message names the pip extra that brings it."""


def check_count(value, name, least=1):
    """Returns `value` as an int, or raises `InputError` where it is no integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise InputError(f"{name} is {value!r}, expected an integer of at least {least}.")
    return int(value)


def check_counts(values, name):
    """Returns integers of at least 1 as a list, or raises `InputError`."""
    if not isinstance(values, (list, tuple)):
        raise InputError(f"{name} is {values!r}, expected a list of integers of at least 1.")
    return [check_count(value, name) for value in values]


def check_amount(value, name, positive=False):
    """Returns `value`, or raises `InputError` where it is no finite number of at least 0 (`positive`: above 0)."""
    if not isinstance(value, numbers.Real) or not 0 <= value < math.inf or (positive and value == 0):
        raise InputError(f"{name} is {value!r}, expected a number {'above 0' if positive else 'of at least 0'}.")
    return value


def check_share(value, name):
    """Returns `value`, or raises `InputError` where it is no number from 0 to 1."""
    if not isinstance(value, numbers.Real) or not 0 <= value <= 1:
        raise InputError(f"{name} is {value!r}, expected a number from 0 to 1.")
    return value


def check_image_shape(image_shape, name="image_shape"):
    """`image_shape` as a tuple of three positive ints, or `InputError` that names the argument."""
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else image_shape
    if (
        not isinstance(shape, tuple)
        or len(shape) != 3
        or not all(isinstance(size, numbers.Integral) and size > 0 for size in shape)
    ):
        raise InputError(f"{name} is {image_shape!r}, expected (height, width, channels), positive integers.")
    return tuple(int(size) for size in shape)


def first_of(names, most=5):
    """The first `most` names as a list to read, with a mark where there are more."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def first_line(error):
    """What an exception of another library says, for one sentence of ours: its first line, "" where it is mute.

    A line that ends in a colon takes the next one with it, which it only announces.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
