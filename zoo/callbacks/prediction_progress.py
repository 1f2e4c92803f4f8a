"""The progress bar of `predict`."""

import keras

from zoo.errors import check_text
from zoo.progress import bar


class PredictionProgress(keras.callbacks.Callback):
    """Shows a progress bar on a terminal if `predict` takes longer than a second.

    Keras' own bar goes to standard output, where it mixes with the output of a program.

    Args:
        what: text in front of the bar.
    """

    def __init__(self, what):
        super().__init__()
        self._what = check_text(what, "what")

    def on_predict_begin(self, logs=None):
        steps = self.params.get("steps")
        self._bar = bar(total=steps, desc=self._what, unit="batch")

    def on_predict_batch_end(self, batch, logs=None):
        self._bar.update()

    def on_predict_end(self, logs=None):
        self._bar.close()
