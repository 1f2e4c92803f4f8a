"""Trainings of equal minutes of processor time, each in a process of its own, and the share of memorized samples."""

import contextlib
import fcntl
import math
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import keras
import numpy as np
import tensorflow as tf

from zoo import data
from zoo.metrics import nearest_neighbors

# Batches that measure the standing statistics of a generator, as recipes and `fine_tune` do.
_STATISTICS = 100


class Deadline(keras.callbacks.Callback):
    """Ends a training after some minutes of processor time, during which all learning rates fall to 0 along a cosine.

    Args:
        minutes: float.
    """

    def __init__(self, minutes):
        super().__init__()
        self._minutes, self.steps = minutes, 0

    def on_train_begin(self, logs=None):
        self._begin = time.process_time()
        self._optimizers = [getattr(self.model, name) for name in self.model.optimizer_names]
        self._rates = [float(optimizer.learning_rate) for optimizer in self._optimizers]

    @property
    def _share(self):
        return min((time.process_time() - self._begin) / (60 * self._minutes), 1.0)

    def on_train_batch_begin(self, batch, logs=None):
        factor = 0.5 * (1 + math.cos(math.pi * self._share))
        for optimizer, rate in zip(self._optimizers, self._rates, strict=True):
            optimizer.learning_rate = factor * rate

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.model.stop_training = self._share == 1.0


def fit(model, images, minutes, batch_size, of_prior=False):
    """Trains a compiled model, or its prior, for some minutes of processor time, and returns the number of steps."""
    deadline, fit_part = Deadline(minutes), model.fit_prior if of_prior else model.fit
    # The deadline comes long before this many epochs.
    fit_part(images, batch_size=batch_size, epochs=10**6, callbacks=[deadline], verbose=0)
    if hasattr(model, "update_standing_statistics"):
        batches = data.batches(data.read(images, model.image_shape), batch_size)
        model.update_standing_statistics(batches.take(_STATISTICS))
    return deadline.steps


def memorized(drawn, known, real):
    """Returns the share of samples nearer to a training image than 95 % of the test images are, given features."""
    _, distances = nearest_neighbors(drawn, known)
    _, usual = nearest_neighbors(real, known)
    return float(np.mean(distances < np.quantile(usual, 0.05)))


@contextlib.contextmanager
def alone(script):
    """Within this context, no other process of a script writes results."""
    with open(script, encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def in_new_process(threads, function, *args):
    """Calls a function in a process of its own, because the graphs of a training stay in memory until it ends."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, use_threads, (threads,)) as pool:
        pool.submit(function, *args).result()


def use_threads(number):
    tf.config.threading.set_intra_op_parallelism_threads(number)
    tf.config.threading.set_inter_op_parallelism_threads(number)
