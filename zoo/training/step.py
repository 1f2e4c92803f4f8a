"""One update of a network: the only place with a gradient tape, and the only one that knows replicas.

TensorFlow is imported where it computes, because models generate under other backends, too.
"""

import keras
from keras import ops

from zoo.progress import bar


def update(loss_fn, batch, variables, optimizer):
    """Takes one step of an optimizer down the gradient of a loss; no other variable is trained.

    Args:
        loss_fn: function of the batch that returns the scalar loss, a mean over the images, and a dict of logs.
        batch: dict of tensors.
        variables: list of the trainable variables of one network.
        optimizer: Keras optimizer that is built on them.

    Returns:
        The logs, the norm of the gradient (NaN where the update is not finite), and whether the update is finite.
    """
    import tensorflow as tf

    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss, logs = loss_fn(batch)
        # The gradients of replicas are added up, and each replica has the mean of its own share of the batch.
        scaled = optimizer.scale_loss(loss / num_replicas())
    gradients = tape.gradient(scaled, values)
    # A sparse gradient becomes dense, because its norm would count rows that repeat as if they were different rows.
    norm = tf.linalg.global_norm([None if g is None else tf.convert_to_tensor(g) for g in gradients])
    # The norm is that of the unscaled loss of the replica's own share.
    norm = norm * num_replicas() / optimizer.scale_loss(1.0)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # The optimizer finds its scale by gradients that overflow; it skips these, and so does the mean of the norms.
        norm = ops.where(ops.isfinite(norm), norm, float("inf"))
        finite = ops.isfinite(loss)
    else:
        finite = ops.logical_and(ops.isfinite(loss), ops.isfinite(norm))
    optimizer.apply(gradients, variables)
    return logs, ops.where(finite, norm, float("nan")), finite


def input_gradient(fn, inputs):
    """Returns the gradient of `sum(fn(inputs))` with respect to `inputs`, for penalties that need one."""
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        outputs = fn(inputs)
    return tape.gradient(outputs, inputs)


def minimized(loss_fn, start, steps, learning_rate):
    """Returns where a scalar function of one array is small, by Adam from `start` at a rate that falls to 0."""
    import tensorflow as tf

    found = keras.Variable(start, dtype="float32")
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.Adam(schedule, beta_1=0.9)
    optimizer.build([found])

    @tf.function
    def step():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(found.value)
            loss = loss_fn(found.value)
        optimizer.apply([tape.gradient(loss, found.value)], [found])

    for _ in bar(range(steps), "inverting", unit="step"):
        step()
    return ops.convert_to_numpy(found)


def num_replicas():
    """Returns how many replicas of the model train in step under `tf.distribute`."""
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def assign_everywhere(variables, values):
    """Assigns values outside of any optimizer, on all replicas alike."""
    import tensorflow as tf

    if num_replicas() == 1:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return

    def assign(strategy, values):
        for variable, value in zip(variables, values, strict=True):
            strategy.extended.update(variable.value, lambda v, new: v.assign(new), args=(value,))

    tf.distribute.get_replica_context().merge_call(assign, args=(values,))
