"""State that only training needs: it is saved with a model, and presets leave it out."""

import keras


class TrainingState(keras.layers.Layer):
    """Base of layers whose variables a preset lacks; loaded from one, they stay as they begin."""

    def load_own_variables(self, store):
        if len(store.keys()):
            super().load_own_variables(store)


@keras.saving.register_keras_serializable(package="zoo")
class StepCount(TrainingState):
    """Keeps in `steps` how often something was done, whatever optimizers a model is compiled with."""

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
