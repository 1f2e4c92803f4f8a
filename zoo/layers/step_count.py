"""A count of steps that belongs to a model and not to its optimizers."""

import keras


@keras.saving.register_keras_serializable(package="zoo")
class StepCount(keras.layers.Layer):
    """Keeps in `steps` how often something was done. Presets leave it out."""

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

    def load_own_variables(self, store):
        # A preset has none.
        if len(store.keys()):
            super().load_own_variables(store)
