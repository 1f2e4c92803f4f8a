"""Tells a data set which epoch begins."""

import keras

from zoo.errors import InputError, shown


class EpochOrder(keras.callbacks.Callback):
    """Tells a `zoo.data` data set which epoch begins, because its order depends on the epoch.

    Args:
        dataset: data set of `zoo.data`.

    Raises:
        InputError: the data set has no `set_epoch`.
    """

    def __init__(self, dataset):
        super().__init__()
        if not hasattr(dataset, "set_epoch"):
            raise InputError(f"dataset is {shown(dataset)}, expected one of zoo.data.")
        self._dataset = dataset

    def on_epoch_begin(self, epoch, logs=None):
        self._dataset.set_epoch(epoch)
