"""`OptimizedModel`: what stands behind `compile`, for models of one or several optimizers."""

import contextlib

import keras

from zoo import keras_private
from zoo.errors import InputError, shown
from zoo.training.checks import (
    check_rates,
    check_settings,
    check_strategy,
    knows,
    optimizer_of,
    supported_settings,
    unscaled,
)

# Settings that `compile` passes on to Keras.
COMPILE_SETTINGS = ("run_eagerly", "steps_per_execution", "jit_compile")
# A rate of 0 would forget its proportion to the other rates, and this one moves weights by less than they round to.
_STANDSTILL = 1e-30


class OptimizedModel(keras.Model):
    """A Keras model with an optimizer for each of its networks, where Keras knows a single one."""

    #: Names of the attributes that hold optimizers. Presets leave them out.
    optimizer_names = ("optimizer",)

    def optimized_variables(self):
        """Returns the variables of each optimizer, by the attribute that holds the optimizer."""
        return {"optimizer": self.trainable_variables}

    @staticmethod
    def default_optimizers():
        """Returns a new optimizer for each of `optimizer_names`: Adam with a learning rate of 1e-3."""
        return (keras.optimizers.Adam(1e-3),)

    def compile(self, optimizer=None, **settings):
        """Sets the optimizer.

        Args:
            optimizer: a Keras optimizer or its name. By default a compiled model gets a new optimizer of the same
                configuration, and any other model that of `default_optimizers`.
            **settings: `run_eagerly`, `steps_per_execution` and `jit_compile` of Keras.

        Raises:
            InputError: If `optimizer` is no optimizer or was built for other variables, or a setting is unknown.
        """
        self._compile({"optimizer": optimizer}, **settings)

    def _compile(self, optimizers, **settings):
        """Compiles with optimizers by attribute name, and builds each on its own variables."""
        check_settings(settings, [*optimizers, *COMPILE_SETTINGS], COMPILE_SETTINGS)
        check_strategy()
        optimizers = {
            name: self._default_optimizer(name) if optimizer is None else optimizer_of(optimizer, name)
            for name, optimizer in optimizers.items()
        }
        if len({id(optimizer) for optimizer in optimizers.values()}) < len(optimizers):
            raise InputError(f"{' and '.join(optimizers)} are the same object, expected one optimizer each.")
        variables = self.optimized_variables()
        for name, optimizer in optimizers.items():
            # Keras averages the weights of one optimizer only, and applies that average to all variables.
            if len(optimizers) > 1 and unscaled(optimizer).use_ema:
                raise InputError(f"{name} has use_ema=True, expected False; the model's ema_momentum averages.")
            if optimizer.built and not knows(optimizer, variables[name]):
                raise InputError(f"{name} has moments of other variables than the model trains, expected a new one.")
        # Keras gets no optimizer, because it supports one only and would replace None by an idle RMSprop.
        super().compile(optimizer=None, loss=None, **settings)
        self._compile_settings, self._scaled_here = settings, set()
        for name, optimizer in optimizers.items():
            scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            if self.dtype_policy.name == "mixed_float16" and not scaled:
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
                self._scaled_here.add(name)
            # An optimizer of the user may read its variables at once, so these cannot be deferred.
            of_keras = type(optimizer).__module__.startswith("keras.")
            with keras_private.deferred_variables() if of_keras else contextlib.nullcontext():
                optimizer.build(variables[name])
            setattr(self, name, optimizer)
        # Keras' callbacks use `self.optimizer`.
        first, *others = self.optimizer_names
        self.optimizer = LeadingOptimizer(self) if others else getattr(self, first)

    def _default_optimizer(self, name):
        if self.compiled:
            # A compiled model, such as a preset, keeps its configuration, so that replacing one optimizer does not
            # change the other.
            given = self._given_optimizer(name)
            return type(given).from_config(given.get_config())
        return self.default_optimizers()[self.optimizer_names.index(name)]

    def _given_optimizer(self, name):
        """Returns the optimizer that `compile` was given, without the loss scaling that `compile` added."""
        optimizer = getattr(self, name)
        return unscaled(optimizer) if name in self._scaled_here else optimizer

    def get_compile_config(self):
        if not self.compiled:
            return None
        given = {name: self._given_optimizer(name) for name in self.optimizer_names}
        serialized = {name: keras_private.serialized(optimizer) for name, optimizer in given.items()}
        return {**serialized, **self._compile_settings}

    def compile_from_config(self, config):
        # Older presets contain settings that had no effect, and those of another backend some that it did without.
        config = supported_settings(config)
        known = (*self.optimizer_names, *COMPILE_SETTINGS)
        self.compile(**{name: keras.saving.deserialize_keras_object(config[name]) for name in known if name in config})


class LeadingOptimizer:
    """The first optimizer of a model, except that a new `learning_rate` moves the rates of all of them in proportion.

    Keras' callbacks read and write the learning rate of `model.optimizer`, of which Keras knows a single one. The
    proportion is that of the rates at this moment, so it is saved with the optimizers, and a resumed training keeps it.

    Args:
        model: compiled `OptimizedModel`.
    """

    __slots__ = ("_model",)

    def __init__(self, model):
        self._model = model

    @property
    def learning_rate(self):
        return self._optimizers()[0].learning_rate

    @learning_rate.setter
    def learning_rate(self, rate):
        try:
            rate = float(rate)
        except (TypeError, ValueError):
            raise InputError(
                f"learning_rate is {shown(rate)}, expected a number; compile takes a schedule for each optimizer."
            ) from None
        check_rates(self._model, "model.optimizer")
        first, *others = self._optimizers()
        old, new = float(first.learning_rate), max(rate, _STANDSTILL)
        first.learning_rate = new
        for optimizer in others if old > 0 else ():
            optimizer.learning_rate = float(optimizer.learning_rate) * new / old

    def _optimizers(self):
        return [getattr(self._model, name) for name in self._model.optimizer_names]

    def __getattr__(self, name):
        return getattr(self._optimizers()[0], name)
