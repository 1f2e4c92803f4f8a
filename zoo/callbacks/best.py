"""Keeps the best weights of a training, and ends it when nothing more is gained."""

import json

import keras
import numpy as np

from zoo.errors import check_count, check_text
from zoo.files import expanded, write_json


class KeepBest(keras.callbacks.Callback):
    """Keeps the weights of the epoch in which a figure is lowest, and stops after `patience` epochs without a gain.

    Unlike `ModelCheckpoint` with `EarlyStopping`, it keeps the figures in a file: a run that was killed and that
    `BackupAndRestore` continues keeps and stops as if it had not been killed. `begin` adds the weights from before the
    training.

    Args:
        folder: folder for `best.weights.h5` and `figures.json`.
        monitor: str. Name of the log; lower is better.
        patience: int, at least 1.

    Raises:
        InputError: an argument is not of this form.

    Example:

    ```python
    keeper = KeepBest("best/", "val_loss", patience=5)
    keeper.begin(vae, vae.evaluate(test_images, return_dict=True)["loss"])
    vae.fit(images, validation_data=test_images, epochs=keeper.last_epoch or 100, callbacks=[keeper])
    keeper.restore(vae)
    ```
    """

    def __init__(self, folder, monitor, patience):
        super().__init__()
        folder = expanded(folder)
        self._monitor, self._patience = check_text(monitor, "monitor"), check_count(patience, "patience")
        self._weights, self._file = str(folder / "best.weights.h5"), folder / "figures.json"
        #: The figures before the training and after each epoch; empty until `begin` is called.
        self.figures = json.loads(self._file.read_text()) if self._file.exists() else []

    def begin(self, model, figure):
        """Keeps the weights and the figure from before the training."""
        model.save_weights(self._weights)
        self._add(0, figure)

    def on_epoch_end(self, epoch, logs=None):
        figure = float(logs[self._monitor])
        if figure < min(self.figures[: epoch + 1]):
            self.model.save_weights(self._weights)
        self._add(epoch + 1, figure)
        if self.last_epoch is not None:
            self.model.stop_training = True

    def _add(self, epoch, figure):
        # An epoch that was killed between this file and its backup is repeated.
        self.figures = [*self.figures[:epoch], figure]
        write_json(self._file, self.figures)

    @property
    def best_epoch(self):
        """Number of epochs after which the figure was lowest."""
        return int(np.argmin(self.figures))

    @property
    def last_epoch(self):
        """Number of epochs after which nothing more was gained, or None as long as the training goes on."""
        done = len(self.figures) - 1
        return done if done - self.best_epoch >= self._patience else None

    def restore(self, model):
        """Gives a model the weights that were kept."""
        model.load_weights(self._weights)
