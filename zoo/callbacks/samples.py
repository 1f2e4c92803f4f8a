"""Grids of samples and metrics of the model after epochs."""

import contextlib
import math

import keras

from zoo.errors import InputError, MissingDependencyError, check_count, check_text, shown
from zoo.files import expanded, make_folder, remove_leftovers
from zoo.images import check_drawable, grid, write_png
from zoo.latents import check_seed


class SampleGrid(keras.callbacks.Callback):
    """Draws images of the same seed after every epoch into `folder/epoch_0001.png` and, on request, into TensorBoard.

    Args:
        folder: folder of the pictures.
        num_samples: images per grid, at least 1; default 64.
        seed: seed of `generate`, an integer from 0 to 2**63 - 1; default 0.
        log_dir: TensorBoard folder that also gets the grid as an image; default None.
        draw: function without arguments that returns the images, such as reconstructions; default the model's
            `generate`.

    Raises:
        InputError: an argument is not of this form, or the model needs a `draw`.
        MissingDependencyError: `log_dir` is given and TensorBoard is not installed.
    """

    def __init__(self, folder, num_samples=64, seed=0, log_dir=None, draw=None):
        super().__init__()
        self._folder, self._num_samples, self._draw = expanded(folder), check_count(num_samples, "num_samples"), draw
        self._seed = check_seed(seed)
        if draw is not None and not callable(draw):
            raise InputError(f"draw is {shown(draw)}, expected a function that returns images, or None.")
        self._writer = None if log_dir is None else _summary_writer(log_dir)

    def on_train_begin(self, logs=None):
        if self._draw is None:
            self._check_that_the_model_draws()
        make_folder(self._folder, "folder")
        remove_leftovers(self._folder / "epoch_*.png")

    def _check_that_the_model_draws(self):
        if not self.model.draws_alone:
            raise InputError(
                f"draw is None, expected a function that returns images, since this {type(self.model).__name__} cannot "
                "draw any from a number alone."
            )
        check_drawable(self.model.image_shape[-1])

    def on_epoch_end(self, epoch, logs=None):
        images = self._draw() if self._draw else self.model.generate(self._num_samples, seed=self._seed)
        picture = grid(images)
        write_png(self._folder / f"epoch_{epoch + 1:04}.png", picture, scale=2)
        if self._writer:
            import tensorflow as tf

            with self._writer.as_default():
                tf.summary.image("samples", picture[None], step=epoch)
            self._writer.flush()


def _summary_writer(log_dir):
    with contextlib.suppress(ImportError):
        import tensorboard  # noqa: F401 - TensorFlow's writer needs it and fails late without
        import tensorflow as tf

        folder = expanded(log_dir)
        make_folder(folder, "log_dir")
        return tf.summary.create_file_writer(str(folder))
    raise MissingDependencyError(
        "TensorBoard logs need the package tensorboard: pip install 'generative-zoo[tensorboard]'."
    )


class SampleMetric(keras.callbacks.Callback):
    """Computes a metric of the model after the first epoch and every `every` epochs, and adds it to the logs.

    In the epochs between, the metric is NaN, which later callbacks such as `EarlyStopping` and `ModelCheckpoint` treat
    as no improvement; their `patience` counts these epochs, too.

    Args:
        name: key in the logs and in `history`.
        function: function that takes the model and returns a float.
        every: epochs between two values, at least 1; default 1.

    Raises:
        InputError: an argument is not of this form.
    """

    def __init__(self, name, function, every=1):
        super().__init__()
        if not callable(function):
            raise InputError(f"function is {shown(function)}, expected a function of the model.")
        self._name, self._function, self._every = check_text(name, "name"), function, check_count(every, "every")

    def on_train_begin(self, logs=None):
        self._first = True

    def on_epoch_end(self, epoch, logs=None):
        # CSVLogger takes its columns from the first epoch, and other callbacks take their first value as the best so
        # far.
        due = self._first or (epoch + 1) % self._every == 0
        self._first = False
        logs[self._name] = float(self._function(self.model)) if due else math.nan
