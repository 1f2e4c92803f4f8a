"""What JAX does in a step: the whole step is a function from the values of all variables to their new ones.

Keras offers variables a `StatelessScope`, in which their values are read and changed without the variables themselves.
"""

import itertools

import jax
import keras
from jax import numpy as jnp

from zoo import keras_private
from zoo.errors import InputError
from zoo.training.step.without_replicas import assign_everywhere, num_replicas, replicated  # noqa: F401


def value_and_grad(loss, variables):
    """Differentiates a loss inside of a compiled step.

    Args:
        loss: function without arguments that returns the scalar to differentiate and anything else.
        variables: list of variables that it reads.

    Returns:
        Tuple of what else the function returned, and the gradients, 0 for variables that it did not read.
    """

    def of_values(values):
        assign_everywhere(variables, values)
        return loss()

    return _gradient(of_values, [variable.value for variable in variables])


def input_gradient(fn, inputs):
    """Returns the gradient of `sum(fn(inputs))` with respect to `inputs`."""
    return _gradient(lambda inputs: (jnp.sum(fn(inputs)), None), inputs)[1]


def _gradient(function, at):
    """Returns what else a function returns, and the gradient of the scalar that it returns first.

    What the function changes in variables leaves the differentiation as a further output.
    """
    values = keras_private.values_in_scope()
    if values is None:
        raise InputError(
            "A step was taken outside of fit, expected train_on_batch, because JAX needs the values of all variables "
            "beforehand."
        )

    def carrying(at):
        with keras.StatelessScope() as scope:
            # A scope does not look into the one around it.
            scope.state_mapping.update(values)
            scalar, other = function(at)
        return scalar, (other, {key: new for key, new in scope.state_mapping.items() if new is not values.get(key)})

    gradient, (other, changed) = jax.grad(carrying, has_aux=True)(at)
    values.update(changed)
    return other, gradient


def global_norm(gradients):
    """Returns the norm of all gradients together."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(gradient)) for gradient in gradients))


def apply(optimizer, gradients, variables):
    """Takes a step of an optimizer."""
    if not isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer.apply(gradients, variables)
        return
    # Its `apply` changes variables in a branch of a condition, which JAX takes for a function without side effects.
    gradient_of = {id(variable): gradient for variable, gradient in zip(variables, gradients, strict=True)}
    optimized = keras_private.optimized_by(optimizer.inner_optimizer)
    found = optimizer.stateless_apply(
        [variable.value for variable in optimizer.variables],
        [gradient_of.get(id(variable)) for variable in optimized],
        [variable.value for variable in optimized],
    )
    for known, values in zip((optimized, optimizer.variables), found, strict=True):
        assign_everywhere(known, values)


def compiled(step, variables, eagerly=False):
    """Compiles a function that changes variables.

    Args:
        step: function of tensors that returns tensors.
        variables: list of all variables that it changes. The values of others are constants.
        eagerly: bool. Whether to leave it as it is instead. Defaults to False.
    """
    order = {id(variable): index for index, variable in enumerate(variables)}

    def pure(values, *arguments):
        with keras.StatelessScope(list(zip(variables, values, strict=True))) as scope:
            returned = step(*arguments)
        changed, taken = {}, set(map(id, values))
        for key, value in scope.state_mapping.items():
            if key not in order:
                raise InputError("A step changes a variable of no attribute or layer of the model, expected it in one.")
            if value is not values[order[key]]:
                # No two variables may share memory, because Keras gives that of a variable away when it predicts.
                changed[order[key]] = jnp.copy(value) if id(value) in taken else value
                taken.add(id(value))
        return returned, changed

    # The values are not donated to XLA: Ctrl-C after a step would leave variables whose memory is gone.
    run = pure if eagerly else jax.jit(pure)

    def stateful(*arguments):
        returned, changed = run([variable.value for variable in variables], *arguments)
        for index, value in changed.items():
            variables[index].assign(value)
        return returned

    return stateful


def train_function(model):
    return _loop(model, model.train_step)


def test_function(model):
    return _loop(model, model.test_step)


def _loop(model, step):
    """Returns a function that Keras calls with its state, which stays as it is, and an iterator of batches."""
    one_step = compiled(step, model.variables_of_step(), model.run_eagerly)

    def run(batch):
        # `train_on_batch` adds None for labels and weights, for which JAX would compile the step anew.
        return one_step(keras.utils.pack_x_y_sample_weight(*keras.utils.unpack_x_y_sample_weight(batch)))

    def steps(state, batches):
        logs = run(next(batches))
        for batch in itertools.islice(batches, model.steps_per_execution - 1):
            logs = run(batch)
        return logs, state

    return steps
