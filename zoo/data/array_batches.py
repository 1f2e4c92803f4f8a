"""Batches as NumPy arrays, for backends other than TensorFlow."""

import keras

from zoo.devices import number_of_devices, share_of_process
from zoo.errors import InputError, check_count


class ArrayBatches(keras.utils.PyDataset):
    """Batches of rows of arrays, in an order of their own for each epoch.

    An epoch begins with its first batch, so that passes by hand and by Keras have the same orders. Where several
    processes share the batches, each reads its own rows of every batch. Of a last, smaller batch, the rows that several
    devices cannot share equally are left out.

    Args:
        columns: dict by the name of an entry of a batch. Its values are the array of all rows, and the column of the
            order that says which rows come next.
        order: object with the `shape` of the indices of an epoch, `(rows, columns)`, and with `next_epoch()`, which
            returns them, and `set_epoch(epoch)`.
        batch_size: int. Rows of a batch.
        steps: int. Batches of an epoch, or of several passes over the data.
        steps_of_pass: int or None. Batches of one pass. Defaults to None, which is `steps`.
    """

    def __init__(self, columns, order, batch_size, steps, steps_of_pass=None):
        super().__init__()
        self.images = columns["images"][0]
        self.set_epoch = order.set_epoch
        self._columns, self._order, self._batch_size = columns, order, batch_size
        self._steps, self._steps_of_pass, self._indices = steps, steps_of_pass or steps, None

    @property
    def num_batches(self):
        return self._steps

    def __len__(self):
        return self._steps

    def __iter__(self):
        return (self[index] for index in range(self._steps))

    def __getitem__(self, index):
        index %= self._steps_of_pass
        if index == 0 or self._indices is None:
            self._indices = self._order.next_epoch()
        indices = _own_share(self._indices[index * self._batch_size : (index + 1) * self._batch_size])
        return {name: rows[indices[:, column]] for name, (rows, column) in self._columns.items()}

    def take(self, steps):
        """Returns a data set of the first batches."""
        return self._with(min(steps, self._steps))

    def repeat(self, passes):
        """Returns a data set that passes over the data several times in an epoch."""
        return self._with(passes * self._steps)

    def shortened(self, steps):
        """Returns a data set whose epochs end after so many batches."""
        check_shortened(steps, self._steps)
        return self._with(steps)

    def _with(self, steps):
        return ArrayBatches(self._columns, self._order, self._batch_size, steps, self._steps_of_pass)


def _own_share(rows):
    """Returns the rows of a batch that this process reads."""
    index, processes = share_of_process()
    size = len(rows) // number_of_devices() * number_of_devices() // processes
    return rows[index * size : (index + 1) * size]


def check_shortened(steps, most):
    """Refuses a number of steps that is none or more than a data set has."""
    if check_count(steps, "steps_per_epoch") > most:
        raise InputError(f"steps_per_epoch is {steps}, expected at most the {most} batches of the data set.")
