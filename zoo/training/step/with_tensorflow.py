"""What TensorFlow does in a step: a gradient tape, graphs, and replicas of `tf.distribute`."""

import functools

import keras
import tensorflow as tf

from zoo.training.step import without_replicas


def value_and_grad(loss, variables):
    """Differentiates a loss.

    Args:
        loss: function without arguments that returns the scalar to differentiate and anything else.
        variables: list of variables that it reads.

    Returns:
        Tuple of what else the function returned, and the gradients, None for variables that it did not read.
    """
    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        scalar, other = loss()
    return other, tape.gradient(scalar, values)


def input_gradient(fn, inputs):
    """Returns the gradient of `sum(fn(inputs))` with respect to `inputs`."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        outputs = fn(inputs)
    return tape.gradient(outputs, inputs)


def global_norm(gradients):
    """Returns the norm of all gradients together."""
    # Sparse gradients become dense, because their norm would count repeated rows as different rows.
    return tf.linalg.global_norm([None if g is None else tf.convert_to_tensor(g) for g in gradients])


def apply(optimizer, gradients, variables):
    """Takes a step of an optimizer."""
    optimizer.apply(gradients, variables)


def compiled(step, variables):
    """Compiles a function without arguments that changes variables, of which TensorFlow needs no list."""
    return tf.function(step)


def num_replicas():
    return tf.distribute.get_strategy().num_replicas_in_sync


def assign_everywhere(variables, values):
    if num_replicas() == 1:
        without_replicas.assign_everywhere(variables, values)
        return

    def assign(strategy, values):
        for variable, value in zip(variables, values, strict=True):
            strategy.extended.update(variable.value, lambda v, new: v.assign(new), args=(value,))

    tf.distribute.get_replica_context().merge_call(assign, args=(values,))


def replicated(model):
    return model.distribute_strategy.scope()


def train_function(model):
    """Skips Keras' multi-step wrapper, which costs about 1 ms per step, unless something needs it."""
    with replicated(model):
        distributed = tf.distribute.has_strategy()
    if model.run_eagerly or model.steps_per_execution > 1 or distributed:
        return None

    @functools.partial(tf.function, autograph=False, reduce_retracing=True, jit_compile=model.jit_compile)
    def one_step(batch):
        # Keras passes None as `tf.experimental.Optional`.
        given = keras.tree.map_structure(lambda x: None if isinstance(x, tf.experimental.Optional) else x, batch)
        return model.train_step(given)

    return lambda batches: one_step(next(batches))


def test_function(model):
    return None
