"""Batches as a `tf.data.Dataset`, for Keras' TensorFlow backend."""

import tensorflow as tf

from zoo.data.array_batches import check_shortened


def tensorflow_batches(columns, order, batch_size, steps):
    """Returns batches as a `tf.data.Dataset`; arguments are those of `ArrayBatches`."""
    number, _ = order.shape

    def indices_of_epoch(_):
        # The order of tf.data's shuffle depends on how often it was iterated, unlike a permutation by NumPy.
        indices = tf.numpy_function(order.next_epoch, [], tf.int64)
        indices.set_shape(order.shape)
        return tf.data.Dataset.from_tensor_slices(indices)

    def gather(indices):
        return {name: _take(rows, indices[:, column]) for name, (rows, column) in columns.items()}

    # TensorFlow's tuner sometimes delays the end of the data set until the time to read it has doubled (`fit` returned
    # after 20 s instead of 10), and this pipeline has nothing to tune.
    untuned = tf.data.Options()
    untuned.autotune.enabled = False
    pipeline = (
        tf.data.Dataset.from_tensors(0)
        .flat_map(indices_of_epoch)
        .batch(batch_size, drop_remainder=steps * batch_size <= number)
        .map(gather)
        .apply(tf.data.experimental.assert_cardinality(steps))
        .prefetch(2)
        .with_options(untuned)
    )
    return _with_attributes(pipeline, columns["images"][0], order)


def _take(array, indices):
    """Returns rows of an array that stays in NumPy, because TensorFlow would copy all of it into a constant."""
    rows = tf.numpy_function(lambda i: array[i], [indices], array.dtype)
    rows.set_shape((indices.shape[0], *array.shape[1:]))
    return rows


def _with_attributes(pipeline, images, order):
    """Gives a `tf.data.Dataset` the attributes that `zoo.data.dataset` promises."""

    def shortened(steps):
        check_shortened(steps, int(pipeline.cardinality()))
        return _with_attributes(pipeline.take(steps), images, order)

    pipeline.images, pipeline.set_epoch, pipeline.shortened = images, order.set_epoch, shortened
    return pipeline
