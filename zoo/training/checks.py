"""Checks of optimizers and of arguments of Keras' methods, as plain functions."""

import inspect
import sys

import keras

from zoo import keras_private
from zoo.errors import InputError, check_count, check_flag, shown

# What steps that are not compiled can follow.
_OF_EAGER_STEPS = {"jit_compile": False, "steps_per_execution": 1}


def check_settings(settings, expected, known):
    """Refuses settings of `compile` that Keras does not know; messages list what is `expected`."""
    for name in settings:
        if name not in known:
            raise InputError(
                f"compile was given {name}, expected {', '.join(expected)}; the model has losses and metrics of its "
                "own."
            )
    check_count(settings.get("steps_per_execution", 1), "steps_per_execution")
    jit_compile = settings.get("jit_compile")
    is_auto = isinstance(jit_compile, str) and jit_compile == "auto"
    if not (is_auto or jit_compile is None or isinstance(jit_compile, bool)):
        raise InputError(f"jit_compile is {shown(jit_compile)}, expected True, False or 'auto'.")
    check_flag(settings.get("run_eagerly", False), "run_eagerly")
    for name in settings.keys() - supported_settings(settings).keys():
        raise InputError(
            f"{name} is {settings[name]}, expected {_OF_EAGER_STEPS[name]} under KERAS_BACKEND='torch', where each "
            "step runs by itself and is not compiled."
        )


def supported_settings(settings):
    """Returns the settings of `compile` without those that the backend cannot follow."""
    if keras.backend.backend() != "torch":
        return settings
    # PyTorch's compiler knows no gradients of gradients.
    followed = {name: (value, "auto", None) for name, value in _OF_EAGER_STEPS.items()}
    return {name: value for name, value in settings.items() if name not in followed or value in followed[name]}


def check_steps(arguments, *names):
    """Refuses arguments that are neither None, which is Keras' default, nor a positive count."""
    for name in names:
        if arguments.get(name) is not None:
            check_count(arguments[name], name)


def checked_callbacks(callbacks, verbose):
    """Returns `callbacks` as a list; refuses what is no callback, and a `verbose` that Keras does not know."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callbacks = callbacks.callbacks
    elif not isinstance(callbacks, (list, tuple)):
        callbacks = [] if callbacks is None else [callbacks]
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise InputError(f"callbacks has {shown(callback)}, expected Keras callbacks.")
    if not isinstance(verbose, (str, int)) or verbose not in ("auto", 0, 1, 2):
        raise InputError(f"verbose is {shown(verbose)}, expected 'auto', 0, 1 or 2.")
    return list(callbacks)


def check_rates(model, what):
    """Refuses that `what` sets the learning rates of a model if any of them is a schedule."""
    for name in model.optimizer_names:
        rate = keras_private.learning_rate_of(unscaled(getattr(model, name)))
        if not isinstance(rate, keras.Variable):
            raise InputError(
                f"{what} cannot set the learning rate of {name}: it is a schedule, {type(rate).__name__}, expected a "
                "number."
            )


def check_unweighted(arguments, *names):
    for name in names:
        if arguments.get(name) is not None:
            raise InputError(f"{name} was given, expected None, since all images weigh the same.")


def check_known(name_of_method, arguments, method, excluded=()):
    """Refuses arguments that a Keras method does not take, before any data is read."""
    parameters = inspect.signature(method).parameters.values()
    excluded = {"self", *excluded}
    known = [each.name for each in parameters if each.name not in excluded and each.kind is not each.VAR_KEYWORD]
    for name in arguments:
        if name not in known:
            hint = "; TFDS_DATA_DIR names the folder of TFDS" if name == "data_dir" else ""
            raise InputError(f"{name_of_method} was given {name}, expected {', '.join(known)}{hint}.")


def check_backend(method, supported=("tensorflow", "jax", "torch")):
    """Refuses a method that the zoo does not implement for the backend; by default it needs gradients."""
    backend = keras.backend.backend()
    if backend not in supported:
        *others, last = map(repr, supported)
        expected = f"{', '.join(others)} or {last}" if others else last
        raise InputError(f"KERAS_BACKEND is {backend!r}, expected {expected} for {method}.")


def check_strategy():
    """Refuses a strategy of `tf.distribute` under another backend, which would train on one device without a word."""
    tensorflow = sys.modules.get("tensorflow")
    if keras.backend.backend() != "tensorflow" and tensorflow is not None and tensorflow.distribute.has_strategy():
        strategy = type(tensorflow.distribute.get_strategy()).__name__
        raise InputError(
            f"compile was called in the scope of a {strategy}, expected none: KERAS_BACKEND is "
            f"{keras.backend.backend()!r}, under which TensorFlow distributes nothing."
        )


def knows(optimizer, variables):
    """Returns whether a built optimizer has state for all of these variables."""
    return {id(each) for each in keras_private.optimized_by(unscaled(optimizer))}.issuperset(map(id, variables))


def unscaled(optimizer):
    """Returns the optimizer inside a `LossScaleOptimizer`, and any other optimizer unchanged."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def optimizer_of(optimizer, name):
    try:
        return keras.optimizers.get(optimizer)
    # Keras raises errors of any type for a dict that is no optimizer configuration.
    except Exception:  # noqa: BLE001
        raise InputError(f"{name} is {shown(optimizer)}, expected a Keras optimizer or the name of one.") from None
