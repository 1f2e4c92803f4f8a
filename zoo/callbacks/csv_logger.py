"""A log of the epochs as a CSV file."""

import contextlib
import os

import keras

from zoo.errors import StorageError
from zoo.files import expanded, storing


class CSVLogger(keras.callbacks.CSVLogger):
    """Keras' `CSVLogger` with protection against a full disk: raises `StorageError` and keeps earlier rows whole.

    Args:
        filename: path of the CSV file.
        separator: text between two cells; default `","`.
        append: bool, whether to keep the rows of an existing file; default False.

    Raises:
        StorageError: during training, if the file cannot be written.
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__(expanded(filename), separator, append)

    def on_train_begin(self, logs=None):
        with storing(self.filename):
            super().on_train_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        size = os.path.getsize(self.filename)
        try:
            with storing(self.filename):
                super().on_epoch_end(epoch, logs)
        except StorageError:
            # An open file would write the rest of the row later, even from its destructor.
            with contextlib.suppress(OSError):
                self.csv_file.close()
            os.truncate(self.filename, size)
            raise
