"""`GenerativeModel`: what all models of the zoo share: presets, `generate`, random state, and the update."""

import collections
import contextlib
import functools
import inspect
import itertools
import os
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import ops

from zoo import latents as latent_vectors
from zoo import presets
from zoo.arrays import as_array, as_numbers, check_number_of_images
from zoo.backend import check_process
from zoo.errors import (
    DataError,
    InputError,
    ZooError,
    check_amount,
    check_count,
    check_counts,
    check_flag,
    check_image_shape,
    check_share,
    check_text,
    first_line,
    is_number,
    shown,
)
from zoo.files import MemoryFile, expanded
from zoo.images import DRAWABLE, check_images, to_float, to_uint8
from zoo.progress import bar
from zoo.text import texts_of
from zoo.training import step
from zoo.training.checks import (
    HALF_PRECISIONS,
    built_under,
    check_backend,
    check_functional,
    check_known,
    check_precision,
    check_steps,
    check_unweighted,
    checked_callbacks,
    knows,
    optimizer_of,
    unscaled,
)
from zoo.training.monitor import Monitor, ReplicaSeedGenerator
from zoo.training.sources import WatchedDataset, described_rows, entries_of, own_errors, split, watched

# Settings that `compile` passes on to Keras.
_COMPILE_SETTINGS = ("run_eagerly", "steps_per_execution", "jit_compile")
# Conditions that vary from image to image, with the number of axes that one image's condition has.
_AXES_OF_ONE = {"latents": 1, "labels": 0, "prompts": 1, "source_images": 3}


class GenerativeModel(keras.Model):
    """Base class of all models of the zoo.

    A subclass builds its networks in `__init__` from `image_shape` and its other arguments and sets
    `self.built = True`. It implements `train_step` with `_update`, and `_generate_batch`. It implements `test_step` to
    support `evaluate` and `validation_data`, and overrides `_optimized_variables` if it has more than one optimizer.

    Args:
        image_shape: `(height, width, channels)`, three positive ints.
        monitored: tuple of str. Names of all logs that `train_step` reports to `fit`.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.

    Raises:
        InputError: If `image_shape` is not three positive integers.

    Example:

    ```python
    import keras
    from keras import ops

    import zoo


    class Autoencoder(zoo.GenerativeModel):
        def __init__(self, image_shape):
            super().__init__(image_shape, monitored=("loss", "network_gradient_norm"))
            self.network = keras.Sequential([keras.Input(image_shape), keras.layers.Dense(image_shape[-1])])
            self.built = True

        def train_step(self, data):
            batch = self._canonical(data)
            logs = self._update("network", self.error, batch, self.trainable_variables, self.optimizer)
            return self._monitor.update(logs, batch)

        def error(self, batch):
            loss = ops.mean(ops.square(self.network(batch["images"]) - batch["images"]))
            return loss, {"loss": loss}
    ```
    """

    #: Arguments that `generate` accepts in addition to `num_samples` and `seed`.
    generate_arguments = ()
    #: Names of the attributes that hold optimizers. Presets leave them out.
    optimizer_names = ("optimizer",)
    #: Names of other attributes that only training needs. Presets leave them out, too.
    left_out_of_presets = ()
    #: Pairs of networks that share weights in a preset: the file stores the first as a link to the second.
    preset_aliases = ()
    #: Attributes of networks that no step trains, whether or not their layers are trainable.
    never_trained = ()
    #: Constructor arguments that are networks, in the order in which `default_networks` returns them.
    network_arguments = ()
    #: Images drawn at once. Every batch has this size, because other sizes round differently.
    generation_batch = 64
    #: Distribution of the noise of `noise_shape` that an image is drawn from: `"normal"` or `"uniform"`.
    noise_distribution = "normal"
    #: Whether `generate` works with `num_samples` alone.
    draws_alone = True
    #: Number of classes of a conditional model, or None.
    num_classes = None
    #: Names of the classes, or None if unknown.
    class_names = None

    def __new__(cls, *args, **kwargs):
        # These checks run here because subclasses build their networks before they call `__init__` of this class.
        check_process(first=True)
        name, dtype = kwargs.get("name"), kwargs.get("dtype")
        if name is not None and "/" in check_text(name, "name"):
            raise InputError(f"name is {name!r}, expected a text without slashes.")
        try:
            keras.dtype_policies.get(dtype)
        except Exception:  # noqa: BLE001
            raise InputError(f"dtype is {shown(dtype)}, expected a dtype policy of Keras, such as 'float32'.") from None
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, image_shape, monitored, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.image_shape = check_image_shape(image_shape)
        self.seed_generator = ReplicaSeedGenerator()
        self._monitor = Monitor(monitored)

    def _set_classes(self, num_classes, class_names):
        """Stores the number and the names of the classes; both are None for an unconditional model."""
        self.num_classes = None if num_classes is None else check_count(num_classes, "num_classes")
        if class_names is None:
            return
        names = tuple(texts_of(class_names, "class_names", "names"))
        if len(names) != self.num_classes:
            raise InputError(f"class_names has {len(names)} names, expected num_classes={self.num_classes}.")
        if len({name.casefold() for name in names}) < len(names):
            raise InputError(f"class_names is {', '.join(names)}, expected names that differ in more than their case.")
        self.class_names = names

    # === Networks ===

    @classmethod
    def _choose_networks(cls, given, image_shape, latent_dim, dtype, options, num_classes=None):
        """Returns the networks by argument, with defaults for those not given, and their description for `get_config`.

        A subclass' static method `default_networks(image_shape, latent_dim, **options)` returns one network for each of
        `network_arguments`, and the options with their defaults filled in. If the model can be conditional, it also
        takes `num_classes`, which is not an option.
        """
        for argument, network in given.items():
            if network is not None:
                check_functional(argument, network)
                check_precision(argument, network)
        if None not in given.values():
            if options:
                raise InputError(f"{next(iter(options))} shapes default networks, but all networks were given.")
            return given, given
        arguments = options if num_classes is None else {**options, "num_classes": num_classes}
        # The options follow the first two parameters, `image_shape` and the length of the code.
        known = dict(list(inspect.signature(cls.default_networks).parameters.items())[2:])
        for name in arguments:
            if name not in known:
                raise InputError(
                    f"{cls.__name__} has no {name} for its default networks, which take {', '.join(known)}."
                )
            default = known[name].default
            if type(default) is int or (name == "stages" and arguments[name] is not None):
                check_count(arguments[name], name, least=0 if default == 0 else 1)
            elif type(default) is float:
                check_share(arguments[name], name)
            elif type(default) is bool:
                check_flag(arguments[name], name)
        try:
            with built_under(dtype):
                *default, options = cls.default_networks(image_shape, latent_dim, **arguments)
        except Exception as error:
            # TensorFlow raises its own error type, which other backends lack, when memory runs out.
            if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
                raise InputError(f"The networks of such a {cls.__name__} take more memory than there is.") from error
            raise
        chosen = {
            name: network if given[name] is None else given[name]
            for name, network in zip(cls.network_arguments, default, strict=True)
        }
        return chosen, {**options, **{name: network for name, network in given.items() if network is not None}}

    # === Presets ===

    @classmethod
    def from_preset(cls, preset, **overrides):
        """Loads a preset like `zoo.load`, with its arguments and errors, but refuses a preset of another class."""
        return presets.load_as(cls, preset, **overrides)

    @classmethod
    def changed_arguments(cls, arguments, overrides):
        """Returns the constructor arguments that `from_preset` uses: the preset's, with `overrides` applied.

        A subclass also updates arguments that depend on an overridden one.

        Returns:
            Dict of arguments, and a sentence on what the model loses in addition to weights, or "".

        Raises:
            InputError: If the class has no such argument.
        """
        for name in sorted(overrides):
            if name not in arguments:
                raise InputError(
                    f"{cls.__name__} has no argument {name!r} to change; it has {', '.join(sorted(arguments))}."
                )
        # With other classes the pretrained names no longer apply.
        renamed = {"class_names": None} if "num_classes" in overrides and "class_names" in arguments else {}
        return {**arguments, **renamed, **overrides}, ""

    def rows_of(self, other):
        """Returns, by layer name, the rows of another model's embeddings that initialize those of this one."""
        return {}

    def forget_beside(self, fresh):
        """Resets state tied to weights that `from_preset` re-initializes; `fresh` lists the paths of these weights."""

    def save(self, filepath, overwrite=True, **kwargs):
        """Saves the model and its optimizers to a `.keras` file, like Keras' `save`.

        `keras.saving.load_model` restores the optimizer state if the same layers were frozen at `compile`; otherwise it
        resets that state.

        Args:
            filepath: str or path that ends in `.keras`. HDF5 files cannot hold a model of several networks.
            overwrite: bool. Whether to replace an existing file.
            **kwargs: further arguments of Keras' `save`.

        Raises:
            InputError: If `filepath` does not end in `.keras`, or the file exists and `overwrite` is False.
            StorageError: If the file cannot be written. An existing file remains unchanged.
        """
        filepath = os.fspath(filepath) if isinstance(filepath, os.PathLike) else filepath
        if not isinstance(filepath, str) or not filepath.endswith(".keras"):
            raise InputError(
                f"filepath is {shown(filepath)}, expected a name that ends in .keras; save_weights writes HDF5 and "
                "push_to_hub publishes."
            )
        _store(super().save, filepath, overwrite, **kwargs)

    def save_weights(self, filepath, overwrite=True, max_shard_size=None):
        """Saves the weights and the optimizers to one `.weights.h5` file, like Keras' `save_weights`.

        Raises:
            InputError: If `filepath` does not end in `.weights.h5`, `max_shard_size` is given, or the file exists and
                `overwrite` is False.
            StorageError: If the file cannot be written. An existing file remains unchanged.
        """
        if max_shard_size is not None:
            raise InputError(f"max_shard_size is {shown(max_shard_size)}, expected None: the weights are one file.")
        filepath = os.fspath(filepath) if isinstance(filepath, os.PathLike) else filepath
        if not isinstance(filepath, str) or not filepath.endswith(".weights.h5"):
            raise InputError(f"filepath is {shown(filepath)}, expected a name that ends in .weights.h5.")
        _store(super().save_weights, filepath, overwrite)

    def export(self, filepath, *args, **kwargs):
        """Exports the network of a model that has a single one, like Keras' `export`.

        Raises:
            InputError: If the model has several networks. The message names them; each can be exported by itself.
        """
        networks = [
            name
            for name, value in vars(self).items()
            if isinstance(value, keras.Model) and not isinstance(value, GenerativeModel) and not name.startswith("_")
        ]
        if not networks:
            return super().export(filepath, *args, **kwargs)
        if len(networks) == 1:
            return getattr(self, networks[0]).export(filepath, *args, **kwargs)
        raise InputError(
            f"A {type(self).__name__} has no one function to export; its networks have, such as "
            f"model.{networks[-1]}.export({str(filepath)!r}), among {', '.join(networks)}."
        )

    def save_to_preset(self, directory, weights_dtype="float32"):
        """Writes this model as a preset that `zoo.load(directory)` loads; see `zoo.presets.save`."""
        presets.save(self, directory, weights_dtype=weights_dtype)

    def push_to_hub(
        self, repo_id, revision=None, tag=None, private=False, token=None, commit_message=None, weights_dtype="float32"
    ):
        """Publishes this model on the Hugging Face Hub, where `zoo.load("hf://org/name")` finds it.

        Args:
            repo_id: `"org/name"`; a missing repository is created.
            revision: str or None. Branch to publish on; None is `main`.
            tag: str or None. Tag for the commit.
            private: bool. Whether a newly created repository is private.
            token: str or None. Access token; None is the one in HF_TOKEN or stored by `hf auth login`.
            commit_message: str or None. None is a message that names the repository.
            weights_dtype: as for `save_to_preset`.

        Returns:
            A `zoo.hub.Publication` of `repo_id`, `revision` (the commit) and `changed`, which is False if the
            repository already holds the same model. No new commit is made then.

        Raises:
            InputError: If the name of the repository, branch or tag is malformed.
            HubError: If permission or connection is missing, the tag names another commit, or someone else pushed
                meanwhile.
        """
        from zoo.images import grid, write_png
        from zoo.presets import card, hub

        hub.check_names(repo_id, revision, tag)
        check_flag(private, "private")
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(folder) / "preset"
            self.save_to_preset(directory, weights_dtype=weights_dtype)
            if self.draws_alone and self.image_shape[-1] in DRAWABLE:
                write_png(directory / card.SAMPLES, grid(self.generate(64, seed=0)), scale=2)
            return hub.publish(
                directory,
                repo_id,
                revision=revision,
                tag=tag,
                private=private,
                token=token,
                message=commit_message,
            )

    # === Generating ===

    def generate(
        self,
        num_samples=None,
        *,
        labels=None,
        prompts=None,
        source_images=None,
        mask=None,
        latents=None,
        truncation=None,
        temperature=None,
        seed=None,
    ):
        """Draws images.

        Image `i` depends on `seed` and `i` alone, so `generate(64, seed=0)[:16]` equals `generate(16, seed=0)`. The
        random state of training does not change. Each class accepts the arguments in its `generate_arguments` and
        refuses all others.

        Args:
            num_samples: int, at least 1, or None. None is the number of conditions, or 1 without conditions.
            labels: integers `(num_samples,)` from 0 to `num_classes - 1`, or names of classes; one label serves all
                images. By default labels are drawn uniformly.
            prompts: list of texts, one for each image, or one text for all; default drawn from the model's example
                prompts.
            source_images: uint8 or [-1, 1] images `(num_samples, height, width, channels)`, or one image for all.
            mask: bool array `(height, width)`. Pixels of `source_images` are kept where it is True.
            latents: `(num_samples, latent_dim)` to decode instead of random ones.
            truncation: float, at least 0, that keeps latents near their mean, for better images of less variety; 0
                yields the mean itself. `StyleGAN` takes a factor, where 1 changes nothing; `BigGAN` takes a threshold,
                where 2 changes little.
            temperature: float, at least 0, that scales the randomness; 1 is the model's own distribution.
            seed: int or None. With None, each call draws other images.

        Returns:
            uint8 array `(num_samples, height, width, channels)`.

        Raises:
            InputError: If the class does not accept an argument, or `num_samples` is not positive or its images would
                take more than 4 GiB.
        """
        check_process()
        given = {
            "labels": labels,
            "prompts": prompts,
            "source_images": source_images,
            "mask": mask,
            "latents": latents,
            "truncation": truncation,
            "temperature": temperature,
        }
        given = {name: value for name, value in given.items() if value is not None}
        for name in given:
            if name not in self.generate_arguments:
                known = ", ".join(("num_samples", *self.generate_arguments, "seed"))
                raise InputError(f"{type(self).__name__}.generate does not understand {name}; it takes {known}.")
        given = self._check_conditions(given)
        each = {name: given.pop(name) for name in _AXES_OF_ONE if name in given}
        for name, rows in each.items():
            if num_samples is None and rows.ndim > _AXES_OF_ONE[name]:
                num_samples = len(rows)
        num_samples = check_number_of_images(1 if num_samples is None else num_samples, self.image_shape)
        for name, rows in each.items():
            if rows.ndim == _AXES_OF_ONE[name]:
                each[name] = np.broadcast_to(rows, (num_samples, *rows.shape))
            elif len(rows) != num_samples:
                raise InputError(f"{name} has {len(rows)} rows, expected num_samples={num_samples}.")
        seed = latent_vectors.fresh_seed() if seed is None else latent_vectors.check_seed(seed)
        if not each.keys() & {"labels", "prompts"}:
            each |= self._drawn_conditions(num_samples, seed)

        images = np.empty((num_samples, *self.image_shape), "uint8")
        starts = range(0, num_samples, self.generation_batch)
        for start in bar(starts, "generating", unit="batch"):
            stop = min(start + self.generation_batch, num_samples)
            batch = {name: self._padded(rows[start:stop]) for name, rows in each.items()}
            noise = batch.pop("latents", None)
            if noise is None:
                noise = self._padded(
                    latent_vectors.sample(stop - start, self.noise_shape, seed, start, self.noise_distribution)
                )
            images[start:stop] = to_uint8(self._generate_batch(noise, **batch, **given)[: stop - start])
        return images

    def _drawn_conditions(self, num_samples, seed):
        """Draws a condition for each image when `generate` is given none."""
        if self.num_classes is None:
            return {}
        return {"labels": latent_vectors.sample_labels(num_samples, self.num_classes, seed)}

    @property
    def noise_shape(self):
        """Shape of the noise that one image is drawn from."""
        return (self.latent_dim,)

    def _generate_batch(self, noise, **conditions):
        """Maps noise `(generation_batch, *noise_shape)` to float images in [-1, 1]; subclasses implement it."""
        raise NotImplementedError

    def _in_batches(self, draw, rows, label):
        """Applies `draw` to any number of rows, batch by batch, and converts its [-1, 1] images to uint8."""
        drawn = []
        for start in bar(range(0, len(rows), self.generation_batch), label):
            batch = rows[start : start + self.generation_batch]
            drawn.append(to_uint8(draw(self._padded(batch))[: len(batch)]))
        return np.concatenate(drawn)

    def _padded(self, rows):
        """Pads the rows of a batch with zeros to `generation_batch` rows."""
        padded = np.zeros((self.generation_batch, *rows.shape[1:]), rows.dtype)
        padded[: len(rows)] = rows
        return padded

    def _check_conditions(self, given):
        """Returns the conditions of `generate` as checked arrays; a subclass adds its own conditions."""
        checks = {
            "latents": self._check_latents,
            "labels": self._check_labels,
            "source_images": self._check_source_images,
            "truncation": functools.partial(check_amount, name="truncation"),
            "temperature": self._check_temperature,
        }
        return {name: checks[name](value) if name in checks else value for name, value in given.items()}

    def _check_temperature(self, temperature):
        check_amount(temperature, "temperature")
        # Models with uniform noise raise probabilities to 1 / temperature, which float32 has to hold.
        if self.noise_distribution == "uniform" and temperature < 1e-6:
            raise InputError(f"temperature is {shown(temperature)}, expected a number of at least 1e-6.")
        return temperature

    def _check_latents(self, latents, name="latents"):
        latents = as_numbers(latents, name, f"finite numbers (n, {self.latent_dim})")
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim or len(latents) == 0:
            raise InputError(f"{name} has shape {latents.shape}, expected (n, {self.latent_dim}).")
        return latents

    def _check_labels(self, labels):
        expected = f"expected integers from 0 to {self.num_classes - 1}"
        try:
            labels = as_array(labels, "labels")
        except InputError:
            raise InputError(f"labels is no array, {expected}.") from None
        if labels.dtype.kind == "U":
            labels = self._labels_named(labels)
        if not np.issubdtype(labels.dtype, np.integer) or labels.ndim > 1 or labels.size == 0:
            raise InputError(
                f"labels has dtype {labels.dtype} and shape {labels.shape}, {expected}, one for each image."
            )
        if labels.min() < 0 or labels.max() >= self.num_classes:
            raise InputError(f"labels holds values from {labels.min()} to {labels.max()}, {expected}.")
        return labels.astype("int32")

    @property
    def source_shape(self):
        """Shape `(height, width, channels)` of the source images."""
        return self.image_shape

    def _check_source_images(self, images):
        images = as_array(images, "source_images")
        one = images.ndim == 3
        checked = self._checked(images[None] if one else images, "source_images", self.source_shape)
        return checked[0] if one else checked

    def _labels_named(self, names):
        """Returns the labels of classes by their names, ignoring case."""
        if self.class_names is None:
            raise InputError(
                f"labels holds {str(names.flat[0])!r}, but the names of the classes are not known, expected integers "
                f"from 0 to {self.num_classes - 1}."
            )
        known = {name.casefold(): label for label, name in enumerate(self.class_names)}
        for name in names.flat:
            if name.casefold() not in known:
                raise InputError(f"labels holds {str(name)!r}, expected names among {', '.join(self.class_names)}.")
        return np.vectorize(lambda name: known[name.casefold()], otypes=["int32"])(names)

    def _labels_of(self, number, labels):
        """Returns int32 labels `(number,)`, one for each image, or None for a model without classes.

        Raises:
            InputError: If labels are missing, out of range or of another number, or the model has no classes.
        """
        if self.num_classes is None:
            if labels is not None:
                raise InputError("labels were given to a model without classes, expected None.")
            return None
        if labels is None:
            raise InputError(f"labels is None, expected integers from 0 to {self.num_classes - 1}.")
        labels = self._check_labels(labels)
        if labels.ndim and len(labels) != number:
            raise InputError(f"labels has {len(labels)} rows, expected one for each of {number} images.")
        return np.broadcast_to(labels, number)

    @property
    def _trains_on_labels(self):
        return self.num_classes is not None

    def _check_training_labels(self, labels):
        if not self._trains_on_labels:
            return
        if labels is None:
            raise InputError(f"x has no labels, expected one for each image, since num_classes is {self.num_classes}.")
        self._check_labels(labels)

    def _check_class_names(self, names):
        """Refuses a data set whose classes differ from the model's in number, names or order."""
        if not self._trains_on_labels or names is None:
            return
        if len(names) != self.num_classes:
            raise InputError(
                f"x has {len(names)} classes ({', '.join(names)}), expected num_classes={self.num_classes}."
            )
        known = names if self.class_names is None else self.class_names
        if [name.casefold() for name in names] != [name.casefold() for name in known]:
            raise InputError(
                f"x has the classes {', '.join(names)}, expected those of the model in its order: {', '.join(known)}."
            )

    def _learn_class_names(self, names):
        """Adopts the class names of the training data if the model has none."""
        if self._trains_on_labels and self.class_names is None:
            self._set_classes(self.num_classes, names)

    # === Training ===

    def _optimized_variables(self):
        """Returns the variables of each optimizer, by the attribute that holds the optimizer."""
        return {"optimizer": self.trainable_variables}

    def compile(self, optimizer=None, **settings):
        """Sets the optimizer.

        Args:
            optimizer: a Keras optimizer or its name. By default a compiled model gets a new optimizer of the same
                configuration, and any other model that of `default_optimizers`.
            **settings: `run_eagerly`, `steps_per_execution` and `jit_compile` of Keras.

        Raises:
            InputError: If `optimizer` is no optimizer or was built for other variables, or a setting is unknown.
        """
        self._compile({"optimizer": optimizer}, **settings)

    @staticmethod
    def default_optimizers():
        """Returns a new optimizer for each of `optimizer_names`: Adam with a learning rate of 1e-3."""
        return (keras.optimizers.Adam(1e-3),)

    def _compile(self, optimizers, **settings):
        """Compiles with optimizers by attribute name, and builds each on its own variables."""
        for name in settings:
            if name not in _COMPILE_SETTINGS:
                raise InputError(
                    f"compile was given {name}, expected {', '.join([*optimizers, *_COMPILE_SETTINGS])}; the model has "
                    "losses and metrics of its own."
                )
        check_count(settings.get("steps_per_execution", 1), "steps_per_execution")
        jit_compile = settings.get("jit_compile")
        is_auto = isinstance(jit_compile, str) and jit_compile == "auto"
        if not (is_auto or jit_compile is None or isinstance(jit_compile, bool)):
            raise InputError(f"jit_compile is {shown(jit_compile)}, expected True, False or 'auto'.")
        check_flag(settings.get("run_eagerly", False), "run_eagerly")
        optimizers = {
            name: self._default_optimizer(name) if optimizer is None else optimizer_of(optimizer, name)
            for name, optimizer in optimizers.items()
        }
        if len({id(optimizer) for optimizer in optimizers.values()}) < len(optimizers):
            raise InputError(f"{' and '.join(optimizers)} are the same object, expected one optimizer each.")
        variables = self._optimized_variables()
        for name, optimizer in optimizers.items():
            # Keras averages the weights of one optimizer only, and applies that average to all variables.
            if len(optimizers) > 1 and unscaled(optimizer).use_ema:
                raise InputError(f"{name} has use_ema=True, expected False; the model's ema_momentum averages.")
            if optimizer.built and not knows(optimizer, variables[name]):
                raise InputError(f"{name} has moments of other variables than the model trains, expected a new one.")
        # Keras gets no optimizer, because it supports one only and would replace None by an idle RMSprop.
        super().compile(optimizer=None, loss=None, **settings)
        self._compile_settings, self._scaled_here = settings, set()
        for name, optimizer in optimizers.items():
            scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            if self.dtype_policy.name == "mixed_float16" and not scaled:
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
                self._scaled_here.add(name)
            optimizer.build(variables[name])
            setattr(self, name, optimizer)
        # Keras' learning-rate callbacks use `self.optimizer`.
        self.optimizer = getattr(self, self.optimizer_names[0])

    def _default_optimizer(self, name):
        if self.compiled:
            # A compiled model, such as a preset, keeps its configuration, so that replacing one optimizer does not
            # change the other.
            given = self._given_optimizer(name)
            return type(given).from_config(given.get_config())
        return self.default_optimizers()[self.optimizer_names.index(name)]

    def _given_optimizer(self, name):
        """Returns the optimizer that `compile` was given, without the loss scaling that `compile` added."""
        optimizer = getattr(self, name)
        return unscaled(optimizer) if name in self._scaled_here else optimizer

    def get_compile_config(self):
        if not self.compiled:
            return None
        given = {name: self._given_optimizer(name) for name in self.optimizer_names}
        serialized = {name: keras.saving.serialize_keras_object(optimizer) for name, optimizer in given.items()}
        return {**serialized, **self._compile_settings}

    def compile_from_config(self, config):
        # Older presets contain settings that had no effect.
        known = (*self.optimizer_names, *_COMPILE_SETTINGS)
        self.compile(**{name: keras.saving.deserialize_keras_object(config[name]) for name in known if name in config})

    def make_train_function(self, force=False):
        """Skips Keras' multi-step wrapper, which costs about 1 ms per step, unless something needs it."""
        check_backend("train_on_batch")
        import tensorflow as tf

        with self.distribute_strategy.scope():
            distributed = tf.distribute.has_strategy()
        force = self._monitor.traces_another(self._traced()) or force
        if self.run_eagerly or self.steps_per_execution > 1 or distributed:
            return super().make_train_function(force)
        if self.train_function is not None and not force:
            return self.train_function

        @functools.partial(tf.function, autograph=False, reduce_retracing=True, jit_compile=self.jit_compile)
        def step(batch):
            # Keras passes None as `tf.experimental.Optional`.
            given = keras.tree.map_structure(lambda x: None if isinstance(x, tf.experimental.Optional) else x, batch)
            return self.train_step(given)

        self.train_function = lambda batches: step(next(batches))

    def _traced(self):
        """Returns the objects that a step's graph captures and that users can replace between two calls of `fit`."""
        optimizers = [getattr(self, name) for name in self.optimizer_names]
        rates = [unscaled(optimizer)._learning_rate for optimizer in optimizers]
        return [*optimizers, *rates, *itertools.chain(*self._optimized_variables().values())]

    def make_test_function(self, force=False):
        check_backend("test_on_batch")
        return super().make_test_function(force)

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
            x: array, `(images, labels)`, dict, TFDS name, image folder, or ready-made batches: a `tf.data.Dataset`,
                `PyDataset` or iterator, whose first batch is checked. The subfolders of an image folder are the
                classes, in alphabetical order.
            y: labels, if `x` is an array of images.
            batch_size: int or None. Images per batch for a source that is not batched; None is 64.
            epochs, verbose, callbacks, validation_split: as in Keras. A callback that monitors a log of this model
                needs its mode, as in `EarlyStopping("val_generator_loss", mode="min")`.
            validation_data: any source that `x` can be, labels included; a TFDS name reads the split `test`.
            shuffle: bool. As in Keras, which also shuffles the batches of a `PyDataset`; other ready-made batches keep
                their order.
            **kwargs: further arguments of Keras' `fit`, such as `initial_epoch`. `steps_per_epoch` ends each epoch
                early. The next epoch starts in its own order, except for ready-made batches, where Keras continues with
                the next batch.

        Returns:
            Keras' `History`.

        Raises:
            InputError: If the model is not compiled, the backend is not TensorFlow, or images have the wrong shape,
                dtype or range.
            DataError: If the data set is missing, empty or too small.
            NonFiniteError: If a loss or gradient became NaN or infinite.
        """
        from zoo.callbacks import EpochOrder, StopOnNonFinite

        self._check_trainable("fit")
        for name, variables in self._optimized_variables().items():
            if not knows(getattr(self, name), variables):
                raise InputError(f"{name} lacks variables that are trained since it was compiled; compile anew.")
        if (kept := self.dtype_policy.variable_dtype) in HALF_PRECISIONS:
            raise InputError(
                f"dtype is {self.dtype_policy.name!r}, whose {kept} weights are too coarse for small updates, expected "
                f"'mixed_{kept}' to train in half precision."
            )
        if kept != "float32":
            raise InputError(f"dtype is {self.dtype_policy.name!r}, expected 'float32': images are scaled to that.")
        check_known("fit", kwargs, keras.Model.fit)
        epochs = check_count(epochs, "epochs")
        check_count(kwargs.get("initial_epoch", 0), "initial_epoch", least=0)
        check_steps(kwargs, "steps_per_epoch", "validation_steps", "validation_batch_size")
        if isinstance(kwargs.get("validation_freq"), (list, tuple, set)):
            check_counts(list(kwargs["validation_freq"]), "validation_freq")
        else:
            check_steps(kwargs, "validation_freq")
        check_unweighted(kwargs, "class_weight", "sample_weight")
        shuffle = check_flag(shuffle, "shuffle")
        callbacks = checked_callbacks(callbacks, verbose)
        if validation_data is None and not (is_number(validation_split) and validation_split == 0):
            x, validation_data = split(x, y, validation_split, self.trains_on_pairs)
            y = None
        with own_errors() as raised:
            dataset = self._dataset(x, y, batch_size, shuffle=shuffle, raised=raised)
            if hasattr(dataset, "set_epoch") and kwargs.get("steps_per_epoch") is not None:
                dataset = dataset.shortened(kwargs.pop("steps_per_epoch"))
            if validation_data is not None:
                try:
                    size = kwargs.pop("validation_batch_size", None) or batch_size
                    validation_data = self._dataset(validation_data, None, size, training=False, raised=raised)
                except (InputError, DataError) as error:
                    # The message of the error names x, even though it is about validation_data.
                    raise type(error)(f"validation_data was refused: {error}") from None
            own = [StopOnNonFinite(), *self._watchers(dataset)]
            if hasattr(dataset, "set_epoch"):
                own.append(EpochOrder(dataset))
            self._monitor.failure.assign([0, 0])
            return super().fit(
                dataset,
                epochs=epochs,
                verbose=verbose,
                callbacks=[*own, *callbacks],
                validation_data=validation_data,
                # Keras warns about other sources, which it cannot shuffle.
                shuffle=shuffle and isinstance(x, keras.utils.PyDataset) and x.num_batches is not None,
                **kwargs,
            )

    def _watchers(self, dataset):
        """Returns callbacks that warn about problems in training this kind of model on this data set."""
        return []

    def evaluate(self, x=None, y=None, batch_size=None, **kwargs):
        """Computes the logs of `fit` without training, on any source that `fit` accepts, like Keras' `evaluate`.

        A TFDS name reads the split `test`.

        Raises:
            InputError, DataError: As for `fit`.
        """
        self._check_trainable("evaluate")
        if kwargs.get("_use_cached_eval_dataset"):
            # This call comes from Keras' `fit`, which validates on data that is already checked.
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
            figures = super().evaluate(self._dataset(x, y, batch_size, training=False, raised=raised), **kwargs)
        self.refuse_unknown_numbers(training=False)
        return figures

    def _check_trainable(self, method):
        """Refuses a model that is not compiled, another backend than TensorFlow, or a forked process."""
        check_process()
        check_backend(method)
        if not self.compiled:
            raise InputError(f"{method} needs a compiled model; call {type(self).__name__}.compile() first.")

    def train_on_batch(self, x, y=None, **kwargs):
        """Trains on one batch like Keras' `train_on_batch`: images, `(images, labels)` or a dict, checked as in `fit`.

        Raises:
            InputError: As for `fit`.
        """
        return super().train_on_batch(self._checked_batch("train_on_batch", x, y, kwargs), **kwargs)

    def test_on_batch(self, x, y=None, **kwargs):
        """Evaluates one batch like Keras' `test_on_batch`; arguments and errors are those of `train_on_batch`."""
        return super().test_on_batch(self._checked_batch("test_on_batch", x, y, kwargs), **kwargs)

    def _checked_batch(self, method, x, y, kwargs):
        self._check_trainable(method)
        check_known(method, kwargs, getattr(keras.Model, method), ("x", "y"))
        check_unweighted(kwargs, "class_weight", "sample_weight")
        check_flag(kwargs.get("return_dict", False), "return_dict")
        batch = self._unpack(x if y is None else (x, y))
        self._check_batch(batch, "x", self._parts_of_batch if method == "train_on_batch" else 1)
        # Keras does not convert lists to arrays.
        return {name: rows if keras.ops.is_tensor(rows) else as_array(rows, name) for name, rows in batch.items()}

    #: Whether `call` and `predict` take images of `image_shape`.
    predicts_from_images = False

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
                return super().predict(self._checked_inputs(x), batch_size, **kwargs)
        with own_errors() as raised:
            return super().predict(self._dataset(x, None, batch_size, training=False, raised=raised), **kwargs)

    def predict_on_batch(self, x):
        """Calls the model on one batch like Keras' `predict_on_batch`, and checks images if the model takes them."""
        check_process()
        if self.predicts_from_images:
            self._check_batch(x, "x")
        with self._called_on(x):
            return super().predict_on_batch(self._checked_inputs(x))

    def _checked_inputs(self, x):
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

    #: Number of parts of a batch that one training step uses, one after the other.
    _parts_of_batch = 1

    def _dataset(self, x, y, batch_size, *, shuffle=False, training=True, raised):
        """Checks a source of images and makes it a data set of canonical batches; ready-made batches stay as they are.

        `raised` is a list that collects errors that the source raises later.
        """
        import tensorflow as tf

        from zoo import data

        if batch_size is not None:
            check_count(batch_size, "batch_size")
        parts = self._parts_of_batch if training else 1
        batched = isinstance(x, (tf.data.Dataset, keras.utils.PyDataset))
        drawn = not hasattr(x, "__array__") and hasattr(x, "__next__")
        if (batched or drawn) and y is not None:
            raise InputError(
                "y was given beside an x of ready-made batches, expected None, since these hold the labels."
            )
        if isinstance(x, (str, os.PathLike)) and y is not None:
            raise InputError(f"y was given beside x={str(x)!r}, expected None, since that holds what belongs to it.")
        if batched:
            indexed = isinstance(x, keras.utils.PyDataset)
            first = self._check_first_batch(lambda: x[0] if indexed else next(iter(x)), parts)
            return WatchedDataset(x, self._like(first), raised) if indexed else x
        if drawn:
            first = self._check_first_batch(lambda: next(x), parts)
            return watched(itertools.chain([first], x), self._like(first), raised)
        image_set = self._read(x if y is None else (x, y), "train" if training else "test")
        batches = data.batches(
            image_set,
            64 if batch_size is None else batch_size,
            shuffle=shuffle,
            drop_remainder=training,
            paired=self.trains_on_pairs,
            parts=parts,
        )
        if training:
            # The names are stored last, so that refused data leaves the model unchanged.
            self._learn_class_names(image_set.class_names)
        return batches

    #: Whether the source image of a batch's image, if any, belongs to that very image.
    trains_on_pairs = True

    def _read(self, source, split):
        """Reads a source that is not batched as a `zoo.data.ImageSet` and checks its classes and labels."""
        from zoo import data

        image_set = data.read(source, self.image_shape, split=split)
        self._check_class_names(image_set.class_names)
        self._check_training_labels(image_set.labels)
        return image_set

    def _check_first_batch(self, take, parts):
        """Returns the first ready-made batch, `take()`, after checking that the model can train on it."""
        try:
            taken = take()
        except (StopIteration, IndexError):
            raise DataError("The data set x is empty, expected at least one batch of images.") from None
        self._check_batch(taken, "The first batch of x", parts)
        return taken

    def _like(self, first):
        """Returns a function that refuses batches whose entries differ from the first batch's in name, dtype or shape.

        TensorFlow would silently convert them: after uint8 images, float images in [-1, 1] would turn black, and a
        label of 1.5 would become 1.
        """

        def described(batch):
            return {name: described_rows(rows, name) for name, rows in self._unpack(batch).items()}

        expected = described(first)

        def check(batch):
            found = described(batch)
            if found.keys() != expected.keys():
                raise InputError(f"A batch of x has {', '.join(found)}, expected {', '.join(expected)} as the first.")
            for name, (number, about) in found.items():
                if about != expected[name][1]:
                    raise InputError(f"A batch of x has {name} of {about}, expected {expected[name][1]} as the first.")
                if number != found["images"][0]:
                    raise InputError(f"A batch of x has {number} {name}, expected one for each of its images.")

        return check

    def _check_batch(self, batch, what, parts=1):
        """Refuses a ready-made batch that the model cannot train on.

        Args:
            batch: dict, tuple or array, as Keras passes it.
            what: str that names the batch in messages.
            parts: number of equal parts that a step cuts the batch into.
        """
        found = self._unpack(batch)
        if "images" not in found:
            hint = "; tfds.load(..., as_supervised=True) makes batches to train on" if "image" in found else ""
            raise InputError(f"{what} has the keys {sorted(map(str, found))}, expected at least 'images'{hint}.")
        images = check_images(found["images"], self.image_shape, what)
        self._check_training_labels(found.get("labels"))
        # Only `generate` takes names of classes; Keras trains on numbers.
        if self._trains_on_labels and as_array(found["labels"], "labels").dtype.kind == "U":
            raise InputError(f"{what} has labels of text, expected integers.")
        self._check_entries(found, what, parts)
        for name, rows in found.items():
            if np.shape(rows)[:1] != (len(images),):
                raise InputError(
                    f"{what} has {name} of shape {np.shape(rows)}, expected one for each of {len(images)} images."
                )
        if len(images) < parts:
            raise DataError(
                f"{what} has {len(images)} images, expected at least {parts}, one for each discriminator step."
            )

    def _check_entries(self, batch, what, parts):
        """Refuses a batch without the entries that a subclass needs; arguments are those of `_check_batch`."""

    @staticmethod
    def _unpack(batch):
        """Converts a batch as Keras passes it, a dict, tuple or array, to a dict."""
        images, *labels = entries_of(batch)
        if isinstance(images, dict):
            if labels:
                raise InputError("A batch has labels beside a dict, expected them in it.")
            batch = images
        else:
            batch = {"images": images, "labels": labels[0]} if labels else {"images": images}
        # Some of `keras.datasets` have labels of shape `(n, 1)`.
        if getattr(batch.get("labels"), "shape", ())[1:] == (1,):
            batch = {**batch, "labels": batch["labels"][:, 0]}
        return batch

    def _canonical(self, batch):
        """Returns the batch as a dict with float32 images in [-1, 1]."""
        batch = dict(self._unpack(batch))
        if self._trains_on_labels and "labels" not in batch:
            raise InputError(
                f"A batch has no labels, expected one for each image, since num_classes is {self.num_classes}."
            )
        batch["images"] = self._scaled(batch, "images", self.image_shape)
        if self._trains_on_labels:
            batch["labels"] = self._known(batch, "labels", self.num_classes)
        return batch

    def _known(self, batch, name, limit, shape=()):
        """Returns an entry of a batch as int32 in 0..limit - 1; `fit` stops at an invalid number."""
        numbers = batch[name]
        dtype = keras.backend.standardize_dtype(numbers.dtype)
        if tuple(numbers.shape[1:]) != shape or not dtype.startswith(("int", "uint", "float", "bfloat")):
            expected = ", ".join(map(str, ("n", *shape)))
            raise InputError(
                f"A batch of x has {name} of {dtype} and shape {tuple(numbers.shape)}, expected integers ({expected})."
            )
        return self._monitor.known(name, numbers, limit, self._steps())

    def _steps(self):
        """Returns the number of steps that the model was trained for, 0 if it is not compiled."""
        return self.optimizer.iterations if self.compiled else 0

    def _scaled(self, batch, name, image_shape):
        """Returns the images of an entry of a batch as float32 in [-1, 1]."""
        import tensorflow as tf

        images = batch[name]
        if tf.is_tensor(images) and images.shape.is_compatible_with((None, *image_shape)):
            # A Python function inside a tf.data pipeline yields an unknown static shape, so the graph checks the actual
            # one.
            images = tf.ensure_shape(images, (None, *image_shape))
        if tuple(images.shape[1:]) != image_shape:
            expected = ", ".join(map(str, image_shape))
            raise InputError(f"A batch of {name} has shape {tuple(images.shape)}, expected (n, {expected}).")
        if keras.backend.standardize_dtype(images.dtype) == "uint8":
            return ops.cast(images, "float32") / 127.5 - 1.0
        return self._monitor.in_range(name, ops.cast(images, "float32"), self._steps())

    def _checked(self, images, name="images", image_shape=None):
        """Returns user images as float32 in [-1, 1]; the `InputError` for invalid ones calls them `name`."""
        check_process()
        images = check_images(images, image_shape or self.image_shape, name)
        return to_float(images) if images.dtype == np.uint8 else images.astype("float32")

    def _update(self, part, loss_fn, batch, variables, optimizer):
        """Takes one step of `optimizer` down the gradient of `loss_fn(batch)`; only `variables` change.

        Args:
            part: str that names the updated network in messages and in the gradient norm's log.
            loss_fn: function of the batch that returns the scalar loss, a mean over the images, and a dict of logs.
            batch: dict of tensors.
            variables: list of the trainable variables of one network.
            optimizer: Keras optimizer that is built on these variables.

        Returns:
            The logs and `{part}_gradient_norm`.
        """
        number = optimizer.iterations + 0
        logs, norm, finite = step.update(loss_fn, batch, variables, optimizer)
        self._monitor.note(part, finite, number)
        return {**logs, f"{part}_gradient_norm": norm}

    @staticmethod
    def input_gradient(fn, inputs):
        """Returns the gradient of `sum(fn(inputs))` with respect to `inputs`, for penalties that need one."""
        return step.input_gradient(fn, inputs)

    def first_failure(self):
        """Returns `(part, step)` of the first failure of this `fit`, or None; steps count from 1.

        `part` names the network whose update was not finite, or the entry of the batch, such as `"labels"`, that had
        invalid numbers.
        """
        part, step = ops.convert_to_numpy(self._monitor.failure)
        return (self._monitor.parts[part - 1], int(step)) if part else None

    def refuse_unknown_numbers(self, source="x", training=True):
        """Raises `InputError` if the first failure was invalid numbers in a batch: labels or images out of range."""
        failure = self.first_failure()
        if failure is not None and failure[0] in self._monitor.expected:
            name, step = failure
            at = f", at training step {step}" if training else ""
            raise InputError(f"A batch of {source} has {name} that are not {self._monitor.expected[name]}{at}.")

    @property
    def metrics(self):
        return [self._monitor.means]

    # === Saving ===

    def get_config(self):
        described = dict(getattr(self, "_described_networks", {}))
        for name in described.keys() & set(self.network_arguments):
            described[name] = keras.saving.serialize_keras_object(described[name])
        frozen = list(self.frozen_layers())
        return {
            "name": self.name,
            "dtype": self.dtype_policy.name,
            "image_shape": list(self.image_shape),
            **described,
            **({"frozen_layers": frozen} if frozen else {}),
        }

    @classmethod
    def from_config(cls, config):
        networks = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in cls.network_arguments
            if name in config
        }
        arguments = {**config, **networks}
        frozen = arguments.pop("frozen_layers", ())
        model = cls(**arguments)
        for path, layer in model._layers_by_path():
            if path in frozen:
                layer.trainable = False
        return model

    def frozen_layers(self):
        """Returns the frozen layers by path: the attribute of their network, then the names of the layers."""
        return {path: layer for path, layer in self._layers_by_path() if not layer.trainable}

    def _layers_by_path(self):
        """Yields path and layer of all layers that can be trained, nested ones included."""
        seen, times = set(), collections.Counter()

        def walk(path, layer):
            if id(layer) in seen:
                return
            seen.add(id(layer))
            # Layers in a list share one path and can share one name, so a counter tells them apart.
            place = f"{path}#{times[path]}" if times[path] else path
            times[path] += 1
            yield place, layer
            for inner in getattr(layer, "layers", ()):
                yield from walk(f"{place}/{inner.name}", inner)

        others = (name for name in vars(self) if not name.startswith("_") and name not in self.never_trained)
        for name in dict.fromkeys([*self.network_arguments, *others]):
            value = getattr(self, name)
            for layer in value if isinstance(value, list) else [value]:
                if isinstance(layer, keras.Layer):
                    yield from walk(name, layer)

    def _own_variables(self):
        """Returns the model's own variables and the random states, by their names in weights files."""
        from zoo.training.random_state import RANDOM_STATE, random_states

        own = enumerate([*self._trainable_variables, *self._non_trainable_variables])
        states = enumerate(random_states(self))
        return {str(index): one for index, one in own}, {f"{RANDOM_STATE}{index}": one for index, one in states}

    def save_own_variables(self, store):
        own, states = self._own_variables()
        # Keras does not save seed generators, so a resumed run would draw different noise.
        for name, variable in (own | states).items():
            store[name] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store):
        own, states = self._own_variables()
        stored = set(store.keys())
        numbered = list(filter(str.isdigit, stored))
        # The bundled presets contain random states stored under numbers, too.
        if len(numbered) not in (len(own), len(own) + len(states)):
            raise ValueError(f"{type(self).__name__} has {len(own)} variables of its own, the file {len(numbered)}.")
        for name, variable in (own | states).items():
            # Presets contain no named random states.
            if name in own or name in stored:
                variable.assign(store[name])


def _store(save, filepath, overwrite, **kwargs):
    """Lets a Keras method save to memory, then writes the file completely or not at all."""
    if "://" in str(filepath):
        # Keras writes to cloud file systems itself.
        save(filepath, overwrite, **kwargs)
        return
    path = expanded(filepath)
    if not overwrite and path.exists():
        raise InputError(f"filepath is {str(filepath)!r}, which exists; overwrite=True replaces it.")
    file = MemoryFile(path)
    save(file, **kwargs)
    file.store()
