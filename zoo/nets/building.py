"""Building the networks of a model: given ones are checked, and default ones are made of checked options."""

import contextlib
import inspect
import types

import keras

from zoo.errors import InputError, shown
from zoo.nets.options import check_option

HALF_PRECISIONS = ("bfloat16", "float16")


def choose_networks(cls, given, image_shape, code_size, dtype, options, implied=types.MappingProxyType({})):
    """Returns the networks of a model by argument, with default ones for those not given.

    Args:
        cls: class of the model. Its static method `default_networks(image_shape, code_size, **options)` returns one
            network for each of `network_arguments`, and those options that `get_config` keeps, with their defaults
            filled in.
        given: dict of the networks that the user gave by argument, None for the others.
        image_shape: `(height, width, channels)`.
        code_size: second argument of `default_networks`, such as the size of a latent vector.
        dtype: dtype policy of the layers, or None for the global one.
        options: dict of the options that the user gave.
        implied: mapping of further options that follow from other arguments of the model, such as `num_classes`. They
            matter only if there are default networks. Defaults to none.

    Returns:
        Dict of the networks, and a mapping that describes them for `get_config`.

    Raises:
        InputError: If a network is not functional, or an option is unknown, out of range or useless.
    """
    for argument, network in given.items():
        if network is not None or not hasattr(cls, "default_networks"):
            check_functional(argument, network)
            check_precision(argument, network)
    if None not in given.values():
        if options:
            raise InputError(f"{next(iter(options))} shapes default networks, but all networks were given.")
        return given, types.MappingProxyType(given)
    options = {**options, **implied}
    known = dict(list(inspect.signature(cls.default_networks, eval_str=True).parameters.items())[2:])
    for name, value in options.items():
        if name not in known:
            raise InputError(f"{cls.__name__} has no {name} for its default networks, which take {', '.join(known)}.")
        check_option(known[name].annotation, value, name)
    try:
        with dtype_scope(dtype):
            *default, options = cls.default_networks(image_shape, code_size, **options)
    except Exception as error:
        # TensorFlow raises its own error type, which other backends lack, when memory runs out.
        if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
            raise InputError(f"The networks of such a {cls.__name__} take more memory than there is.") from error
        raise
    chosen = {
        name: network if given[name] is None else given[name]
        for name, network in zip(cls.network_arguments, default, strict=True)
    }
    described = {**options, **{name: network for name, network in given.items() if network is not None}}
    # Keras would save the networks of a dict a second time.
    return chosen, types.MappingProxyType(described)


def check_functional(argument, network):
    """Refuses a network that is not functional: a subclassed one has no known inputs and cannot be cloned."""
    if not is_functional(network):
        raise InputError(f"{argument} is {shown(network)}, expected a functional Keras network of known inputs.")


def is_functional(network):
    """Returns whether an object is a Keras network of known inputs."""
    return isinstance(network, keras.Model) and bool(getattr(network, "inputs", None))


def check_precision(argument, network):
    """Refuses a network with half-precision outputs, which quantize pixels and round losses."""
    for output in network.outputs:
        if output.dtype in HALF_PRECISIONS:
            raise InputError(
                f'{argument} makes {output.dtype}, expected float32: give the layer that ends it dtype="float32".'
            )


@contextlib.contextmanager
def dtype_scope(dtype):
    """Gives layers created inside this context the dtype policy; None keeps the global policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(before if dtype is None else dtype)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
