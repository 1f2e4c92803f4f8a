"""State that only training needs. It is saved with a model, but presets leave it out."""

import keras


class TrainingState(keras.layers.Layer):
    """Base class of layers whose variables are missing from presets.

    Loading a preset leaves these variables at their initial values.
    """

    def load_own_variables(self, store):
        if len(store.keys()):
            super().load_own_variables(store)


@keras.saving.register_keras_serializable(package="zoo")
class StepCount(TrainingState):
    """Counts updates in the variable `steps`, independently of the optimizers a model is compiled with.

    The variable is an int32 scalar that starts at 0; the model increments it.

    Example:

    ```python
    from zoo.layers.training_state import StepCount

    count = StepCount()
    count.steps.assign_add(1)
    ```
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.steps = self.add_weight(
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="steps",
        )
        self.built = True
