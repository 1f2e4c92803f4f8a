"""What the zoo raises on bad input: one sentence a person can act on, before any work is done.

Each also is the built-in exception a caller would expect, so `except ValueError` keeps working; the
command line prints the sentence of any `ZooError` and exits 1.
"""

import math
import numbers
import unicodedata

_LONGEST_MESSAGE, _LONGEST_VALUE = 2_000, 200
# What shapes of tensors hold, and the longest side of a picture that Pillow writes.
_LARGEST_COUNT, _LONGEST_SIDE = 2**31 - 1, 2**16
# Control characters move a terminal's cursor or set its title; these others reorder or split what is shown.
_UNPRINTABLE = ("Cc", "Zl", "Zp", "Cs")
_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text, longest=_LONGEST_MESSAGE):
    """Returns a text that is safe to print on one line of a terminal.

    Args:
        text: str, perhaps from a preset of a stranger.
        longest: int, the number of characters after which the text is cut off.

    Returns:
        The text with control characters escaped, and a mark where its end is missing.
    """
    shown = "".join(_escaped(character) for character in text[: longest + 1])
    return shown if len(text) <= longest and len(shown) <= 4 * longest else shown[:longest] + "…"


def _escaped(character):
    if unicodedata.category(character) in _UNPRINTABLE or character in _BIDIRECTIONAL:
        return character.encode("unicode_escape").decode("ascii")
    return character


def shown(value):
    """Returns the `repr` of any object for a message, cut off where it is long; its type where it has none."""
    try:
        return printable(repr(value), _LONGEST_VALUE)
    # An object of the caller's may raise anything, and so do integers of more than 4,300 digits.
    except Exception:  # noqa: BLE001
        return f"an object of type {type(value).__name__}"


class ZooError(Exception):
    """Base of every error the zoo raises on purpose; its message is one printable line."""

    def __init__(self, message=""):
        super().__init__(printable(str(message)))


class InputError(ZooError, ValueError):
    """An argument or a batch of images is not what the call needs."""


class DataError(ZooError, ValueError):
    """A data set is missing, empty, too small, unreadable or holds unusable images."""


class PresetError(ZooError, ValueError):
    """A preset is unknown, damaged, altered, or belongs to another class."""


class HubError(ZooError, OSError):
    """The Hugging Face Hub cannot be reached or refuses: no such repository, no permission, somebody else's push."""


class StorageError(ZooError, OSError):
    """A file cannot be written: the disk is full, the folder is read-only, or the path leads nowhere."""


class NonFiniteError(ZooError, ArithmeticError):
    """Training produced NaN or infinity."""


class MissingDependencyError(ZooError, ImportError):
    """An optional package is needed; the message names the pip extra that brings it."""


def check_count(value, name, least=1, most=_LARGEST_COUNT):
    """Returns `value` as an int, or raises `InputError` where it is no integer from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise InputError(f"{name} is {shown(value)}, expected an integer of at least {least}.")
    if value > most:
        raise InputError(f"{name} is {shown(value)}, expected an integer of at most {most}.")
    return int(value)


def check_flag(value, name):
    """Returns `value` as a bool, or raises `InputError` where it is neither True nor False."""
    # NumPy's own booleans are no subclass of Python's; imported only where NumPy is, they compare equal.
    if isinstance(value, bool) or (type(value).__name__ in ("bool", "bool_") and type(value).__module__ == "numpy"):
        return bool(value)
    raise InputError(f"{name} is {shown(value)}, expected True or False.")


def check_text(value, name):
    """Returns `value`, or raises `InputError` where it is no text or an empty one."""
    if not isinstance(value, str) or not value:
        raise InputError(f"{name} is {shown(value)}, expected a text.")
    return value


def check_counts(values, name):
    """Returns integers of at least 1 as a list, or raises `InputError`."""
    if not isinstance(values, (list, tuple)):
        raise InputError(f"{name} is {shown(values)}, expected a list of integers of at least 1.")
    return [check_count(value, name) for value in values]


def check_amount(value, name, positive=False):
    """Returns `value`, or raises `InputError` where it is no finite number of at least 0 (`positive`: above 0)."""
    if not is_number(value) or not 0 <= value < math.inf or (positive and value == 0):
        raise InputError(f"{name} is {shown(value)}, expected a number {'above 0' if positive else 'of at least 0'}.")
    return value


def check_share(value, name):
    """Returns `value`, or raises `InputError` where it is no number from 0 to 1."""
    if not is_number(value) or not 0 <= value <= 1:
        raise InputError(f"{name} is {shown(value)}, expected a number from 0 to 1.")
    return value


def is_number(value):
    """Whether a value is a real number that a float can hold; True and False are flags."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def check_image_shape(image_shape, name="image_shape"):
    """`image_shape` as a tuple of three positive ints, or `InputError` that names the argument."""
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
    """The first `most` names as a list to read, with a mark where there are more."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def first_line(error):
    """What an exception of another library says, for one sentence of ours: its first line, "" where it is mute.

    A line that ends in a colon takes the next one with it, which it only announces.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
