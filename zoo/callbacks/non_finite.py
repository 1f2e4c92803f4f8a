"""Stops training at the first update that is not finite."""

import math

import keras
import numpy as np

from zoo.errors import NonFiniteError


class StopOnNonFinite(keras.callbacks.Callback):
    """Raises `NonFiniteError` at the first update whose loss or gradient is NaN or infinite.

    The error names the network and the step. It is raised before the epoch ends, so a backup keeps the last good state.
    Labels of a ready-made batch that name no class raise `InputError` in the same way.
    """

    _ADVICE = "a smaller learning rate or clipping (global_clipnorm of the optimizer) usually helps."

    def on_train_batch_end(self, batch, logs=None):
        # A gradient norm in the logs shows every failure. Reading the variable that locates the failure takes as long
        # as the rest of Keras' work between two steps.
        if logs and all(isinstance(value, float) and math.isfinite(value) for value in logs.values()):
            return
        failure = self.model.first_failure()
        if failure is not None:
            self.model.refuse_unknown_numbers()
            part, step = failure
            raise NonFiniteError(f"The {part}'s loss or gradient became NaN or infinite at step {step}; {self._ADVICE}")

    def on_epoch_end(self, epoch, logs=None):
        # No loss shows yet what the epoch's last update broke, and the backup is written next.
        for variable in self.model.weights:
            if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
                raise NonFiniteError(
                    f"The weight {variable.path} became NaN or infinite at the end of epoch {epoch + 1}; {self._ADVICE}"
                )
