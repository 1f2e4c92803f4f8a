"""Optimizers with the learning-rate schedules of the recipes."""

import keras


def cosine_adam(learning_rate, steps, **betas):
    """Returns Adam with a learning rate that decays to 0 along a cosine.

    Args:
        learning_rate: float. Initial rate, above 0.
        steps: int. Updates until the rate is 0.
        **betas: `beta_1` and `beta_2` of Adam.

    Example:

    ```python
    model.compile(cosine_adam(1e-3, steps=10_000))
    ```
    """
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, steps), **betas)


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
