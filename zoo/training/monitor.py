"""What a step reports to `fit`: means of figures, the first update that failed, and noise of each replica."""

import keras
from keras import ops

from zoo.errors import InputError
from zoo.training.step import num_replicas


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """A seed generator whose replicas under `tf.distribute` draw different noise."""

    def next(self, ordered=True):
        seed = super().next(ordered)
        if keras.backend.backend() != "tensorflow":
            return seed
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        replica = 0 if context is None else context.replica_id_in_sync_group
        # Into the half that the counter does not use, else replicas would repeat each other's later draws.
        return seed + ops.cast(ops.stack([ops.cast(replica, "int32") * 7919, 0]), seed.dtype)


class Means(keras.metrics.Metric):
    """The means of the figures that a step reports, in one vector."""

    def __init__(self, names):
        super().__init__(name="means")
        self._names = tuple(names)
        self._totals = self.add_variable((len(self._names),), "zeros", name="totals")
        self._counts = self.add_variable((len(self._names),), "zeros", name="counts")

    def update_state(self, logs, number):
        """Takes in figures of so many images."""
        unknown = logs.keys() - set(self._names)
        if unknown:
            raise InputError(f"A step reports {sorted(unknown)[0]!r}, expected one of monitored={self._names}.")
        figures = ops.stack([ops.cast(logs.get(name, 0), "float32") for name in self._names])
        # Infinite are only the gradients of an update that a loss scaler skipped.
        counted = ops.logical_and([name in logs for name in self._names], ops.logical_not(ops.isinf(figures)))
        number = ops.cast(number, "float32")
        # A replica may have no share of a small last batch, and NaN for figures.
        counted = ops.logical_and(counted, number > 0)
        self._totals.assign_add(ops.where(counted, number * figures, 0.0))
        self._counts.assign_add(ops.where(counted, number, 0.0))

    def result(self):
        # NaN, not 0, of what there was none of, lest an epoch without data passes for the best.
        means = self._totals.value / self._counts.value
        return dict(zip(self._names, ops.unstack(means), strict=True))


class Monitor:
    """The means that `fit` shows, and the first update that failed or numbers of a batch that mean nothing.

    A plain object, because Keras would save metrics that are attributes of the model into every preset.
    """

    def __init__(self, names):
        self.means = Means(names)
        self.parts, self._traced = [], []
        #: How many numbers there are of each kind that batches hold, such as "labels".
        self.limits = {}
        self.failure = keras.Variable(
            "zeros", (2,), dtype="int32", trainable=False, aggregation="only_first_replica", name="failure"
        )

    def update(self, logs, batch):
        self.means.update_state(logs, ops.shape(batch["images"])[0])
        means = self.means.result()
        # After a failure no figure is finite, so that `StopOnNonFinite` sees it without reading a variable.
        failed = ops.greater(self.failure[0], 0)
        return {name: ops.where(failed, float("nan"), means[name]) for name in logs}

    def traces_another(self, traced):
        """Whether the objects that a step works on are others than when this was last asked, and keeps them."""
        before, self._traced = self._traced, traced
        return [*map(id, before)] != [*map(id, traced)]

    def note(self, part, good, step):
        """Keeps the part and the step of the first of all that was not good."""
        if part not in self.parts:
            self.parts.append(part)
        found = ops.stack([ops.cast(self.parts.index(part) + 1, "int32"), ops.cast(step, "int32") + 1])
        first = ops.logical_and(ops.equal(self.failure[0], 0), ops.logical_not(good))
        self.failure.assign(ops.where(first, found, self.failure.value))

    def known(self, name, numbers, limit, step):
        """int32 numbers of a batch, moved into the range from 0 to below `limit`, and notes where that moved any.

        Within the step, because ready-made batches come from anywhere, and what has no class is somebody else's in the
        range, or past the end of a table.
        """
        self.limits[name] = limit
        whole = ops.cast(numbers, "int32")
        within = ops.logical_and(whole >= 0, whole < limit)
        # Fractions, NaN and numbers of 64 bits change by the cast.
        unknown = ops.logical_not(ops.all(ops.logical_and(within, ops.equal(ops.cast(whole, numbers.dtype), numbers))))
        self.note(name, ops.logical_not(_on_any_replica(unknown)), step)
        return ops.clip(whole, 0, limit - 1)


def _on_any_replica(flag):
    """Whether a flag is set on any replica: the monitor keeps what the first one says."""
    if keras.backend.backend() != "tensorflow" or num_replicas() == 1:
        return flag
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, ops.cast(flag, "int32")) > 0
