"""Backups during training, from which `fit` resumes exactly."""

import contextlib

import h5py
import keras

from zoo.errors import DataError, check_flag, first_line
from zoo.files import MemoryFile, expanded, make_folder, remove_leftovers
from zoo.keras_private import other_optimizers_refused, start_at_epoch
from zoo.random_state import random_states

#: Name of the file that `BackupAndRestore` writes.
BACKUP = "state.weights.h5"


class BackupAndRestore(keras.callbacks.Callback):
    """An exact version of Keras' `BackupAndRestore`: a run killed at any moment ends bit-equal to an uninterrupted one.

    Weights, optimizers, random states and the epoch are one file that is replaced by one rename, so no kill can
    separate them. After a kill in the middle of an epoch, that epoch starts again with the same order of images if
    `fit` got arrays, a folder, a TFDS name or a `zoo.data` data set. A `tf.data` pipeline that shuffles itself cannot
    be replayed.

    Args:
        backup_dir: folder for the backup. It is removed with the backup if it holds nothing else.
        delete_checkpoint: bool, whether to remove the backup when `fit` ends; default True.

    Raises:
        DataError: at the start of training, if `backup_dir` cannot be made or holds the backup of another model.
        InputError: an argument is not of this form.
    """

    def __init__(self, backup_dir, delete_checkpoint=True):
        super().__init__()
        self._path = expanded(backup_dir) / BACKUP
        self._delete_checkpoint = check_flag(delete_checkpoint, "delete_checkpoint")

    def on_train_begin(self, logs=None):
        remove_leftovers(self._path)
        if not self._path.exists():
            # A folder that cannot be made fails here rather than after the first epoch, which may take hours. An empty
            # folder would look like a backup, so it does not stay.
            folder = self._path.parent
            was_there = folder.exists()
            make_folder(folder, "backup_dir")
            if not was_there:
                folder.rmdir()
            return
        optimizer = self.model.optimizer
        if optimizer is not None and not optimizer.built:
            # A plain Keras model builds its optimizer in the first step, and Keras skips the state of an unbuilt one.
            optimizer.build(self.model.trainable_variables)
        try:
            with other_optimizers_refused():
                self.model.load_weights(self._path)
            with h5py.File(self._path, "r") as file:
                start_at_epoch(self.model, int(file.attrs["epoch"]))
                for index, state in enumerate(random_states(self.model)):
                    state.assign(file["random_states"][str(index)][()])
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                f"backup_dir is {str(self._path.parent)!r}, which holds no backup of such a model; remove it or choose "
                f"another ({first_line(error)})."
            ) from error

    def on_epoch_begin(self, epoch, logs=None):
        # Keras keeps the epoch, and the model's next `fit` would skip as many epochs.
        start_at_epoch(self.model, None)

    def on_epoch_end(self, epoch, logs=None):
        backup = MemoryFile(self._path)
        keras.saving.save_weights(self.model, backup)
        with h5py.File(backup, "a") as file:
            file.attrs["epoch"] = epoch + 1
            for index, state in enumerate(random_states(self.model)):
                file[f"random_states/{index}"] = keras.ops.convert_to_numpy(state)
        backup.store()

    def on_train_end(self, logs=None):
        if self._delete_checkpoint:
            self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._path.parent.rmdir()
        # A `fit` that resumes after the last epoch begins no epoch.
        start_at_epoch(self.model, None)
