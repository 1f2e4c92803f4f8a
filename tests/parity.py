"""Training steps of all families that every backend takes alike: with the same weights, batches and noise."""

import keras
import numpy as np
from contract.families import FAMILIES
from helpers import values
from keras import ops
from keras.src import backend

from zoo.random_state import random_states

IMAGES = 4
#: Families that take one step instead of three, and by how much of the largest number they may differ: among the many
#: kinks of frozen features, even TensorFlow's compiled steps part from its eager ones.
SENSITIVE = {"ProjectedGAN": 1e-2}


def _uniform(shape, seed):
    """Numbers from 0 to below 1 that depend on the seed alone, as distinct as a thousand of them can be."""
    shape = tuple(map(int, shape))
    state = seed.next() if isinstance(seed, keras.random.SeedGenerator) else np.array([seed, 0])
    first, count = ops.unstack(ops.cast(state % 1009, "int32"))
    index = np.arange(np.prod(shape, dtype=int), dtype="int32") % 1009
    return ops.reshape(ops.cast((73 * index + 179 * first + 283 * count) % 1009, "float32") / 1009.0, shape)


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    return ops.cast(minval + (maxval - minval) * _uniform(shape, seed), dtype or "float32")


def normal(shape, mean=0.0, stddev=1.0, dtype=None, seed=None):
    return ops.cast(mean + stddev * 12**0.5 * (_uniform(shape, seed) - 0.5), dtype or "float32")


def randint(shape, minval, maxval, dtype="int32", seed=None):
    return ops.cast(minval + ops.floor((maxval - minval) * _uniform(shape, seed)), dtype)


def dropout(inputs, rate, noise_shape=None, seed=None):
    return ops.where(_uniform(inputs.shape, seed) >= rate, inputs / (1.0 - rate), ops.zeros_like(inputs))


def inject_noise(set_attribute):
    """Replaces what Keras draws, whose numbers differ between backends; `set_attribute` is like `setattr`."""
    for drawn in (uniform, normal, randint, dropout):
        set_attribute(backend.random, drawn.__name__, drawn)


def _equip(model):
    """Gives a model weights of numpy, none of them 0: at 0, backends differ in the gradient of leaky ReLU."""
    stream = np.random.RandomState(0)
    for variable in model.weights:
        noise = stream.normal(size=variable.shape)
        if len(variable.shape) > 1:
            variable.assign(noise / np.sqrt(np.prod(variable.shape[:-1])))
        elif variable.dtype == "float32":
            variable.assign(variable + np.clip(0.3 * noise, -0.9, None))
    for index, variable in enumerate(random_states(model)):
        variable.assign([index, 0])


def trained(name):
    """Logs of each step, and the weights and the momenta of their gradients after the last one, by name."""
    family = FAMILIES[name]
    model = family.build(name)
    optimizers = [keras.optimizers.SGD(0.01, momentum=0.9) for _ in model.optimizer_names]
    # A step of TensorFlow is faster taken than traced.
    model.compile(*optimizers, run_eagerly=keras.backend.backend() == "tensorflow")
    _equip(model)
    steps, number = 1 if name in SENSITIVE else 3, IMAGES * family.options.get("discriminator_steps", 1)
    batch, logs = family.batch(model, steps * number), []
    for start in range(0, steps * number, number):
        rows = {key: np.asarray(value)[start : start + number] for key, value in batch.items()}
        logs.append(model.train_on_batch(rows, return_dict=True))
    groups = {"weights": model.weights}
    for attribute, optimizer in zip(model.optimizer_names, optimizers, strict=True):
        groups[attribute] = [momentum for momentum in optimizer.variables if len(momentum.shape)]
    return {f"{name}: {log}": [step[log] for step in logs] for log in logs[0]} | {
        f"{name}: {group}": np.concatenate([value.ravel() for value in values(variables)])
        for group, variables in groups.items()
    }


def all_trained():
    """The result of `trained` of all families."""
    return {key: value for name in FAMILIES for key, value in trained(name).items()}
