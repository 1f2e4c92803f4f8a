"""One update of a network; only this file uses gradient tapes and replicas.

Functions import TensorFlow themselves, because models generate images under other backends, too.
"""

import keras
from keras import ops

from zoo.progress import bar


def update(loss_fn, batch, variables, optimizer):
    """Takes one optimizer step down the gradient of a loss; no other variable changes.

    Args:
        loss_fn: function of the batch that returns the scalar loss, a mean over the images, and a dict of logs.
        batch: dict of tensors.
        variables: list of the trainable variables of one network.
        optimizer: Keras optimizer that is built on these variables.

    Returns:
        The logs, the gradient norm (NaN where the update is not finite), and whether the update is finite.
    """
    import tensorflow as tf

    values = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss, logs = loss_fn(batch)
        # TensorFlow sums the gradients of all replicas, and each loss is a mean over one replica's share of the batch.
        scaled = optimizer.scale_loss(loss / num_replicas())
    gradients = tape.gradient(scaled, values)
    # Sparse gradients become dense, because their norm would count repeated rows as different rows.
    norm = tf.linalg.global_norm([None if g is None else tf.convert_to_tensor(g) for g in gradients])
    # The reported norm belongs to the unscaled loss of this replica's share.
    norm = norm * num_replicas() / optimizer.scale_loss(1.0)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # Dynamic loss scaling probes for overflow and skips such updates; an infinite norm keeps them out of the mean.
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
    """Minimizes a scalar function of one array with Adam and a cosine-decayed learning rate; returns the array."""
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
    """Returns the number of synchronized replicas under `tf.distribute`."""
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def assign_everywhere(variables, values):
    """Assigns values to variables on all replicas, outside of any optimizer."""
    import tensorflow as tf

    if num_replicas() == 1:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return

    def assign(strategy, values):
        for variable, value in zip(variables, values, strict=True):
            strategy.extended.update(variable.value, lambda v, new: v.assign(new), args=(value,))

    tf.distribute.get_replica_context().merge_call(assign, args=(values,))
