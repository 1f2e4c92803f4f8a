"""What a step reports to `fit`: mean logs, the first failed update, and noise that differs between replicas."""

import keras
from keras import ops

from zoo.errors import InputError
from zoo.images import RANGE_TOLERANCE
from zoo.training.step import num_replicas


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """A seed generator that draws different noise on each replica of `tf.distribute`."""

    def next(self, ordered=True):
        seed = super().next(ordered)
        if keras.backend.backend() != "tensorflow":
            return seed
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        replica = 0 if context is None else context.replica_id_in_sync_group
        # The replica changes the half of the seed that the counter leaves alone. In the counter's half, replicas would
        # repeat each other's later draws.
        return seed + ops.cast(ops.stack([ops.cast(replica, "int32") * 7919, 0]), seed.dtype)


class Means(keras.metrics.Metric):
    """The means of all logs of a step, kept in one vector."""

    def __init__(self, names):
        super().__init__(name="means")
        self._names = tuple(names)
        self._totals = self.add_variable((len(self._names),), "zeros", name="totals")
        self._counts = self.add_variable((len(self._names),), "zeros", name="counts")

    def update_state(self, logs, number):
        """Adds the logs of a batch, weighted by its `number` of images."""
        unknown = logs.keys() - set(self._names)
        if unknown:
            raise InputError(f"A step reports {sorted(unknown)[0]!r}, expected one of monitored={self._names}.")
        figures = ops.stack([ops.cast(logs.get(name, 0), "float32") for name in self._names])
        # A gradient norm is infinite only where the loss scaler skipped the update.
        counted = ops.logical_and([name in logs for name in self._names], ops.logical_not(ops.isinf(figures)))
        number = ops.cast(number, "float32")
        # A replica may get no images of a small last batch, which makes its logs NaN.
        counted = ops.logical_and(counted, number > 0)
        self._totals.assign_add(ops.where(counted, number * figures, 0.0))
        self._counts.assign_add(ops.where(counted, number, 0.0))

    def result(self):
        # A log without any value is NaN, not 0, so that an epoch without data never counts as the best.
        means = self._totals.value / self._counts.value
        return dict(zip(self._names, ops.unstack(means), strict=True))


class Monitor:
    """The mean logs that `fit` shows, and the first failure: a non-finite update or an invalid number in a batch.

    The monitor is a plain object, because Keras would save metrics that are attributes of the model into every preset.
    """

    def __init__(self, names):
        self.means = Means(names)
        self.parts, self._traced = [], []
        #: What each entry of a batch that is checked in the step may hold, such as "integers from 0 to 9".
        self.expected = {}
        self.failure = keras.Variable(
            "zeros", (2,), dtype="int32", trainable=False, aggregation="only_first_replica", name="failure"
        )

    def update(self, logs, batch):
        self.means.update_state(logs, ops.shape(batch["images"])[0])
        means = self.means.result()
        # After a failure all logs are NaN, so `StopOnNonFinite` notices it without reading a variable.
        failed = ops.greater(self.failure[0], 0)
        return {name: ops.where(failed, float("nan"), means[name]) for name in logs}

    def traces_another(self, traced):
        """Returns whether any traced object changed since the last call."""
        before, self._traced = self._traced, traced
        return [*map(id, before)] != [*map(id, traced)]

    def note(self, part, good, step):
        """Records the part and the step of the first failure; later ones are ignored."""
        if part not in self.parts:
            self.parts.append(part)
        found = ops.stack([ops.cast(self.parts.index(part) + 1, "int32"), ops.cast(step, "int32") + 1])
        first = ops.logical_and(ops.equal(self.failure[0], 0), ops.logical_not(good))
        self.failure.assign(ops.where(first, found, self.failure.value))

    def integers(self, name, numbers, limit, step, shape=()):
        """Returns an entry of a batch as int32 from 0 to `limit - 1`; a number outside of that stops `fit`.

        The check runs inside the step because ready-made batches can come from any source. An invalid number would
        otherwise be read as another class, or as an index past the end of a table.

        Args:
            name: str. Name of the entry.
            numbers: tensor `(n, *shape)` of integers, or of floats that are whole numbers.
            limit: int. Number of valid integers.
            step: number of the step, for the message.
            shape: tuple. Shape of one row. Defaults to `()`.

        Raises:
            InputError: If the tensor has another shape or holds no numbers.
        """
        dtype = keras.backend.standardize_dtype(numbers.dtype)
        if tuple(numbers.shape[1:]) != shape or not dtype.startswith(("int", "uint", "float", "bfloat")):
            expected = ", ".join(map(str, ("n", *shape)))
            raise InputError(
                f"A batch of x has {name} of {dtype} and shape {tuple(numbers.shape)}, expected integers ({expected})."
            )
        self.expected[name] = f"integers from 0 to {limit - 1}"
        whole = ops.cast(numbers, "int32")
        within = ops.logical_and(whole >= 0, whole < limit)
        # The cast to int32 changes fractions, NaN and large 64-bit numbers, so the comparison finds them.
        unknown = ops.logical_not(ops.all(ops.logical_and(within, ops.equal(ops.cast(whole, numbers.dtype), numbers))))
        self.note(name, ops.logical_not(_on_any_replica(unknown)), step)
        return ops.clip(whole, 0, limit - 1)

    def labels(self, labels, num_classes, step):
        """Returns the labels of a batch as int32 `(n,)`; rows of a single 1 among 0, one for each class, are read too.

        Args:
            labels: tensor `(n,)` of integers or `(n, num_classes)` of one-hot rows.
            num_classes: int.
            step: number of the step, for the message.

        Raises:
            InputError: If the tensor has another shape.
        """
        if tuple(labels.shape[1:]) != (num_classes,):
            return self.integers("labels", labels, num_classes, step)
        rows = ops.cast(labels, "float32")
        are_bits = ops.all(ops.logical_or(ops.equal(rows, 0.0), ops.equal(rows, 1.0)), axis=1)
        is_one_hot = ops.logical_and(are_bits, ops.equal(ops.sum(rows, axis=1), 1.0))
        # -1 is no class, so that the check of the integers finds rows that are not one-hot.
        labels = ops.where(is_one_hot, ops.cast(ops.argmax(rows, axis=1), "int32"), -1)
        integers = self.integers("labels", labels, num_classes, step)
        self.expected["labels"] = "rows of a single 1 among 0"
        return integers

    def images(self, name, images, image_shape, step):
        """Returns an entry of a batch as float32 images in [-1, 1]; a value outside of that, or NaN, stops `fit`.

        Args:
            name: str. Name of the entry.
            images: tensor `(n, *image_shape)`, uint8 or floats in [-1, 1].
            image_shape: `(height, width, channels)`.
            step: number of the step, for the message.

        Raises:
            InputError: If the images have another shape.
        """
        if keras.backend.backend() == "tensorflow":
            images = _with_known_shape(images, image_shape)
        if tuple(images.shape[1:]) != image_shape:
            expected = ", ".join(map(str, image_shape))
            raise InputError(f"A batch of {name} has shape {tuple(images.shape)}, expected (n, {expected}).")
        if keras.backend.standardize_dtype(images.dtype) == "uint8":
            return ops.cast(images, "float32") / 127.5 - 1.0
        images = ops.cast(images, "float32")
        self.expected[name] = "uint8 in 0..255 or floats in [-1, 1]"
        outside = ops.logical_not(ops.all(ops.abs(images) <= 1.0 + RANGE_TOLERANCE))
        self.note(name, ops.logical_not(_on_any_replica(outside)), step)
        return ops.clip(images, -1.0, 1.0)


def _with_known_shape(images, image_shape):
    """Returns the tensor with its static shape set, and lets the graph check the actual one.

    A Python function inside a tf.data pipeline yields an unknown static shape.
    """
    import tensorflow as tf

    if tf.is_tensor(images) and images.shape.is_compatible_with((None, *image_shape)):
        return tf.ensure_shape(images, (None, *image_shape))
    return images


def _on_any_replica(flag):
    """Returns whether the flag is set on any replica, because the monitor keeps the first replica's value only."""
    if keras.backend.backend() != "tensorflow" or num_replicas() == 1:
        return flag
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, ops.cast(flag, "int32")) > 0
