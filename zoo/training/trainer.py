"""`Trainer`: what stands behind `fit`, `evaluate` and `predict` of all models of the zoo."""

import contextlib
import itertools

import keras
from keras import ops

from zoo import keras_private
from zoo.backend import check_process
from zoo.callbacks import EpochOrder, ProgressLine, StopOnNonFinite, WarnOfFewSteps
from zoo.errors import (
    DataError,
    InputError,
    ZooError,
    check_count,
    check_counts,
    check_flag,
    first_line,
    is_number,
    shown,
)
from zoo.nets.building import HALF_PRECISIONS
from zoo.training import feeding, step
from zoo.training.checks import (
    check_backend,
    check_known,
    check_rates,
    check_steps,
    check_unweighted,
    checked_callbacks,
    knows,
    unscaled,
)
from zoo.training.compiling import OptimizedModel
from zoo.training.monitor import Monitor, ReplicaSeedGenerator
from zoo.training.sources import WatchedDataset, own_errors, unpacked


class Trainer(keras_private.KeepsState, OptimizedModel):
    """A Keras model that trains on images with a `train_step` of its own.

    A subclass implements `train_step` with `prepare`, `update` and `report`.

    Args:
        monitored: tuple of str. Names of all logs that `train_step` reports to `fit`.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
    """

    #: Conditions that the training data must hold, instances of `zoo.sampling.conditions.Condition`.
    trained_conditions = ()
    #: Whether the source image of a batch's image, if any, belongs to that very image.
    trains_on_pairs = True
    #: Whether `call` and `predict` take images of `image_shape`.
    predicts_from_images = False
    #: Whether `zoo.load` made the model and it has not trained since.
    just_loaded = False
    #: Number of parts of a batch that one training step uses, one after the other.
    updates_per_batch = 1
    #: `FrozenFeatures` that training sees, or None.
    frozen_features = None

    def __init__(self, monitored, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.seed_generator = ReplicaSeedGenerator()
        self._monitor = Monitor(monitored)

    # === The step ===

    def prepare(self, data):
        """Returns a batch as a dict of float32 `images` in [-1, 1] and the entries of `trained_conditions`.

        Args:
            data: batch as Keras passes it to `train_step`: a dict, a tuple or an array.
        """
        batch, steps = dict(self.unpack(data)), self.optimizer.iterations if self.compiled else 0
        batch["images"] = self._monitor.images("images", batch["images"], self.image_shape, steps)
        for condition in self.trained_conditions:
            batch[condition.name] = condition.prepared(batch, self._monitor, steps)
        return batch

    def update(self, part, loss, batch, variables, optimizer):
        """Takes one step of an optimizer down the gradient of a loss; no other variable changes.

        Args:
            part: str that names the updated network in messages and in the gradient norm's log.
            loss: function of the batch that returns the scalar loss, a mean over the images, and a dict of logs.
            batch: dict of tensors, as `prepare` returns it.
            variables: list of the trainable variables of one network.
            optimizer: Keras optimizer that `compile` was given.

        Returns:
            Dict of the logs and `{part}_gradient_norm`.
        """
        number = optimizer.iterations + 0
        logs, norm, finite = step.update(loss, batch, variables, optimizer)
        self._monitor.note(part, finite, number)
        return {**logs, f"{part}_gradient_norm": norm}

    def report(self, logs, batch):
        """Returns the means of the logs so far, as `fit` shows them, weighted by the number of images of a batch."""
        return self._monitor.update(logs, batch)

    def unpack(self, batch):
        """Returns a batch as Keras passes it, a dict, `(images, labels)` or an array, as a dict."""
        return unpacked(batch)

    @staticmethod
    def input_gradient(fn, inputs):
        """Returns the gradient of `sum(fn(inputs))` with respect to `inputs`, for penalties that need one."""
        return step.input_gradient(fn, inputs)

    @property
    def metrics(self):
        return [self._monitor.means]

    # === Data ===

    def read(self, source, split):
        """Reads a source that is not batched as a `zoo.data.ImageSet`, in the form that the model trains on.

        Args:
            source: anything that `zoo.data.read` takes.
            split: str. Split of a TFDS data set, `"train"` or `"test"`.

        Raises:
            InputError, DataError: As for `fit`.
        """
        from zoo import data

        return self.accepted(data.read(source, self.image_shape, split=split))

    def accepted(self, image_set):
        """Returns a data set in the form that the model trains on, or raises `InputError`."""
        for condition in self.trained_conditions:
            image_set = condition.read(image_set)
        return image_set

    def check_batch(self, batch, what, parts=1):
        """Refuses a ready-made batch that the model cannot train on.

        Args:
            batch: dict, tuple or array, as Keras passes it.
            what: str that names the batch in messages.
            parts: int. Number of equal parts that a step cuts the batch into. Defaults to 1.

        Raises:
            InputError, DataError: As for `fit`.
        """
        feeding.check_batch(self, batch, what, parts)

    def make_train_function(self, force=False):
        self._load_frozen_features()
        force = self._monitor.traces_another(self._traced()) or force
        if self.train_function is None or force:
            self.train_function = step.train_function(self)
            if self.train_function is None:
                super().make_train_function(force)

    def _traced(self):
        """Returns the objects that a step's graph captures and that users can replace between two calls of `fit`."""
        optimizers = [getattr(self, name) for name in self.optimizer_names]
        rates = [keras_private.learning_rate_of(unscaled(optimizer)) for optimizer in optimizers]
        return [*optimizers, *rates, *itertools.chain(*self.optimized_variables().values())]

    def make_test_function(self, force=False):
        self._load_frozen_features()
        if self.test_function is None or force:
            self.test_function = step.test_function(self)
            if self.test_function is None:
                super().make_test_function(force)

    def _load_frozen_features(self):
        if self.frozen_features is not None:
            with step.replicated(self):
                self.frozen_features.load()

    def variables_of_step(self):
        """Returns all variables that a step may read or change: the model's, the optimizers' and the monitor's."""
        others = [variable for name in self.optimizer_names for variable in getattr(self, name).variables]
        features = [] if self.frozen_features is None else self.frozen_features.variables
        return [*self.variables, *self.metrics_variables, self._monitor.failure, *others, *features]

    # === Training ===

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        **kwargs,
    ):
        """Trains the model like Keras' `fit`, on any source that `zoo.data.read` accepts and on ready-made batches.

        Image files are cropped and resized to `image_shape`. All images are checked before the first step. Their order
        depends on the epoch alone, so `zoo.callbacks.BackupAndRestore` resumes exactly. A batch is an array,
        `(images, labels)` or a dict of the canonical batch. Labels are integers; a model without classes ignores them.

        Every call counts epochs from 0 and so repeats the same orders; `initial_epoch` and `epochs` continue after an
        earlier call. Changes since the last call, such as frozen layers, optimizers or learning-rate schedules, take
        effect.

        Args:
            x: array, `(images, labels)`, dict, TFDS name, image folder, list of image files, glob pattern, or
                ready-made batches: a `tf.data.Dataset`, `PyDataset` or iterator, whose first batch is checked. The
                subfolders of an image folder are the classes, in alphabetical order.
            y: labels, if `x` is an array of images or a list of files: integers, one-hot rows or a column of the floats
                0 and 1.
            batch_size: int or None. Images per batch for a source that is not batched; None is 64.
            epochs: int. As in Keras.
            verbose: `"auto"`, 0, 1 or 2. As in Keras, but an epoch is one line of at most 80 columns with the losses by
                short names, such as `d_loss`; `History` and TensorBoard have all logs by their full names. A
                `keras.callbacks.ProgbarLogger` in `callbacks` shows Keras' own bar.
            callbacks: as in Keras. A callback that monitors a log of this model needs its mode, as in
                `EarlyStopping("val_generator_loss", mode="min")`.
            validation_split: float from 0 to below 1. Share of the images that is held back for validation: the last
                ones of arrays, as in Keras; of files, folders and TFDS data sets images drawn at random from each
                class, the same in every call.
            validation_data: any source that `x` can be, labels included; a TFDS name reads the split `test`.
            shuffle: bool. As in Keras, which also shuffles the batches of a `PyDataset`; other ready-made batches keep
                their order.
            **kwargs: further arguments of Keras' `fit`, such as `initial_epoch`. `steps_per_epoch` ends each epoch
                early. The next epoch starts in its own order, except for ready-made batches, where Keras continues with
                the next batch.

        Returns:
            Keras' `History`.

        Raises:
            InputError: If the model is not compiled, the backend is none of TensorFlow, JAX and PyTorch, images have
                the wrong shape, dtype or range, or a callback sets learning rates that are schedules.
            DataError: If the data set is missing, empty or too small.
            NonFiniteError: If a loss or gradient became NaN or infinite.
        """
        self._check_can_train()
        epochs, shuffle, callbacks = _checked_fit_arguments(epochs, shuffle, callbacks, verbose, kwargs)
        for callback in callbacks:
            if isinstance(callback, (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)):
                check_rates(self, f"callbacks has a {type(callback).__name__}, which")
        if validation_data is None and not (is_number(validation_split) and validation_split == 0):
            x, validation_data = feeding.split(self, x, y, validation_split)
            y = None
        with own_errors() as raised:
            dataset = feeding.dataset_of(self, x, y, batch_size, shuffle=shuffle, raised=raised)
            if hasattr(dataset, "set_epoch") and kwargs.get("steps_per_epoch") is not None:
                dataset = dataset.shortened(kwargs.pop("steps_per_epoch"))
            if validation_data is not None:
                size = kwargs.pop("validation_batch_size", None) or batch_size
                validation_data = self._validation_dataset(validation_data, size, raised)
            self._monitor.failure.assign([0, 0])
            return super().fit(
                dataset,
                epochs=epochs,
                verbose=verbose,
                callbacks=[*self.training_callbacks(dataset), *callbacks, *_progress(callbacks, verbose)],
                validation_data=validation_data,
                # Keras warns about other sources, which it cannot shuffle.
                shuffle=shuffle and isinstance(dataset, WatchedDataset) and x.num_batches is not None,
                **kwargs,
            )

    def _check_can_train(self):
        """Refuses a model whose optimizers or precision cannot train it."""
        self._check_compiled("fit")
        for name, variables in self.optimized_variables().items():
            if not knows(getattr(self, name), variables):
                raise InputError(f"{name} lacks variables that are trained since it was compiled; compile anew.")
        if (kept := self.dtype_policy.variable_dtype) in HALF_PRECISIONS:
            raise InputError(
                f"dtype is {self.dtype_policy.name!r}, whose {kept} weights are too coarse for small updates, expected "
                f"'mixed_{kept}' to train in half precision."
            )
        if kept != "float32":
            raise InputError(f"dtype is {self.dtype_policy.name!r}, expected 'float32': images are scaled to that.")

    def _validation_dataset(self, validation_data, batch_size, raised):
        try:
            return feeding.dataset_of(self, validation_data, None, batch_size, training=False, raised=raised)
        except (InputError, DataError) as error:
            # The message of the error names x, even though it is about validation_data.
            raise type(error)(f"validation_data was refused: {error}") from None

    def training_callbacks(self, dataset):
        """Returns the callbacks that `fit` adds to the user's: they stop it at NaN, or warn of common problems."""
        order = [EpochOrder(dataset)] if hasattr(dataset, "set_epoch") else []
        return [StopOnNonFinite(), *order, *([WarnOfFewSteps()] if self.just_loaded else [])]

    def first_failure(self):
        """Returns `(part, step)` of the first failure of this `fit`, or None; steps count from 1.

        `part` names the network whose update was not finite, or the entry of the batch, such as `"labels"`, that had
        invalid numbers.
        """
        part, number = ops.convert_to_numpy(self._monitor.failure)
        return (self._monitor.parts[part - 1], int(number)) if part else None

    def refuse_unknown_numbers(self, source="x", training=True):
        """Raises `InputError` if the first failure was invalid numbers in a batch: labels or images out of range."""
        failure = self.first_failure()
        if failure is not None and failure[0] in self._monitor.expected:
            name, number = failure
            at = f", at training step {number}" if training else ""
            raise InputError(f"A batch of {source} has {name} that are not {self._monitor.expected[name]}{at}.")

    def _check_compiled(self, method):
        """Refuses a model that is not compiled, a backend that trains nothing, or a forked process."""
        check_process()
        check_backend(method)
        if not self.compiled:
            raise InputError(f"{method} needs a compiled model; call {type(self).__name__}.compile() first.")

    def evaluate(self, x=None, y=None, batch_size=None, **kwargs):
        """Computes the logs of `fit` without training, on any source that `fit` accepts, like Keras' `evaluate`.

        A TFDS name reads the split `test`.

        Raises:
            InputError, DataError: As for `fit`.
        """
        self._check_compiled("evaluate")
        if keras_private.is_validation_of_fit(kwargs):
            # Keras' `fit` validates on data that is already checked.
            figures = super().evaluate(x, **kwargs)
            self.refuse_unknown_numbers("validation_data", training=False)
            return figures
        check_known("evaluate", kwargs, keras.Model.evaluate)
        check_steps(kwargs, "steps")
        kwargs["callbacks"] = checked_callbacks(kwargs.get("callbacks"), kwargs.get("verbose", "auto"))
        check_flag(kwargs.get("return_dict", False), "return_dict")
        check_unweighted(kwargs, "sample_weight")
        self._monitor.failure.assign([0, 0])
        with own_errors() as raised:
            dataset = feeding.dataset_of(self, x, y, batch_size, training=False, raised=raised)
            figures = super().evaluate(dataset, **kwargs)
        self.refuse_unknown_numbers(training=False)
        return figures

    def train_on_batch(self, x, y=None, **kwargs):
        """Trains on one batch like Keras' `train_on_batch`: images, `(images, labels)` or a dict, checked as in `fit`.

        Raises:
            InputError: As for `fit`.
        """
        return super().train_on_batch(self._one_batch("train_on_batch", x, y, kwargs), **kwargs)

    def test_on_batch(self, x, y=None, **kwargs):
        """Evaluates one batch like Keras' `test_on_batch`; arguments and errors are those of `train_on_batch`."""
        return super().test_on_batch(self._one_batch("test_on_batch", x, y, kwargs), **kwargs)

    def _one_batch(self, method, x, y, kwargs):
        self._check_compiled(method)
        check_known(method, kwargs, getattr(keras.Model, method), ("x", "y"))
        check_unweighted(kwargs, "class_weight", "sample_weight")
        check_flag(kwargs.get("return_dict", False), "return_dict")
        batch = self.unpack(x if y is None else (x, y))
        self.check_batch(batch, "x", self.updates_per_batch if method == "train_on_batch" else 1)
        return feeding.without_lists(batch)

    # === Predicting ===

    def predict(self, x, batch_size=None, **kwargs):
        """Calls the model on all of `x` like Keras' `predict`; a model that predicts from images accepts any source.

        Raises:
            InputError, DataError: As for `evaluate`.
        """
        check_process()
        check_known("predict", kwargs, keras.Model.predict)
        check_steps(kwargs, "steps")
        kwargs["callbacks"] = checked_callbacks(kwargs.get("callbacks"), kwargs.get("verbose", "auto"))
        if not self.predicts_from_images:
            with self._called_on(x):
                return super().predict(self.checked_inputs(x), batch_size, **kwargs)
        with own_errors() as raised:
            dataset = feeding.dataset_of(self, x, None, batch_size, training=False, raised=raised)
            return super().predict(dataset, **kwargs)

    def predict_on_batch(self, x):
        """Calls the model on one batch like Keras' `predict_on_batch`, and checks images if the model takes them."""
        check_process()
        if self.predicts_from_images:
            self.check_batch(x, "x")
        with self._called_on(x):
            return super().predict_on_batch(self.checked_inputs(x))

    def checked_inputs(self, x):
        """Returns the input of `predict`, checked and scaled by subclasses that know its format."""
        return x

    @contextlib.contextmanager
    def _called_on(self, x):
        """Turns any error that Keras raises for an unsuitable input `x` into an `InputError`."""
        try:
            yield
        except ZooError:
            raise
        except Exception as error:
            raise InputError(
                f"x is {shown(x)}, which a {type(self).__name__} cannot be called on ({first_line(error)})."
            ) from error


def _progress(callbacks, verbose):
    """Returns the line that `fit` shows, unless the user wants another bar, none, or messages in a log."""
    has_bar = any(isinstance(callback, keras.callbacks.ProgbarLogger) for callback in callbacks)
    return [ProgressLine()] if verbose and not has_bar and keras.config.is_interactive_logging_enabled() else []


def _checked_fit_arguments(epochs, shuffle, callbacks, verbose, others):
    """Returns the checked `epochs`, `shuffle` and list of callbacks, and checks the other arguments of `fit`."""
    check_known("fit", others, keras.Model.fit)
    epochs = check_count(epochs, "epochs")
    check_count(others.get("initial_epoch", 0), "initial_epoch", least=0)
    check_steps(others, "steps_per_epoch", "validation_steps", "validation_batch_size")
    if isinstance(others.get("validation_freq"), (list, tuple, set)):
        check_counts(list(others["validation_freq"]), "validation_freq")
    else:
        check_steps(others, "validation_freq")
    check_unweighted(others, "class_weight", "sample_weight")
    return epochs, check_flag(shuffle, "shuffle"), checked_callbacks(callbacks, verbose)
