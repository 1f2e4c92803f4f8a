"""Batches from user code: their errors reach the user unchanged, and every batch must look like the first."""

import contextlib
import re
import sys

import keras
import numpy as np

from zoo.arrays import as_array
from zoo.errors import DataError, InputError, ZooError, shown


@contextlib.contextmanager
def own_errors():
    """Yields a list for errors of a source of batches, and raises the first of them instead of TensorFlow's error."""
    raised = []
    try:
        yield raised
    except ZooError:
        raise
    except Exception as error:
        if raised:
            raise raised[0] from None
        # Only TensorFlow, if it was imported, raises errors of its own.
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow is not None and isinstance(error, tensorflow.errors.OpError):
            raise DataError(f"A batch cannot be read or trained on: {_innermost(error)}.") from error
        raise


def _innermost(error):
    """Returns the original message inside a TensorFlow error, without the positions in the graph."""
    lines = [re.sub(r"\{\{.*?\}\}\s*", "", line).strip() for line in error.message.splitlines()]
    lines = [line for line in lines if line and not line.startswith("[[")] or [type(error).__name__]
    of_python = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Iteration)\b", line)]
    return (of_python or lines[-1:])[0].rstrip(".")


def described_rows(rows, name):
    """Returns the number of rows of an entry of a batch, and its kind of number and shape as text."""
    rows = rows if hasattr(rows, "dtype") and hasattr(rows, "shape") else as_array(rows, name)
    number, *shape = rows.shape or (0,)
    kind = keras.backend.standardize_dtype(rows.dtype).lstrip("ub").rstrip("0123456789")
    return number, f"{kind} ({', '.join(map(str, ('n', *shape)))})"


def watched(batches, check, raised):
    """Yields checked batches as tuples, as Keras expects them, and records any error in `raised`."""
    try:
        for batch in batches:
            check(batch)
            yield tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
    except Exception as error:
        raised.append(error)
        raise


class WatchedDataset(keras.utils.PyDataset):
    """Wraps a `PyDataset`: checks every batch and records any error in `raised`."""

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
    """Returns the one or two entries of a batch, without the None that Keras adds for labels and sample weights."""
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


def unpacked(batch):
    """Returns a batch as Keras passes it, a dict, `(images, labels)` or an array, as a dict."""
    images, *labels = entries_of(batch)
    if isinstance(images, dict):
        if labels:
            raise InputError("A batch has labels beside a dict, expected them in it.")
        batch = images
    else:
        batch = {"images": images, "labels": labels[0]} if labels else {"images": images}
    # Some of `keras.datasets` have labels of shape `(n, 1)`.
    if getattr(batch.get("labels"), "shape", ())[1:] == (1,):
        batch = {**batch, "labels": batch["labels"][:, 0]}
    return batch


def split_arrays(x, y, fraction, paired):
    """Splits off the last `fraction` of each array as validation data; `paired` arrays must have the same length."""
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
