"""The exponential moving average of a network's weights, and its batch statistics."""

import contextlib

import keras
from keras import ops

from zoo.errors import InputError, is_number, shown
from zoo.keras_private import variables_are_deferred, without_tensorflow
from zoo.training.step import assign_everywhere

STATISTICS = ("moving_mean", "moving_variance")


def check_momentum(value):
    """Returns `value`, or raises `InputError` unless it is a number from 0 to below 1."""
    if not is_number(value) or not 0 <= value < 1:
        raise InputError(f"ema_momentum is {shown(value)}, expected a number from 0 to below 1.")
    return value


def average_of(network):
    """Returns the average of a network before its training: a clone of equal weights, which no optimizer trains."""
    with without_tensorflow():
        average = keras.models.clone_model(network)
    # When a preset loads, its file provides the weights.
    if not variables_are_deferred():
        average.set_weights(network.get_weights())
    average.trainable = False
    return average


def momentum_at(step, limit):
    """Returns the share of the average that a step keeps: `limit`, and less in early steps, which forgets the start."""
    step = ops.cast(step, "float32")
    return ops.minimum(limit, (1.0 + step) / (10.0 + step))


def update_average(average, network, is_averaged, momentum):
    """Moves the weights of an average towards a network's, and copies the weights that are not averaged.

    Args:
        average: clone of `network`.
        network: the trained network.
        is_averaged: function that tells whether a variable of `network` is averaged.
        momentum: scalar tensor. Share of the average that is kept.
    """
    moved = [
        old.value + (1.0 - momentum) * (new.value - old.value) if is_averaged(new) else new.value
        for old, new in zip(average.weights, network.weights, strict=True)
    ]
    assign_everywhere(average.weights, moved)


def follow(average, network, steps, updates, limit, is_averaged=lambda variable: True):
    """Moves the weights of an average after an update of its network.

    Args:
        average: clone of `network`.
        network: the trained network.
        steps: int variable that counts the updates, independently of optimizers.
        updates: int tensor, 1, or 0 where gradients are still accumulated.
        limit: float. Share of the average that late steps keep.
        is_averaged: as for `update_average`. Defaults to all variables.
    """
    steps.assign_add(ops.cast(updates, "int32"))
    momentum = momentum_at(steps, limit)
    update_average(average, network, is_averaged, ops.where(updates > 0, momentum, 1.0))


def measure_statistics(average, network, inputs):
    """Sets the batch normalization statistics of an average to their means over images that it draws itself.

    The average draws in training mode without dropout (Brock et al. 2019, appendix C.1).

    Args:
        average: clone of `network`.
        network: the trained network.
        inputs: iterable of inputs of the network.

    Returns:
        bool, whether there were any inputs.
    """
    average_of = {id(own): mean for mean, own in zip(average.weights, network.weights, strict=True)}
    fixed = network.non_trainable_variables
    statistics = [index for index, variable in enumerate(fixed) if variable.path.endswith(STATISTICS)]
    # PyTorch would otherwise keep what a gradient needs.
    trained = [ops.stop_gradient(average_of[id(variable)].value) for variable in network.trainable_variables]
    # Random states advance from batch to batch.
    states = [average_of.get(id(variable), variable).value for variable in fixed]

    def moved(inputs, start):
        given = [start.get(index, state) for index, state in enumerate(states)]
        return network.stateless_call(trained, given, inputs, training=True)[1]

    zeros, shares = {index: ops.zeros_like(fixed[index].value) for index in statistics}, []
    with _without_dropout(network):
        for batch in inputs:
            if not shares:
                left = moved(batch, zeros)
                # Frozen batch normalization layers keep and use their statistics.
                moving = [index for index in statistics if ops.any(left[index] != 0)]
                zeros = {index: zeros[index] for index in moving}
            left = moved(batch, zeros)
            if not shares:
                # A layer moves statistics s to m s + (1 - m) b on a batch with statistics b. Two different s reveal its
                # momentum m.
                start = {index: 1.0 + ops.abs(left[index]) for index in moving}
                again = moved(batch, start)
                rates = {index: 1.0 - (again[index] - left[index]) / start[index] for index in moving}
            shares.append(left)
            states = [state if index in statistics else left[index] for index, state in enumerate(states)]
    if not shares:
        return False
    for index in moving:
        mean = sum(left[index] for left in shares) / len(shares)
        average_of[id(fixed[index])].assign(mean / rates[index])
    return True


def has_statistics(network):
    """Returns whether a network has batch normalization statistics."""
    return any(variable.path.endswith(STATISTICS) for variable in network.non_trainable_variables)


@contextlib.contextmanager
def _without_dropout(network):
    """Disables dropout for a network that runs in training mode inside this context."""
    rates = {layer: layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)}
    for layer in rates:
        layer.rate = 0.0
    try:
        yield
    finally:
        for layer, rate in rates.items():
            layer.rate = rate
