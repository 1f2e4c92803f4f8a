"""The errors of the zoo: one actionable sentence about bad input, raised before any work.

Each error is also the built-in exception that a caller would expect, so `except ValueError` works. The command line
prints the message of any `ZooError` and exits with status 1.
"""

import math
import numbers
import unicodedata

_LONGEST_MESSAGE, _LONGEST_VALUE = 2_000, 200
# The largest dimension of a tensor, and the longest side of a picture that Pillow writes.
_LARGEST_COUNT, _LONGEST_SIDE = 2**31 - 1, 2**16
# Control characters move a terminal's cursor or set its title; line separators split a message.
_UNPRINTABLE = ("Cc", "Zl", "Zp", "Cs")
_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text, longest=_LONGEST_MESSAGE):
    """Returns a text that is safe to print on one line of a terminal.

    Args:
        text: str, possibly from an untrusted preset.
        longest: int, number of characters after which the text is cut off; default 2000.

    Returns:
        The text with control and bidirectional characters escaped, and "…" where its end is cut off.
    """
    escaped = "".join(_escaped(character) for character in text[: longest + 1])
    return escaped if len(text) <= longest and len(escaped) <= 4 * longest else escaped[:longest] + "…"


def _escaped(character):
    if unicodedata.category(character) in _UNPRINTABLE or character in _BIDIRECTIONAL:
        return character.encode("unicode_escape").decode("ascii")
    return character


def shown(value):
    """Returns the `repr` of any object for a message, cut off after 200 characters; its type if `repr` fails."""
    try:
        return printable(repr(value), _LONGEST_VALUE)
    # A foreign object's `repr` may raise any error, and integers of more than 4,300 digits raise one.
    except Exception:  # noqa: BLE001
        return f"an object of type {type(value).__name__}"


class ZooError(Exception):
    """Base of every error that the zoo raises on purpose; its message is one printable line."""

    def __init__(self, message=""):
        super().__init__(printable(str(message)))


class InputError(ZooError, ValueError):
    """An argument or a batch of images is not what the call needs."""


class DataError(ZooError, ValueError):
    """A data set is missing, empty, too small, unreadable or holds unusable images."""


class PresetError(ZooError, ValueError):
    """A preset is unknown, damaged, altered, or belongs to another class."""


class HubError(ZooError, OSError):
    """The Hugging Face Hub is unreachable or refuses: no such repository, no permission, or a concurrent push."""


class StorageError(ZooError, OSError):
    """A file cannot be written: the disk is full, the folder is read-only, or the path does not exist."""


class NonFiniteError(ZooError, ArithmeticError):
    """Training produced NaN or infinity."""


class ProcessError(ZooError, RuntimeError):
    """Another process of a training is missing or has ended."""


class MissingDependencyError(ZooError, ImportError):
    """An optional package is missing; the message names the pip extra that installs it."""


def check_count(value, name, least=1, most=_LARGEST_COUNT):
    """Returns `value` as an int, or raises `InputError` unless it is an integer from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise InputError(f"{name} is {shown(value)}, expected an integer of at least {least}.")
    if value > most:
        raise InputError(f"{name} is {shown(value)}, expected an integer of at most {most}.")
    return int(value)


def check_flag(value, name):
    """Returns `value` as a bool, or raises `InputError` unless it is True or False."""
    # NumPy's booleans are no subclass of Python's; they are recognized by name so that this module does not import
    # NumPy.
    if isinstance(value, bool) or (type(value).__name__ in ("bool", "bool_") and type(value).__module__ == "numpy"):
        return bool(value)
    raise InputError(f"{name} is {shown(value)}, expected True or False.")


def check_text(value, name):
    """Returns `value`, or raises `InputError` unless it is a non-empty string."""
    if not isinstance(value, str) or not value:
        raise InputError(f"{name} is {shown(value)}, expected a text.")
    return value


def check_counts(values, name):
    """Returns a list or tuple of integers of at least 1 as a list, or raises `InputError`."""
    if not isinstance(values, (list, tuple)):
        raise InputError(f"{name} is {shown(values)}, expected a list of integers of at least 1.")
    return [check_count(value, name) for value in values]


def check_amount(value, name, positive=False):
    """Returns `value`, or raises `InputError` unless it is a finite number of at least 0 (`positive`: above 0)."""
    if not is_number(value) or not 0 <= value < math.inf or (positive and value == 0):
        raise InputError(f"{name} is {shown(value)}, expected a number {'above 0' if positive else 'of at least 0'}.")
    return value


def check_share(value, name):
    """Returns `value`, or raises `InputError` unless it is a number from 0 to 1."""
    if not is_number(value) or not 0 <= value <= 1:
        raise InputError(f"{name} is {shown(value)}, expected a number from 0 to 1.")
    return value


def is_number(value):
    """Whether a value is a real number that a float can hold; booleans are not numbers."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def check_image_shape(image_shape, name="image_shape"):
    """Returns `image_shape` as a tuple of three positive ints, or raises `InputError`.

    Args:
        image_shape: `(height, width, channels)`, each from 1 to 65,536, with less than 2**31 values in all.
        name: name of the argument in the error message; default `"image_shape"`.
    """
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else image_shape
    if (
        not isinstance(shape, tuple)
        or len(shape) != 3
        or not all(isinstance(size, numbers.Integral) and not isinstance(size, bool) for size in shape)
        or not all(0 < size <= _LONGEST_SIDE for size in shape)
    ):
        expected = f"(height, width, channels), positive integers up to {_LONGEST_SIDE}"
        raise InputError(f"{name} is {shown(image_shape)}, expected {expected}.")
    if math.prod(shape) > _LARGEST_COUNT:
        raise InputError(f"{name} is {shown(image_shape)}, expected an image of less than 2**31 values.")
    return tuple(int(size) for size in shape)


def first_of(names, most=5):
    """Returns the first `most` names as a comma-separated text, with "…" if there are more."""
    return printable(", ".join(names[:most])) + (", …" if len(names) > most else "")


def first_line(error):
    """Returns the first line of another library's exception for use in a message, "" if it has no text.

    If the first line ends in a colon, the second one is included, because the first only announces it.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
