"""Learning-rate schedules of fine-tuning."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="zoo")
class WarmHoldCosine(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises from 0, stays, and falls to 0 along a cosine.

    Args:
        learning_rate: float. Highest rate.
        steps: int. Updates in all.
        warmup: int. Updates in which the rate rises.
        held: float from 0 to 1. Share of the updates after which the rate falls.

    Example:

    ```python
    model.compile(keras.optimizers.Adam(WarmHoldCosine(1e-3, steps=1000, warmup=50, held=0.6)))
    ```
    """

    def __init__(self, learning_rate, steps, warmup, held):
        self.learning_rate, self.steps, self.warmup, self.held = learning_rate, steps, warmup, held

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rise = ops.minimum(1.0, (step + 1.0) / max(1, self.warmup))
        last = self.held * self.steps
        gone = ops.clip((step - last) / max(1.0, self.steps - last), 0.0, 1.0)
        return self.learning_rate * rise * 0.5 * (1.0 + ops.cos(math.pi * gone))

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "steps": self.steps,
            "warmup": self.warmup,
            "held": self.held,
        }
