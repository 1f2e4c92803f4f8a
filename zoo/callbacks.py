"""Callbacks for `fit` (exact resuming, data order, NaN guard, warnings, sample grids, metrics) and for `predict`."""

import contextlib
import math
import os
import warnings

import h5py
import keras
import numpy as np

from zoo.errors import (
    DataError,
    InputError,
    MissingDependencyError,
    NonFiniteError,
    StorageError,
    check_count,
    check_flag,
    check_text,
    first_line,
    shown,
)
from zoo.files import MemoryFile, expanded, remove_leftovers, storing
from zoo.images import check_drawable, check_images, grid, to_uint8, write_png
from zoo.latents import check_seed
from zoo.progress import bar


class EpochOrder(keras.callbacks.Callback):
    """Tells a `zoo.data` data set which epoch begins, because its order depends on the epoch.

    Args:
        dataset: `tf.data.Dataset` of `zoo.data`.

    Raises:
        InputError: the data set has no `set_epoch`.
    """

    def __init__(self, dataset):
        super().__init__()
        if not hasattr(dataset, "set_epoch"):
            raise InputError(f"dataset is {shown(dataset)}, expected one of zoo.data.")
        self._dataset = dataset

    def on_epoch_begin(self, epoch, logs=None):
        self._dataset.set_epoch(epoch)


class PredictionProgress(keras.callbacks.Callback):
    """Shows a progress bar on a terminal if `predict` takes longer than a second.

    Keras' own bar goes to standard output, where it mixes with the output of a program.

    Args:
        what: text in front of the bar.
    """

    def __init__(self, what):
        super().__init__()
        self._what = check_text(what, "what")

    def on_predict_begin(self, logs=None):
        steps = self.params.get("steps")
        self._bar = bar(total=steps, desc=self._what, unit="batch")

    def on_predict_batch_end(self, batch, logs=None):
        self._bar.update()

    def on_predict_end(self, logs=None):
        self._bar.close()


class StopOnNonFinite(keras.callbacks.Callback):
    """Raises `NonFiniteError` at the first update whose loss or gradient is NaN or infinite.

    The error names the network and the step. It is raised before the epoch ends, so a backup keeps the last good state.
    Labels of a ready-made batch that name no class raise `InputError` in the same way.
    """

    _ADVICE = "a smaller learning rate or clipping (global_clipnorm of the optimizer) usually helps."

    def on_train_batch_end(self, batch, logs=None):
        # A gradient norm in the logs shows every failure. Reading the variable that locates the failure takes as long
        # as the rest of Keras' work between two steps.
        if logs and all(isinstance(value, float) and math.isfinite(value) for value in logs.values()):
            return
        failure = self.model.first_failure()
        if failure is not None:
            self.model.refuse_unknown_numbers()
            part, step = failure
            raise NonFiniteError(f"The {part}'s loss or gradient became NaN or infinite at step {step}; {self._ADVICE}")

    def on_epoch_end(self, epoch, logs=None):
        # No loss shows yet what the epoch's last update broke, and the backup is written next.
        for variable in self.model.weights:
            if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
                raise NonFiniteError(
                    f"The weight {variable.path} became NaN or infinite at the end of epoch {epoch + 1}; {self._ADVICE}"
                )


class WarnOfUnusedCodes(keras.callbacks.Callback):
    """Warns once if a codebook collapses, that is, if an epoch's batches use less than a tenth of it on average."""

    def __init__(self):
        super().__init__()
        self._warned = False

    def on_epoch_end(self, epoch, logs=None):
        share = (logs or {}).get("used_codes", 1.0)
        if share < 0.1 and not self._warned:
            self._warned = True
            warnings.warn(
                f"The codebook collapses: in epoch {epoch + 1} a batch used {100 * share:.1f} % of it, perplexity "
                f"{logs['perplexity']:.1f}; running means (ema_decay) restart unused codes, and larger batches help.",
                stacklevel=2,
            )


class WarnOfStalePrior(keras.callbacks.Callback):
    """Warns at the end of training if the VQ-VAE has a prior, because that prior was fitted to the earlier codes."""

    def on_train_end(self, logs=None):
        if self.model.prior is not None:
            warnings.warn(
                "The codes mean something else now than the prior has learned, which generate draws from; fit_prior "
                "teaches it anew.",
                stacklevel=2,
            )


class WarnOfWinningDiscriminator(keras.callbacks.Callback):
    """Warns once if the discriminator separates real from generated images so well that the generator learns little.

    The condition is that its mean outputs of an epoch, on real and on generated images, both lie within 2 % of the
    objective's targets. Objectives with unbounded outputs are not checked.
    """

    def __init__(self):
        super().__init__()
        self._warned = False

    def on_epoch_end(self, epoch, logs=None):
        targets = self.model.objective.targets
        if self._warned or targets is None:
            return
        (high, low), real, fake = targets, logs["discriminator_real"], logs["discriminator_fake"]
        margin = 0.02 * (high - low)
        if real >= high - margin and fake <= low + margin:
            self._warned = True
            warnings.warn(
                f"The discriminator wins: in epoch {epoch + 1} its mean output was {real:.3f} on real and {fake:.3f} "
                f"on generated images, where {high:g} and {low:g} tell all, so the generator learns little; "
                "penalties='r1', augmentation, or a smaller rate of the discriminator help.",
                stacklevel=2,
            )


class WarnOfExplodingGradients(keras.callbacks.Callback):
    """Warns once if the mean gradient norm of a network exceeds 10 and 100 times that of its calmest epoch."""

    def __init__(self):
        super().__init__()
        self._calmest, self._warned = {}, False

    def on_epoch_end(self, epoch, logs=None):
        for name, norm in (logs or {}).items():
            # The norm of an epoch without data is NaN.
            if not name.endswith("_gradient_norm") or name.startswith("val_") or np.isnan(norm):
                continue
            calmest = self._calmest[name] = min(norm, self._calmest.get(name, norm))
            if norm > max(10.0, 100.0 * calmest) and not self._warned:
                self._warned = True
                part = name.removesuffix("_gradient_norm")
                warnings.warn(
                    f"The {part}'s gradients explode: their mean norm was {norm:.3g} in epoch {epoch + 1} and "
                    f"{calmest:.3g} in its calmest; a smaller learning rate, clipping (global_clipnorm of the "
                    "optimizer) or a penalty on the discriminator help.",
                    stacklevel=2,
                )


class WarnOfModeCollapse(keras.callbacks.Callback):
    """Warns once of mode collapse, that is, if the samples share very few nearest neighbours among real images.

    After each epoch, 64 samples are compared pixel by pixel with up to 1000 real images. Diverse samples have diverse
    nearest neighbours; fewer than 8 distinct ones are far from chance.

    Args:
        images: real images `(n, height, width, channels)`, uint8 or float in [-1, 1].
        min_steps: updates of the generator before it is judged, because an untrained generator is collapsed, too;
            default 1000.

    Raises:
        InputError: the images are invalid, or `min_steps` is negative.
    """

    _NUM_SAMPLES, _FEWEST = 64, 8

    def __init__(self, images, min_steps=1000):
        super().__init__()
        # The rows are spread over the whole set, which may be sorted by class.
        images, min_steps = check_images(images), check_count(min_steps, "min_steps", least=0)
        rows = np.linspace(0, len(images) - 1, min(len(images), 1000)).astype(int)
        self._images, self._min_steps, self._warned = _as_uint8(images[rows]), min_steps, False

    def on_epoch_end(self, epoch, logs=None):
        trained = int(keras.ops.convert_to_numpy(self.model.generator_optimizer.iterations)) >= self._min_steps
        # With fewer images, few distinct neighbours are to be expected.
        if self._warned or not trained or len(self._images) < self._NUM_SAMPLES:
            return
        from zoo.neighbors import nearest_images

        samples = self.model.generate(self._NUM_SAMPLES, seed=0)
        nearest, _ = nearest_images(samples, self._images)
        different = len(np.unique(nearest))
        if different < self._FEWEST:
            self._warned = True
            warnings.warn(
                f"The generator collapses: after epoch {epoch + 1} its {self._NUM_SAMPLES} samples have {different} "
                f"different nearest neighbours among {len(self._images)} training images; a penalty on the "
                "discriminator, smaller learning rates or another objective help.",
                stacklevel=2,
            )


def _as_uint8(images):
    return images if images.dtype == np.uint8 else to_uint8(images)


BACKUP = "state.weights.h5"
#: Prefix of the names of random states in weight files.
RANDOM_STATE = "random_state"


class BackupAndRestore(keras.callbacks.BackupAndRestore):
    """An exact version of Keras' `BackupAndRestore`: a run killed at any moment ends bit-equal to an uninterrupted one.

    Weights, optimizers, random states and the epoch are one file that is replaced by one rename, so no kill can
    separate them. After a kill in the middle of an epoch, that epoch starts again with the same order of images if
    `fit` got arrays, a folder, a TFDS name or a `zoo.data` data set. A `tf.data` pipeline that shuffles itself cannot
    be replayed.

    Args:
        backup_dir: folder for the backup. It is removed with the backup if it holds nothing else.
        delete_checkpoint: bool, whether to remove the backup when `fit` ends; default True.

    Raises:
        DataError: at the start of training, if `backup_dir` cannot be made or holds the backup of another model.
        InputError: an argument is not of this form.
    """

    def __init__(self, backup_dir, delete_checkpoint=True):
        folder = expanded(backup_dir)
        super().__init__(str(folder), delete_checkpoint=check_flag(delete_checkpoint, "delete_checkpoint"))
        self._path = folder / BACKUP

    def on_train_begin(self, logs=None):
        remove_leftovers(self._path)
        if not self._path.exists():
            # A folder that cannot be made fails here rather than after the first epoch, which may take hours. An empty
            # folder would look like a backup, so it does not stay.
            folder = self._path.parent
            was_there = folder.exists()
            _make_folder(folder, "backup_dir")
            if not was_there:
                folder.rmdir()
            return
        optimizer = self.model.optimizer
        if optimizer is not None and not optimizer.built:
            # A plain Keras model builds its optimizer in the first step, and Keras skips the state of an unbuilt one.
            optimizer.build(self.model.trainable_variables)
        try:
            with warnings.catch_warnings():
                # Keras only warns if the optimizer in the file has other variables, and then resets its moments.
                warnings.filterwarnings("error", "Skipping variable loading for optimizer", UserWarning)
                self.model.load_weights(self._path)
            with h5py.File(self._path, "r") as file:
                self.model._initial_epoch = int(file.attrs["epoch"])
                for index, state in enumerate(random_states(self.model)):
                    state.assign(file["random_states"][str(index)][()])
        except (OSError, ValueError, KeyError, UserWarning) as error:
            raise DataError(
                f"backup_dir is {str(self._path.parent)!r}, which holds no backup of such a model; remove it or choose "
                f"another ({first_line(error)})."
            ) from error

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        self._forget_epoch()

    def on_train_end(self, logs=None):
        if self.delete_checkpoint:
            # Keras would remove the folder together with other files in it.
            self._path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._path.parent.rmdir()
        self._forget_epoch()

    def _forget_epoch(self):
        # Keras keeps the epoch, and the model's next `fit` would skip as many epochs.
        self.model._initial_epoch = None

    def _save_model(self):
        backup = MemoryFile(self._path)
        keras.saving.save_weights(self.model, backup)
        with h5py.File(backup, "a") as file:
            file.attrs["epoch"] = self._current_epoch
            for index, state in enumerate(random_states(self.model)):
                file[f"random_states/{index}"] = keras.ops.convert_to_numpy(state)
        backup.store()


def random_states(model):
    """Returns the states of the seed generators of a model and its layers, which Keras does not save.

    Args:
        model: Keras model.

    Returns:
        List of variables.
    """
    others = {id(v) for v in [*model.weights, *model.metrics_variables]}
    return [v for v in model.variables if id(v) not in others]


class Grow(keras.callbacks.Callback):
    """Grows a `zoo.ProgressiveGAN` during training (Karras et al. 2018, section 2).

    The coarsest stage trains for `stable_steps`. Each further stage is faded in over `fade_steps` and then trains for
    `stable_steps`; the last one trains until `fit` ends. The number of grown steps is saved with the model, so a later
    `fit` continues from there.

    Args:
        stable_steps: training steps of a stage before the next one, at least 1.
        fade_steps: training steps over which a stage is faded in linearly, at least 1.

    Raises:
        InputError: the steps are out of range, or (at the start of training) the model cannot grow.
    """

    def __init__(self, stable_steps, fade_steps):
        super().__init__()
        self._stable_steps = check_count(stable_steps, "stable_steps")
        self._fade_steps = check_count(fade_steps, "fade_steps")
        self._fade = self._iterations = None

    def on_train_begin(self, logs=None):
        if not hasattr(self.model, "grow"):
            raise InputError(
                f"Grow needs a model that grows, such as ProgressiveGAN, not a {type(self.model).__name__}."
            )
        self._fade = None

    def on_train_batch_begin(self, batch, logs=None):
        self._iterations = self._count(self.model.generator_optimizer.iterations)
        period = self._stable_steps + self._fade_steps
        begins = self._stable_steps + period * np.arange(self.model.last_stage)
        # The first step of a fade already uses a share of the new stage, hence the 1.
        done = self._count(self.model.grown_steps) + 1 - begins
        fade = np.clip(done / self._fade_steps, 0.0, 1.0).astype("float32")
        if self._fade is None or (fade != self._fade).any():
            self.model.grow(fade)
            self._fade = fade

    def on_train_batch_end(self, batch, logs=None):
        # Keras may execute several steps per call.
        self.model.grown_steps.assign_add(self._count(self.model.generator_optimizer.iterations) - self._iterations)

    def on_train_end(self, logs=None):
        missing = self.model.last_stage * (self._stable_steps + self._fade_steps) - self._count(self.model.grown_steps)
        if missing > 0:
            warnings.warn(
                f"The training ended at stage {self.model.stage} of {self.model.last_stage}, counted from 0; the last "
                f"is whole after {missing} more {'step' if missing == 1 else 'steps'}.",
                stacklevel=2,
            )

    @staticmethod
    def _count(variable):
        return int(keras.ops.convert_to_numpy(variable))


class CSVLogger(keras.callbacks.CSVLogger):
    """Keras' `CSVLogger` with protection against a full disk: raises `StorageError` and keeps earlier rows whole.

    Args:
        filename: path of the CSV file.
        separator: text between two cells; default `","`.
        append: bool, whether to keep the rows of an existing file; default False.

    Raises:
        StorageError: during training, if the file cannot be written.
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__(expanded(filename), separator, append)

    def on_train_begin(self, logs=None):
        with storing(self.filename):
            super().on_train_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        size = os.path.getsize(self.filename)
        try:
            with storing(self.filename):
                super().on_epoch_end(epoch, logs)
        except StorageError:
            # An open file would write the rest of the row later, even from its destructor.
            with contextlib.suppress(OSError):
                self.csv_file.close()
            os.truncate(self.filename, size)
            raise


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
        _make_folder(self._folder, "folder")
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


def _make_folder(path, argument):
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{argument} is {str(path)!r}, where no folder can be made: {error.strerror}.") from error


def _summary_writer(log_dir):
    with contextlib.suppress(ImportError):
        import tensorboard  # noqa: F401 - TensorFlow's writer needs it and fails late without
        import tensorflow as tf

        folder = expanded(log_dir)
        _make_folder(folder, "log_dir")
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
