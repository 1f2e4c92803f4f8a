"""Checks of networks, optimizers and arguments of Keras' methods, as plain functions."""

import contextlib
import inspect

import keras

from zoo.errors import InputError, check_count, shown

HALF_PRECISIONS = ("bfloat16", "float16")


def check_functional(argument, network):
    """Refuses a network that is not functional: a subclassed one has no known inputs and cannot be cloned."""
    if not isinstance(network, keras.Model) or not getattr(network, "inputs", None):
        raise InputError(f"{argument} is {shown(network)}, expected a functional Keras network of known inputs.")


def check_precision(argument, network):
    """Refuses a network with half-precision outputs, which quantize pixels and round losses."""
    for output in network.outputs:
        if output.dtype in HALF_PRECISIONS:
            raise InputError(
                f'{argument} makes {output.dtype}, expected float32: give the layer that ends it dtype="float32".'
            )


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


@contextlib.contextmanager
def built_under(dtype):
    """Gives layers created inside this context the dtype policy; None keeps the global policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(before if dtype is None else dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check_backend(method):
    """Refuses a method that the zoo implements for the TensorFlow backend only."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise InputError(f"KERAS_BACKEND is {backend!r}, expected 'tensorflow' for {method}; other backends generate.")


def knows(optimizer, variables):
    """Returns whether a built optimizer has state for all of these variables."""
    return {id(variable) for variable in unscaled(optimizer)._trainable_variables}.issuperset(map(id, variables))


def unscaled(optimizer):
    """Returns the optimizer inside a `LossScaleOptimizer`, and any other optimizer unchanged."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def optimizer_of(optimizer, name):
    try:
        return keras.optimizers.get(optimizer)
    # Keras raises errors of any type for a dict that is no optimizer configuration.
    except Exception:  # noqa: BLE001
        raise InputError(f"{name} is {shown(optimizer)}, expected a Keras optimizer or the name of one.") from None
