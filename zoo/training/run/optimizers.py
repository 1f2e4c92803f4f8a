"""Optimizers with the learning-rate schedules of the recipes."""

import keras
from keras import ops


class ChangingCosineDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Decays a learning rate to 0 along a cosine whose length changes on the way.

    This is the schedule of a run that is killed and resumed with another number of epochs.

    Args:
        learning_rate: float. Initial rate, above 0.
        lengths: dict. Updates until the rate is 0, by the update from which this length holds; it begins with 0.

    Example:

    ```python
    keras.optimizers.Adam(ChangingCosineDecay(1e-3, {0: 12_000, 1_000: 8_000}))
    ```
    """

    def __init__(self, learning_rate, lengths):
        self._cosines = {
            start: keras.optimizers.schedules.CosineDecay(learning_rate, length) for start, length in lengths.items()
        }

    def __call__(self, step):
        rate = 0.0
        for start, cosine in self._cosines.items():
            rate = ops.where(step >= start, cosine(step), rate)
        return rate


def cosine_adam(learning_rate, steps, **betas):
    """Returns Adam with a learning rate that decays to 0 along a cosine.

    Args:
        learning_rate: float. Initial rate, above 0.
        steps: int. Updates until the rate is 0; or a dict of them, by the update from which this length holds.
        **betas: `beta_1` and `beta_2` of Adam.

    Example:

    ```python
    model.compile(cosine_adam(1e-3, steps=10_000))
    ```
    """
    decay = ChangingCosineDecay if isinstance(steps, dict) else keras.optimizers.schedules.CosineDecay
    return keras.optimizers.Adam(decay(learning_rate, steps), **betas)


def warmed_adamw(learning_rate, steps, weight_decay):
    """Returns AdamW with a learning rate that rises linearly and then decays to 0 along a cosine.

    Args:
        learning_rate: float. Highest rate, above 0.
        steps: int. Updates of the decay; the warm-up before it takes another tenth.
        weight_decay: float.

    Example:

    ```python
    model.compile(warmed_adamw(3e-3, steps=10_000, weight_decay=1e-3), "mse")
    ```
    """
    schedule = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=learning_rate, warmup_steps=steps // 10)
    return keras.optimizers.AdamW(schedule, weight_decay=weight_decay)
