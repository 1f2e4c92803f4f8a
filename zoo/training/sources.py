"""Sources of batches that users make: what they raise reaches the user, and every batch is like the first."""

import contextlib
import re

import keras
import numpy as np

from zoo.arrays import as_array
from zoo.errors import DataError, InputError, ZooError, is_number, shown


@contextlib.contextmanager
def own_errors():
    """Yields a list for what a source of batches raises, and raises that in place of what TensorFlow makes of it."""
    import tensorflow as tf

    raised = []
    try:
        yield raised
    except ZooError:
        raise
    except Exception as error:
        if raised:
            raise raised[0] from None
        if isinstance(error, tf.errors.OpError):
            raise DataError(f"A batch cannot be read or trained on: {_innermost(error)}.") from error
        raise


def _innermost(error):
    """What an error of TensorFlow says of where it came from, without the places in its graph."""
    lines = [re.sub(r"\{\{.*?\}\}\s*", "", line).strip() for line in error.message.splitlines()]
    lines = [line for line in lines if line and not line.startswith("[[")] or [type(error).__name__]
    of_python = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Iteration)\b", line)]
    return (of_python or lines[-1:])[0].rstrip(".")


def described_rows(rows, name):
    """How many rows an entry of a batch has, and what they are: the kind of number, and the shape."""
    rows = rows if hasattr(rows, "dtype") and hasattr(rows, "shape") else as_array(rows, name)
    number, *shape = rows.shape or (0,)
    kind = keras.backend.standardize_dtype(rows.dtype).lstrip("ub").rstrip("0123456789")
    return number, f"{kind} ({', '.join(map(str, ('n', *shape)))})"


def watched(batches, check, raised):
    """A generator of checked batches as Keras wants them, which keeps in a list what they raise."""
    try:
        for batch in batches:
            check(batch)
            yield tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
    except Exception as error:
        raised.append(error)
        raise


class WatchedDataset(keras.utils.PyDataset):
    """The checked batches of another `PyDataset`, which keeps in a list what it raises."""

    def __init__(self, source, check, raised):
        super().__init__(source.workers, source.use_multiprocessing, source.max_queue_size)
        self._source, self._check, self._raised = source, check, raised

    @property
    def num_batches(self):
        return self._source.num_batches

    def __getitem__(self, index):
        try:
            batch = self._source[index]
            self._check(batch)
            return batch
        except Exception as error:
            self._raised.append(error)
            raise

    def on_epoch_begin(self):
        self._source.on_epoch_begin()

    def on_epoch_end(self):
        self._source.on_epoch_end()


def entries_of(batch):
    """One or two entries of a batch that Keras may have padded with None for labels and sample weights."""
    entries = list(batch) if isinstance(batch, (tuple, list)) else [batch]
    if not entries:
        raise InputError("A batch is empty, expected images.")
    while len(entries) > 1 and entries[-1] is None:
        entries.pop()
    if len(entries) > 2:
        raise InputError(
            f"A batch has {len(entries)} entries, expected one or two: all images weigh the same, so that there are no "
            "sample weights."
        )
    return entries


def split(x, y, fraction, paired):
    """The last `fraction` of each array as validation data, as Keras does of `paired` ones."""
    if not hasattr(x, "__array__") or not np.ndim(x):
        raise InputError(
            f"validation_split needs x to be an array, got {type(x).__name__}; give validation_data instead."
        )
    if not is_number(fraction) or not 0 < fraction < 1:
        raise InputError(f"validation_split is {shown(fraction)}, expected a number from 0 to below 1.")
    if y is not None and not np.ndim(as_array(y, "y")):
        raise InputError(f"y is {shown(y)}, expected one label for each image.")
    if y is not None and paired and len(x) != len(y):
        raise InputError(f"y has {len(y)} rows, expected one for each of {len(x)} of x.")
    kept, left = [], []
    for rows in (x,) if y is None else (x, y):
        at = int(len(rows) * (1 - fraction))
        if at == 0:
            raise InputError(f"validation_split is {fraction}, which leaves none of {len(rows)} images to train on.")
        kept.append(rows[:at])
        left.append(rows[at:])
    return (kept[0], left[0]) if y is None else (tuple(kept), tuple(left))
