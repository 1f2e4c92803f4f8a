"""One update of a network: the seam between models and the backend that differentiates and compiles their steps.

Models see the functions of this file alone. The module of the backend, such as `with_jax`, has the few functions that
differ between backends, under the same names; no other file knows gradients and replicas.
"""

import keras
from keras import ops

from zoo.progress import bar

if keras.backend.backend() == "jax":
    from zoo.training.step import with_jax as backend
elif keras.backend.backend() == "torch":
    from zoo.training.step import with_torch as backend
elif keras.backend.backend() == "tensorflow":
    from zoo.training.step import with_tensorflow as backend


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

    def scaled():
        loss, logs = loss_fn(batch)
        # The gradients of all replicas are summed, and each loss is a mean over one replica's share of the batch.
        return optimizer.scale_loss(loss / num_replicas()), (loss, logs)

    (loss, logs), gradients = backend.value_and_grad(scaled, variables)
    # The reported norm belongs to the unscaled loss of this replica's share.
    norm = backend.global_norm(gradients) * num_replicas() / optimizer.scale_loss(1.0)
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        # Dynamic loss scaling probes for overflow and skips such updates; an infinite norm keeps them out of the mean.
        norm = ops.where(ops.isfinite(norm), norm, float("inf"))
        finite = ops.isfinite(loss)
    else:
        finite = ops.logical_and(ops.isfinite(loss), ops.isfinite(norm))
    backend.apply(optimizer, gradients, variables)
    return logs, ops.where(finite, norm, float("nan")), finite


def input_gradient(fn, inputs):
    """Returns the gradient of `sum(fn(inputs))` with respect to `inputs`, for penalties that need one."""
    return backend.input_gradient(fn, inputs)


def minimized(loss_fn, start, steps, learning_rate):
    """Minimizes a scalar function of one array with Adam and a cosine-decayed learning rate; returns the array."""
    found = keras.Variable(start, dtype="float32")
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    optimizer = keras.optimizers.Adam(schedule, beta_1=0.9)
    optimizer.build([found])

    def down():
        _, gradients = backend.value_and_grad(lambda: (loss_fn(found.value), None), [found])
        backend.apply(optimizer, gradients, [found])

    step = backend.compiled(down, [found, *optimizer.variables])
    for _ in bar(range(steps), "inverting", unit="step"):
        step()
    return ops.convert_to_numpy(found)


def num_replicas():
    """Returns the number of synchronized replicas that share a batch."""
    return backend.num_replicas()


def assign_everywhere(variables, values):
    """Assigns values to variables on all replicas, outside of any optimizer."""
    backend.assign_everywhere(variables, values)


def replicated(model):
    """Returns the context in which variables are created on all replicas of a model."""
    return backend.replicated(model)


def train_function(model):
    """Returns what Keras' `fit` calls with its batches, or None if Keras has to make it."""
    return backend.train_function(model)


def test_function(model):
    """Returns what Keras' `evaluate` calls with its batches, or None if Keras has to make it."""
    return backend.test_function(model)
