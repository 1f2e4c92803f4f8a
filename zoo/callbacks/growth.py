"""Grows a network stage by stage during training."""

import warnings

import keras
import numpy as np

from zoo.errors import InputError, check_count


class Grow(keras.callbacks.Callback):
    """Grows a `zoo.ProgressiveGAN` during training (Karras et al. 2018, section 2).

    The coarsest stage trains for `stable_steps`. Each further stage is faded in over `fade_steps` and then trains for
    `stable_steps`; the last one trains until `fit` ends. The number of grown steps is saved with the model, so a later
    `fit` continues from there.

    Args:
        stable_steps: training steps of a stage before the next one, at least 1.
        fade_steps: training steps over which a stage is faded in linearly, at least 1.

    Raises:
        InputError: the steps are out of range, or (at the start of training) the model cannot grow.
    """

    def __init__(self, stable_steps, fade_steps):
        super().__init__()
        self._stable_steps = check_count(stable_steps, "stable_steps")
        self._fade_steps = check_count(fade_steps, "fade_steps")
        self._fade = self._iterations = None

    def on_train_begin(self, logs=None):
        if not hasattr(self.model, "grow"):
            raise InputError(
                f"Grow needs a model that grows, such as ProgressiveGAN, not a {type(self.model).__name__}."
            )
        self._fade = None

    def on_train_batch_begin(self, batch, logs=None):
        self._iterations = self._count(self.model.generator_optimizer.iterations)
        period = self._stable_steps + self._fade_steps
        begins = self._stable_steps + period * np.arange(self.model.last_stage)
        # The first step of a fade already uses a share of the new stage, hence the 1.
        done = self._count(self.model.grown_steps) + 1 - begins
        fade = np.clip(done / self._fade_steps, 0.0, 1.0).astype("float32")
        if self._fade is None or (fade != self._fade).any():
            self.model.grow(fade)
            self._fade = fade

    def on_train_batch_end(self, batch, logs=None):
        # Keras may execute several steps per call.
        self.model.grown_steps.assign_add(self._count(self.model.generator_optimizer.iterations) - self._iterations)

    def on_train_end(self, logs=None):
        missing = self.model.last_stage * (self._stable_steps + self._fade_steps) - self._count(self.model.grown_steps)
        if missing > 0:
            warnings.warn(
                f"The training ended at stage {self.model.stage} of {self.model.last_stage}, counted from 0; the last "
                f"is whole after {missing} more {'step' if missing == 1 else 'steps'}.",
                stacklevel=2,
            )

    @staticmethod
    def _count(variable):
        return int(keras.ops.convert_to_numpy(variable))
