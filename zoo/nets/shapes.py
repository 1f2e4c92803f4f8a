"""The inputs, outputs and layers of functional networks, and their checks."""

import keras

from zoo.errors import InputError


def input_shapes(network):
    """Returns the shape of a network's input without the batch axis, or a dict of the shapes of its inputs."""
    # `inputs` also works for a Sequential, which has no `input`.
    return _shapes(network.inputs[0] if len(network.inputs) == 1 else network.input)


def output_shapes(network):
    """Returns the shape of a network's output without the batch axis, or a dict of the shapes of its outputs."""
    return _shapes(network.outputs[0] if len(network.outputs) == 1 else network.output)


def _shapes(tensors):
    return keras.tree.map_structure(lambda tensor: tuple(tensor.shape[1:]), tensors)


def check_takes(argument, network, expected, called=None):
    """Refuses a network whose inputs have other shapes than `expected`, a shape or a dict of shapes.

    The message shows the expected shape, or the text `called`, such as "latent_dim=100".
    """
    takes = input_shapes(network)
    if takes != expected:
        raise InputError(f"{argument} takes {takes}, expected {called or expected}.")


def check_makes(argument, network, expected, called=None):
    """Refuses a network whose outputs have other shapes than `expected`; arguments are those of `check_takes`."""
    makes = output_shapes(network)
    if makes != expected:
        raise InputError(f"{argument} makes {makes}, expected {called or expected}.")


def check_layers(argument, network, *names):
    """Refuses a network that lacks a layer of one of these names."""
    if missing := set(names) - {layer.name for layer in network.layers}:
        raise InputError(f"{argument} has no layer {min(missing)}, expected the layers {sorted(names)}.")
