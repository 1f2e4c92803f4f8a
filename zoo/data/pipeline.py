"""Batches of an `ImageSet` in the order of each epoch."""

import keras
import numpy as np

from zoo.data.array_batches import ArrayBatches
from zoo.data.image_set import ImageSet
from zoo.data.sources import read
from zoo.devices import number_of_devices
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
    """Builds the data set of canonical batches for `fit`; models of pairs or prompts need other data.

    The order of the images depends on `seed` and the epoch alone, so a run that was killed and resumed sees the same
    batches as an uninterrupted one. `fit` tells the data set its epoch. Iterated by hand, the first pass is epoch 0,
    the next one epoch 1, and so on.

    Args:
        source: str, path, array, tuple, dict or `ImageSet`. A TFDS name (`"fashion_mnist"`), an image folder, an array
            or anything else that `read` takes.
        image_shape: tuple `(height, width, channels)`, or None. Files are cropped and resized to it; arrays must have
            it. TFDS names and folders need it. Defaults to None, which takes the shape of the arrays.
        batch_size: int, at least 1. Images per batch. Defaults to 64.
        split: str. TFDS split, such as `"train"` or `"train[:90%]"`. TFDS has no test split of `tf_flowers`; for it,
            `"train"` is the first 85 % and `"test"` the rest. Slices of both work, too. Defaults to `"train"`.
        data_dir: str, path or None. Folder where TFDS finds or puts its data sets. Defaults to None, which is
            `TFDS_DATA_DIR` or TFDS' own.
        shuffle: bool. Whether each epoch has its own order. Defaults to True.
        seed: int from 0 to 2**63 - 1 that determines the orders. Defaults to 0.
        drop_remainder: bool. Whether to drop the last, smaller batch of an epoch. Defaults to True.

    Returns:
        Data set of dicts, a `tf.data.Dataset` under Keras' TensorFlow backend and a `keras.utils.PyDataset` under
        others. Its attribute `images` is the array of all images, `set_epoch(epoch)` sets the next epoch, `take(steps)`
        returns the first batches, and `shortened(steps)` a data set whose epochs end after `steps` batches.

    Raises:
        DataError: If the source is missing, empty, unreadable, or has fewer images than a batch.
        InputError: If an array has the wrong shape, dtype or range, or an argument is out of range.

    Example:

    ```python
    import zoo

    dataset = zoo.data.dataset("my_images/", (32, 32, 3), batch_size=32)
    for batch in dataset:
        print(batch["images"].shape)  # (32, 32, 32, 3)
    ```
    """
    image_set = read(source, image_shape, split=split, data_dir=data_dir)
    return batches(image_set, batch_size, shuffle=shuffle, seed=seed, drop_remainder=drop_remainder)


def check_batch_size(batch_size, number, drop_remainder, parts=1):
    """Returns the number of images per batch: `batch_size` for each of `parts` updates.

    Args:
        batch_size: int, at least 1. Images per update.
        number: int, at least 0. Images in the data set.
        drop_remainder: bool. Whether only whole batches are used.
        parts: int, at least 1. Updates per batch. Defaults to 1.

    Returns:
        int, `batch_size * parts`.

    Raises:
        InputError: If an argument is out of range, or several devices cannot share a batch equally.
        DataError: If `drop_remainder` is set and the data set has fewer images than one batch.
    """
    images_per_batch = check_count(batch_size, "batch_size") * check_count(parts, "parts")
    if batch_size % number_of_devices():
        raise InputError(
            f"batch_size is {batch_size}, expected a multiple of {number_of_devices()}, the number of devices."
        )
    number, drop_remainder = check_count(number, "number", least=0), check_flag(drop_remainder, "drop_remainder")
    if drop_remainder and number < images_per_batch:
        of = f"{batch_size} for each of {parts} discriminator steps" if parts > 1 else str(batch_size)
        raise DataError(
            f"The data set has {number} images, fewer than one batch of {of}; give more images or a smaller batch_size."
        )
    return images_per_batch


def batches(image_set, batch_size, *, shuffle=True, seed=0, drop_remainder=True, paired=True, parts=1):
    """Builds the data set of canonical batches over an `ImageSet`.

    Args:
        image_set: `ImageSet`, as `read` and `read_pairs` return it.
        batch_size: int, at least 1. Images per update.
        shuffle: bool. Whether each epoch has its own order. Defaults to True.
        seed: int from 0 to 2**63 - 1 that determines the orders. Defaults to 0.
        drop_remainder: bool. Whether to drop the last, smaller batch of an epoch. Defaults to True.
        paired: bool. Whether source image `i` belongs to image `i`. Unpaired images and source images are shuffled
            separately, and an epoch passes once over the longer of the two. Defaults to True.
        parts: int, at least 1. Updates per batch, each with `batch_size` images. Defaults to 1.

    Returns:
        Data set, as for `dataset`.

    Raises:
        DataError: If there are fewer images than a batch.
        InputError: If an argument is out of range.

    Example:

    ```python
    import zoo

    image_set = zoo.data.read("my_images/", (32, 32, 3))
    dataset = zoo.data.batches(image_set, batch_size=32, seed=1)
    ```
    """
    if not isinstance(image_set, ImageSet):
        raise InputError(f"image_set is {shown(image_set)}, expected an ImageSet, as read returns it.")
    shuffle, paired = check_flag(shuffle, "shuffle"), check_flag(paired, "paired")
    images, labels, _, source_images, prompts, latents = image_set
    sizes = [len(images)] if paired else [len(images), len(source_images)]
    number = max(sizes)
    batch_size, seed = check_batch_size(batch_size, number, drop_remainder, parts), check_seed(seed)
    # A last, smaller batch needs a row for each device.
    left_out = batch_size if drop_remainder else number_of_devices()
    steps = (number + batch_size - left_out) // batch_size
    texts = 1
    if np.ndim(prompts) == 3:
        texts, prompts = prompts.shape[1], prompts.reshape(-1, prompts.shape[-1])
    order = _Order(sizes, shuffle, seed, texts)
    columns = {
        "images": (images, 0),
        "labels": (labels, 0),
        "source_images": (source_images, len(sizes) - 1),
        "prompts": (prompts, len(sizes)),
        "latents": (latents, 0),
    }
    columns = {name: found for name, found in columns.items() if found[0] is not None}
    if keras.backend.backend() == "tensorflow":
        # Other backends do without TensorFlow.
        from zoo.data.tensorflow_batches import tensorflow_batches

        return tensorflow_batches(columns, order, batch_size, steps)
    return ArrayBatches(columns, order, batch_size, steps)


class _Order:
    """The order of the images in each epoch, drawn from a random stream that depends on (seed, epoch) alone.

    Each of `sizes` has one column of indices. All columns are as long as the largest, so shorter ones repeat. The last
    column is that of the texts, of which each image has a number, one for each epoch.
    """

    def __init__(self, sizes, shuffle, seed, texts):
        self.shape = (max(sizes), len(sizes) + 1)
        self._sizes, self._shuffle, self._seed, self._texts, self._epoch = sizes, shuffle, seed, texts, 0

    def set_epoch(self, epoch):
        self._epoch = check_count(epoch, "epoch", least=0)

    def next_epoch(self):
        epoch, self._epoch = self._epoch, self._epoch + 1
        stream = np.random.RandomState(np.random.Philox(key=[self._seed, epoch]))
        columns = [stream.permutation(size) if self._shuffle else np.arange(size) for size in self._sizes]
        columns.append(columns[0] * self._texts + epoch % self._texts)
        return np.stack([np.resize(column, self.shape[0]) for column in columns], 1)
