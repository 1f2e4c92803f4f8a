"""The `tf.data` pipeline: batches of an `ImageSet` in the order of each epoch."""

import numpy as np
import tensorflow as tf

from zoo.data.image_set import ImageSet
from zoo.data.sources import read
from zoo.errors import DataError, InputError, check_count, check_flag, shown
from zoo.latents import check_seed


def dataset(
    source,
    image_shape=None,
    batch_size=64,
    *,
    split="train",
    data_dir=None,
    shuffle=True,
    seed=0,
    drop_remainder=True,
):
    """Builds the `tf.data.Dataset` of canonical batches for `fit`; models of pairs or prompts need other data.

    The order of the images depends on `seed` and the epoch alone, so a run that was killed and resumed sees the same
    batches as an uninterrupted one. `fit` tells the data set its epoch. Iterated by hand, the first pass is epoch 0,
    the next one epoch 1, and so on.

    Args:
        source: a TFDS name (`"fashion_mnist"`), an image folder, an array or anything else that `read` takes.
        image_shape: `(height, width, channels)` to crop and resize to; arrays must already have this shape. Default
            None takes the shape of the arrays; TFDS names and folders need one.
        batch_size: images per batch, at least 1; default 64.
        split: TFDS split, such as `"train"` (default) or `"train[:90%]"`. TFDS has no test split of `tf_flowers`; for
            it, `"train"` is the first 85 % and `"test"` the rest. Slices of both work, too.
        data_dir: folder where TFDS finds or puts its data sets; default `TFDS_DATA_DIR` or TFDS' own.
        shuffle: bool, whether each epoch has its own order; default True.
        seed: integer from 0 to 2**63 - 1 that determines the orders; default 0.
        drop_remainder: bool, whether to drop the last, smaller batch of an epoch; default True.

    Returns:
        `tf.data.Dataset` of dicts. Its attribute `images` is the array of all images, `set_epoch(epoch)` sets the next
        epoch, and `shortened(steps)` returns a data set whose epochs end after `steps` batches.

    Raises:
        DataError: the source is missing, empty, unreadable, or has fewer images than a batch.
        InputError: an array has the wrong shape, dtype or range, or an argument is out of range.
    """
    image_set = read(source, image_shape, split=split, data_dir=data_dir)
    return batches(image_set, batch_size, shuffle=shuffle, seed=seed, drop_remainder=drop_remainder)


def check_batch_size(batch_size, number, drop_remainder, parts=1):
    """Returns the number of images per batch: `batch_size` for each of `parts` updates.

    Args:
        batch_size: images per update, at least 1.
        number: images in the data set, at least 0.
        drop_remainder: bool, whether only whole batches are used.
        parts: updates per batch, at least 1; default 1.

    Returns:
        int, `batch_size * parts`.

    Raises:
        InputError: an argument is out of range.
        DataError: `drop_remainder` is set and the data set has fewer images than one batch.
    """
    taken = check_count(batch_size, "batch_size") * check_count(parts, "parts")
    number, drop_remainder = check_count(number, "number", least=0), check_flag(drop_remainder, "drop_remainder")
    if drop_remainder and number < taken:
        of = f"{batch_size} for each of {parts} discriminator steps" if parts > 1 else str(batch_size)
        raise DataError(
            f"The data set has {number} images, fewer than one batch of {of}; give more images or a smaller batch_size."
        )
    return taken


def batches(image_set, batch_size, *, shuffle=True, seed=0, drop_remainder=True, paired=True, parts=1):
    """Builds the `tf.data.Dataset` over an `ImageSet`.

    Args:
        image_set: `ImageSet`, as `read` and `read_pairs` return it.
        batch_size: images per update, at least 1.
        shuffle, seed, drop_remainder: as for `dataset`.
        paired: bool, whether source image `i` belongs to image `i`; default True. Unpaired images and source images are
            shuffled separately, and an epoch passes once over the longer of the two.
        parts: updates per batch, each with `batch_size` images; default 1.

    Returns:
        `tf.data.Dataset`, as for `dataset`.

    Raises:
        DataError: there are fewer images than a batch.
        InputError: an argument is out of range.
    """
    if not isinstance(image_set, ImageSet):
        raise InputError(f"image_set is {shown(image_set)}, expected an ImageSet, as read returns it.")
    shuffle, paired = check_flag(shuffle, "shuffle"), check_flag(paired, "paired")
    images, labels, _, sources, prompts = image_set
    sizes = [len(images)] if paired else [len(images), len(sources)]
    number = max(sizes)
    batch_size, seed = check_batch_size(batch_size, number, drop_remainder, parts), check_seed(seed)
    order = _Order(sizes, shuffle, seed)

    def rows(array, indices):
        found = tf.numpy_function(lambda i: array[i], [indices], array.dtype)
        found.set_shape((indices.shape[0], *array.shape[1:]))
        return found

    def gather(indices):
        batch = {"images": rows(images, indices[:, 0])}
        if sources is not None:
            batch["source_images"] = rows(sources, indices[:, -1])
        for name, values in (("labels", labels), ("prompts", prompts)):
            if values is not None:
                batch[name] = tf.gather(values, indices[:, 0])
        return batch

    def indices(_):
        # The order of tf.data's shuffle depends on how often it was iterated, unlike a permutation by NumPy.
        permutation = tf.numpy_function(order.next_epoch, [], tf.int64)
        permutation.set_shape((number, len(sizes)))
        return tf.data.Dataset.from_tensor_slices(permutation)

    steps = number // batch_size if drop_remainder else -(-number // batch_size)
    # TensorFlow's tuner sometimes delays the end of the data set until the time to read it has doubled (`fit` returned
    # after 20 s instead of 10), and this pipeline has nothing to tune.
    untuned = tf.data.Options()
    untuned.autotune.enabled = False
    result = (
        tf.data.Dataset.from_tensors(0)
        .flat_map(indices)
        .batch(batch_size, drop_remainder=drop_remainder)
        .map(gather)
        .apply(tf.data.experimental.assert_cardinality(steps))
        .prefetch(2)
        .with_options(untuned)
    )

    def known(dataset):
        dataset.set_epoch, dataset.images, dataset.shortened = order.set_epoch, images, shortened
        return dataset

    def shortened(number):
        if check_count(number, "steps_per_epoch") > steps:
            raise InputError(f"steps_per_epoch is {number}, expected at most the {steps} batches of the data set.")
        return known(result.take(number))

    return known(result)


class _Order:
    """The order of the images in each epoch, drawn from a random stream that depends on (seed, epoch) alone.

    Each of `sizes` has one column of indices. All columns are as long as the largest, so shorter ones repeat.
    """

    def __init__(self, sizes, shuffle, seed):
        self._sizes, self._shuffle, self._seed, self._epoch = sizes, shuffle, seed, 0

    def set_epoch(self, epoch):
        self._epoch = check_count(epoch, "epoch", least=0)

    def next_epoch(self):
        epoch, self._epoch = self._epoch, self._epoch + 1
        stream = np.random.RandomState(np.random.Philox(key=[self._seed, epoch]))
        columns = [stream.permutation(size) if self._shuffle else np.arange(size) for size in self._sizes]
        return np.stack([np.resize(column, max(self._sizes)) for column in columns], 1)
