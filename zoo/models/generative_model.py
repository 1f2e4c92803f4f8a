"""`GenerativeModel`: what every model of the zoo shares - presets, `generate`, random state, and the one update."""

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

# What `compile` hands on to Keras.
_COMPILE_SETTINGS = ("run_eagerly", "steps_per_execution", "jit_compile")
# Conditions that each image has its own of, and the axes of one.
_AXES_OF_ONE = {"latents": 1, "labels": 0, "prompts": 1, "source_images": 3}


class GenerativeModel(keras.Model):
    """Base of all models of the zoo.

    A subclass builds its networks in `__init__` from `image_shape` and its other arguments, sets `built`, and
    implements `train_step` by `_update`, and `_generate_batch`; `test_step`, where `evaluate` and `validation_data` are
    to mean something; `_optimized_variables`, where there is more than one optimizer.

    Args:
        image_shape: `(height, width, channels)` of the images.
        monitored: names of the figures that `train_step` reports to `fit`.
        name, dtype: as for every Keras model.

    Raises:
        InputError: `image_shape` is not three positive integers.
    """

    #: What `generate` understands besides `num_samples` and `seed`.
    generate_arguments = ()
    #: Names of the attributes that hold optimizers; presets leave them out.
    optimizer_names = ("optimizer",)
    #: Names of other attributes that only training needs, which presets leave out too.
    left_out_of_presets = ()
    #: Pairs of networks; in a preset's weights the first is stored as a link to the second.
    preset_aliases = ()
    #: Attributes of networks that no step trains, whatever their layers say.
    never_trained = ()
    #: Constructor arguments that are networks, in the order in which `default_networks` makes them.
    network_arguments = ()
    #: Images drawn at once; always as many, since other batch sizes round differently.
    generation_batch = 64
    #: What an image is drawn from: `"normal"` or `"uniform"` numbers of `noise_shape`.
    noise_distribution = "normal"
    #: Whether `generate` needs nothing but a number.
    draws_alone = True
    #: How many classes the labels of a conditional model name; None for others.
    num_classes = None
    #: Their names, or None where they are not known.
    class_names = None

    def __new__(cls, *args, **kwargs):
        # Networks are made before `__init__` here is reached.
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
        """Keeps what a conditional model knows of its classes; both are None for others."""
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
        """Networks by argument, default ones where none was given, and what `get_config` says of them.

        A subclass' static method `default_networks(image_shape, latent_dim, **options)` returns one network for each
        of `network_arguments`, and the options with their defaults filled in. Where models may have classes it takes
        `num_classes` too, which is no option.
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
        # The options, which follow shape and length of the code.
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
            # TensorFlow has an error of its own for it, which other backends do not know.
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
        """`zoo.load`, refusing a preset of another class; see there for arguments and errors."""
        return presets.load_as(cls, preset, **overrides)

    @classmethod
    def changed_arguments(cls, arguments, overrides):
        """What `from_preset` builds a model from: its preset's arguments, changed by those that it was given.

        A subclass sees to those that belong to what is changed.

        Returns:
            Dict of arguments, and a sentence on what the model forgets besides weights, or "".

        Raises:
            InputError: an argument that the class does not have.
        """
        for name in sorted(overrides):
            if name not in arguments:
                raise InputError(
                    f"{cls.__name__} has no argument {name!r} to change; it has {', '.join(sorted(arguments))}."
                )
        # The names are those of the pretrained classes.
        renamed = {"class_names": None} if "num_classes" in overrides and "class_names" in arguments else {}
        return {**arguments, **renamed, **overrides}, ""

    def rows_of(self, other):
        """Which rows of another model's embeddings begin those of this one, by the name of the layer; none here."""
        return {}

    def forget_beside(self, fresh):
        """Lets go of what means nothing beside weights that `from_preset` begins anew, whose places are `fresh`."""

    def save(self, filepath, overwrite=True, **kwargs):
        """Keras' `save` to a `.keras` file, optimizers included.

        `keras.saving.load_model` restores the optimizers' states if the same layers were frozen at `compile`; otherwise
        it resets them.

        Raises:
            InputError: another name, such as that of an HDF5 file, which cannot hold a model of several networks, or
                without `overwrite` that of a file.
            StorageError: the file cannot be written; an older one stays as it is.
        """
        filepath = os.fspath(filepath) if isinstance(filepath, os.PathLike) else filepath
        if not isinstance(filepath, str) or not filepath.endswith(".keras"):
            raise InputError(
                f"filepath is {shown(filepath)}, expected a name that ends in .keras; save_weights writes HDF5 and "
                "push_to_hub publishes."
            )
        _store(super().save, filepath, overwrite, **kwargs)

    def save_weights(self, filepath, overwrite=True, max_shard_size=None):
        """Keras' `save_weights`, optimizers included, to one file.

        Raises:
            InputError: a `max_shard_size`, or without `overwrite` the name of a file.
            StorageError: the file cannot be written; an older one stays as it is.
        """
        if max_shard_size is not None:
            raise InputError(f"max_shard_size is {shown(max_shard_size)}, expected None: the weights are one file.")
        filepath = os.fspath(filepath) if isinstance(filepath, os.PathLike) else filepath
        if not isinstance(filepath, str) or not filepath.endswith(".weights.h5"):
            raise InputError(f"filepath is {shown(filepath)}, expected a name that ends in .weights.h5.")
        _store(super().save_weights, filepath, overwrite)

    def export(self, filepath, *args, **kwargs):
        """Keras' `export` of the network of a model that has one; of several each can be exported by itself.

        Raises:
            InputError: a model of several networks, which it names.
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
            repo_id: `"org/name"`; the repository is created where there is none.
            revision: branch to publish on; default `main`.
            tag: name for the commit.
            private: whether a repository that is created is private.
            token: default the one in HF_TOKEN or stored by `hf auth login`.
            commit_message: default names the repository.
            weights_dtype: as for `save_to_preset`.

        Returns:
            A `zoo.hub.Publication` of `repo_id`, `revision` (the commit) and `changed`: False where the same model
            was there already, which makes no new commit.

        Raises:
            InputError: a malformed name of a repository, branch or tag.
            HubError: no permission, no connection, a tag that names another commit, or somebody else pushed meanwhile.
        """
        from zoo.images import grid, write_png
        from zoo.presets import card, hub

        hub.check_names(repo_id, revision, tag)
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

        Image `i` depends on `seed` and `i` alone, so `generate(64, seed=0)[:16]` equals `generate(16, seed=0)`,
        and training's random state is untouched. Each class takes the arguments that it understands
        (`generate_arguments`) and refuses the others.

        Args:
            num_samples: how many; default as many as the conditions say, else 1.
            labels: integers `(num_samples,)` from 0, names of classes, or one for all images; default drawn uniformly.
            prompts: texts, one for each image or one for all; default drawn from the model's example prompts.
            source_images: images `(num_samples, height, width, channels)`, or one for all.
            mask: bool `(height, width)`, True where pixels of `source_images` are kept.
            latents: `(n, latent_dim)` to decode instead of random ones.
            truncation: keeps latents near their mean, for better images of less variety; 0 is the mean itself. A factor
                of which 1 changes nothing for `StyleGAN`, a threshold of which 2 changes little for `BigGAN`.
            temperature: scale of the randomness; 1 is the model's own distribution.
            seed: integer; None draws other images each time.

        Returns:
            uint8 array `(num_samples, height, width, channels)`.

        Raises:
            InputError: an argument that the class does not understand, or a number of samples that is not
                positive or whose images would take more than 4 GiB.
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
        """The conditions of each image that are drawn where `generate` is given none."""
        if self.num_classes is None:
            return {}
        return {"labels": latent_vectors.sample_labels(num_samples, self.num_classes, seed)}

    @property
    def noise_shape(self):
        """Shape of the random numbers that one image is drawn from."""
        return (self.latent_dim,)

    def _generate_batch(self, noise, **conditions):
        """Noise `(generation_batch, *noise_shape)` to float images in [-1, 1]; what a subclass implements."""
        raise NotImplementedError

    def _in_batches(self, draw, rows, label):
        """uint8 images of any number of rows; `draw` makes a batch of them, in [-1, 1], of a batch of rows."""
        drawn = []
        for start in bar(range(0, len(rows), self.generation_batch), label):
            batch = rows[start : start + self.generation_batch]
            drawn.append(to_uint8(draw(self._padded(batch))[: len(batch)]))
        return np.concatenate(drawn)

    def _padded(self, rows):
        """Rows of one batch, filled up with zeros to the size of a batch."""
        padded = np.zeros((self.generation_batch, *rows.shape[1:]), rows.dtype)
        padded[: len(rows)] = rows
        return padded

    def _check_conditions(self, given):
        """The conditions of `generate` as arrays, or `InputError`; a subclass adds those that it alone knows."""
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
        # Where uniform noise picks from them, probabilities are raised to its inverse, which float32 has to hold.
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
        """`(height, width, channels)` of the source images that images are made from."""
        return self.image_shape

    def _check_source_images(self, images):
        images = as_array(images, "source_images")
        one = images.ndim == 3
        checked = self._checked(images[None] if one else images, "source_images", self.source_shape)
        return checked[0] if one else checked

    def _labels_named(self, names):
        """The labels of classes by their names, in whatever case."""
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
        """One label for each of `number` images as int32 `(number,)`, None for a model without classes.

        Raises:
            InputError: labels out of range, missing, of another number, or given to a model without classes.
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
        """Refuses a data set whose class of some number is another than the model's."""
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
        """Keeps the names of the classes that it is to train on, where it knows none so far."""
        if self._trains_on_labels and self.class_names is None:
            self._set_classes(self.num_classes, names)

    # === Training ===

    def _optimized_variables(self):
        """The variables of each optimizer by the name of the attribute that holds it."""
        return {"optimizer": self.trainable_variables}

    def compile(self, optimizer=None, **settings):
        """Sets the optimizer.

        Args:
            optimizer: a Keras optimizer or its name; default that of a compiled model anew, else of
                `default_optimizers`.
            **settings: `run_eagerly`, `steps_per_execution` and `jit_compile` of Keras.

        Raises:
            InputError: no optimizer, one that was built for other variables, or another setting.
        """
        self._compile({"optimizer": optimizer}, **settings)

    @staticmethod
    def default_optimizers():
        """A new optimizer for each of `optimizer_names`: Adam with the rate 1e-3."""
        return (keras.optimizers.Adam(1e-3),)

    def _compile(self, optimizers, **settings):
        """Compiles with optimizers by attribute name, each built on its own variables."""
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
            # Of which Keras looks after one optimizer, and that on all variables.
            if len(optimizers) > 1 and unscaled(optimizer).use_ema:
                raise InputError(f"{name} has use_ema=True, expected False; the model's ema_momentum averages.")
            if optimizer.built and not knows(optimizer, variables[name]):
                raise InputError(f"{name} has moments of other variables than the model trains, expected a new one.")
        # Not handed to Keras: it knows one optimizer and would add an idle RMSprop for none.
        super().compile(optimizer=None, loss=None, **settings)
        self._compile_settings, self._scaled_here = settings, set()
        for name, optimizer in optimizers.items():
            scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
            if self.dtype_policy.name == "mixed_float16" and not scaled:
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
                self._scaled_here.add(name)
            optimizer.build(variables[name])
            setattr(self, name, optimizer)
        # Keras' learning-rate callbacks look here.
        self.optimizer = getattr(self, self.optimizer_names[0])

    def _default_optimizer(self, name):
        if self.compiled:
            # Such as a preset's, lest who lowers one rate loses what the other network was trained with.
            given = self._given_optimizer(name)
            return type(given).from_config(given.get_config())
        return self.default_optimizers()[self.optimizer_names.index(name)]

    def _given_optimizer(self, name):
        """The optimizer as `compile` was given it, without the scaling of losses that it added."""
        optimizer = getattr(self, name)
        return unscaled(optimizer) if name in self._scaled_here else optimizer

    def get_compile_config(self):
        if not self.compiled:
            return None
        given = {name: self._given_optimizer(name) for name in self.optimizer_names}
        serialized = {name: keras.saving.serialize_keras_object(optimizer) for name, optimizer in given.items()}
        return {**serialized, **self._compile_settings}

    def compile_from_config(self, config):
        # Older presets hold settings that had no effect.
        known = (*self.optimizer_names, *_COMPILE_SETTINGS)
        self.compile(**{name: keras.saving.deserialize_keras_object(config[name]) for name in known if name in config})

    def make_train_function(self, force=False):
        """Keras' own, without what that wraps a step in for several an execution, which takes a millisecond of each."""
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
            # As which Keras hands over a None in a batch.
            given = keras.tree.map_structure(lambda x: None if isinstance(x, tf.experimental.Optional) else x, batch)
            return self.train_step(given)

        self.train_function = lambda batches: step(next(batches))

    def _traced(self):
        """The objects that the graph of a step holds, and that may be exchanged between two calls of `fit`."""
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
        """Keras' `fit`, taking what `zoo.data.read` takes besides what Keras takes.

        Arrays, folders and TFDS names are cropped and resized to `image_shape` where they are files, checked
        before the first step, and read in an order that is a function of the epoch alone, so that
        `zoo.callbacks.BackupAndRestore` resumes exactly. Batches may be arrays, `(images, labels)` or dicts of
        the canonical batch; labels are integers, and ignored by a model that has none.

        Every call counts its epochs from 0, and so begins the same orders again; `initial_epoch` and `epochs` go on
        where the last one ended. Layers that were frozen or freed since the last call, and other optimizers or
        schedules, are taken up.

        Args:
            x: array, `(images, labels)`, dict, TFDS name, image folder, or batches of images: a `tf.data.Dataset`,
                `PyDataset` or iterator, whose first batch is checked. The classes of a model are the subfolders of an
                image folder in alphabetical order.
            y: labels, where `x` is an array of images.
            batch_size: images a batch, default 64, for sources that are not batched already.
            callbacks, epochs, verbose, validation_split, shuffle: as in Keras, which shuffles the batches of a
                `PyDataset`; other ready-made ones keep their order. Callbacks that watch a figure of this model, such
                as `EarlyStopping("val_generator_loss", mode="min")`, have to be told which way is better.
            validation_data: what `x` may be, labels included; of a TFDS name the split `test`.
            **kwargs: of Keras' `fit`, such as `initial_epoch`; `steps_per_epoch` ends each epoch early, whose order
                is its own as ever, but for ready-made batches, where Keras goes on with the next.

        Raises:
            InputError: not compiled, another backend than TensorFlow, or images of the wrong shape, dtype or range.
            DataError: a missing, empty or too small data set.
            NonFiniteError: a loss or gradient became NaN or infinite.
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
                    # It speaks of x, whatever it was read for.
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
                # Keras warns of others that it cannot shuffle.
                shuffle=shuffle and isinstance(x, keras.utils.PyDataset) and x.num_batches is not None,
                **kwargs,
            )

    def _watchers(self, dataset):
        """Callbacks that warn of what goes wrong in the training of this kind of model on this data set."""
        return []

    def evaluate(self, x=None, y=None, batch_size=None, **kwargs):
        """Keras' `evaluate` over what `fit` takes: the figures of `fit` without training.

        Of a TFDS name the split `test`.

        Raises:
            InputError, DataError: as for `fit`.
        """
        self._check_trainable("evaluate")
        if kwargs.get("_use_cached_eval_dataset"):
            # This is Keras' `fit`, which validates.
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
        """Refuses what lacks what Keras' methods that train and test need."""
        check_process()
        check_backend(method)
        if not self.compiled:
            raise InputError(f"{method} needs a compiled model; call {type(self).__name__}.compile() first.")

    def train_on_batch(self, x, y=None, **kwargs):
        """Keras' `train_on_batch` of images, `(images, labels)` or a dict, which are checked like a batch of `fit`.

        Raises:
            InputError: as for `fit`.
        """
        return super().train_on_batch(self._checked_batch("train_on_batch", x, y, kwargs), **kwargs)

    def test_on_batch(self, x, y=None, **kwargs):
        """Keras' `test_on_batch`; see `train_on_batch`."""
        return super().test_on_batch(self._checked_batch("test_on_batch", x, y, kwargs), **kwargs)

    def _checked_batch(self, method, x, y, kwargs):
        self._check_trainable(method)
        check_known(method, kwargs, getattr(keras.Model, method), ("x", "y"))
        check_unweighted(kwargs, "class_weight", "sample_weight")
        check_flag(kwargs.get("return_dict", False), "return_dict")
        batch = self._unpack(x if y is None else (x, y))
        self._check_batch(batch, "x", self._parts_of_batch if method == "train_on_batch" else 1)
        # Keras makes no arrays of lists.
        return {name: rows if keras.ops.is_tensor(rows) else as_array(rows, name) for name, rows in batch.items()}

    #: Whether `call`, and so `predict`, takes images of `image_shape`.
    predicts_from_images = False

    def predict(self, x, batch_size=None, **kwargs):
        """Keras' `predict`; of a model that predicts from images over what `evaluate` takes.

        Raises:
            InputError, DataError: as for `evaluate`.
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
        """Keras' `predict_on_batch`, which checks images of a model that predicts from them."""
        check_process()
        if self.predicts_from_images:
            self._check_batch(x, "x")
        with self._called_on(x):
            return super().predict_on_batch(self._checked_inputs(x))

    def _checked_inputs(self, x):
        """What `predict` is given, checked and scaled where a subclass knows what it has to be."""
        return x

    @contextlib.contextmanager
    def _called_on(self, x):
        """Says in a sentence that a model cannot be called on something, for which Keras raises anything."""
        try:
            yield
        except ZooError:
            raise
        except Exception as error:
            raise InputError(
                f"x is {shown(x)}, which a {type(self).__name__} cannot be called on ({first_line(error)})."
            ) from error

    #: Fresh parts that one training step takes from a batch.
    _parts_of_batch = 1

    def _dataset(self, x, y, batch_size, *, shuffle=False, training=True, raised):
        """Checks a source of images and makes it a data set of canonical batches, unless Keras batches it.

        `raised` is a list that gets what the source raises later.
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
            # Not before: what is refused leaves no trace.
            self._learn_class_names(image_set.class_names)
        return batches

    #: Whether what an image is made from, where there is such, belongs to this very image.
    trains_on_pairs = True

    def _read(self, source, split):
        """The `zoo.data.ImageSet` of a source that Keras does not batch, checked to be what this model trains on."""
        from zoo import data

        image_set = data.read(source, self.image_shape, split=split)
        self._check_class_names(image_set.class_names)
        self._check_training_labels(image_set.labels)
        return image_set

    def _check_first_batch(self, take, parts):
        """What `take()` returns, the first of ready-made batches, checked to be what this model trains on."""
        try:
            taken = take()
        except (StopIteration, IndexError):
            raise DataError("The data set x is empty, expected at least one batch of images.") from None
        self._check_batch(taken, "The first batch of x", parts)
        return taken

    def _like(self, first):
        """A function that refuses batches of other entries than the first has, which TensorFlow would convert to its.

        So floats in [-1, 1] became black images behind uint8 ones, and a label of 1.5 became 1.
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
        """Refuses a ready-made batch that is not what this model trains on.

        Args:
            batch: as Keras hands it over.
            what: how the message calls it.
            parts: into how many equal ones a step cuts it.
        """
        found = self._unpack(batch)
        if "images" not in found:
            hint = "; tfds.load(..., as_supervised=True) makes batches to train on" if "image" in found else ""
            raise InputError(f"{what} has the keys {sorted(map(str, found))}, expected at least 'images'{hint}.")
        images = check_images(found["images"], self.image_shape, what)
        self._check_training_labels(found.get("labels"))
        # Names of classes are for `generate`; Keras trains on numbers.
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
        """Refuses a batch that lacks what a subclass trains on besides images and labels; as for `_check_batch`."""

    @staticmethod
    def _unpack(batch):
        """A batch as Keras hands it over - dict, tuple or array - as the canonical dict."""
        images, *labels = entries_of(batch)
        if isinstance(images, dict):
            if labels:
                raise InputError("A batch has labels beside a dict, expected them in it.")
            batch = images
        else:
            batch = {"images": images, "labels": labels[0]} if labels else {"images": images}
        # As `keras.datasets` has them.
        if getattr(batch.get("labels"), "shape", ())[1:] == (1,):
            batch = {**batch, "labels": batch["labels"][:, 0]}
        return batch

    def _canonical(self, batch):
        """The canonical dict with float32 images in [-1, 1]."""
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
        """The numbers of that name in a batch as int32 from 0 to below `limit`; what is others, `fit` refuses."""
        numbers = batch[name]
        dtype = keras.backend.standardize_dtype(numbers.dtype)
        if tuple(numbers.shape[1:]) != shape or not dtype.startswith(("int", "uint", "float", "bfloat")):
            expected = ", ".join(map(str, ("n", *shape)))
            raise InputError(
                f"A batch of x has {name} of {dtype} and shape {tuple(numbers.shape)}, expected integers ({expected})."
            )
        return self._monitor.known(name, numbers, limit, self._steps())

    def _steps(self):
        """How many steps the model was trained for, or 0 where it has no optimizer."""
        return self.optimizer.iterations if self.compiled else 0

    @staticmethod
    def _scaled(batch, name, image_shape):
        """The images of that name in a batch as float32 in [-1, 1]."""
        import tensorflow as tf

        images = batch[name]
        if tf.is_tensor(images) and images.shape.is_compatible_with((None, *image_shape)):
            # What Python makes within a tf.data pipeline has no shape before it runs, which then checks it.
            images = tf.ensure_shape(images, (None, *image_shape))
        if tuple(images.shape[1:]) != image_shape:
            expected = ", ".join(map(str, image_shape))
            raise InputError(f"A batch of {name} has shape {tuple(images.shape)}, expected (n, {expected}).")
        scaled = ops.cast(images, "float32")
        return scaled / 127.5 - 1.0 if keras.backend.standardize_dtype(images.dtype) == "uint8" else scaled

    def _checked(self, images, name="images", image_shape=None):
        """An array of images from outside as float32 in [-1, 1], or `InputError` that calls it `name`."""
        check_process()
        images = check_images(images, image_shape or self.image_shape, name)
        return to_float(images) if images.dtype == np.uint8 else images.astype("float32")

    def _update(self, part, loss_fn, batch, variables, optimizer):
        """One step of `optimizer` on `variables` down the gradient of `loss_fn(batch)`; no other variable is trained.

        Args:
            part: what is updated, for messages and the name of the gradient's norm.
            loss_fn: function of the batch that returns the scalar loss, a mean over the images, and a dict of logs.
            variables: trainable variables of one network.

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
        """`(part, step)` of the first update of this `fit` that was not finite, or None; steps count from 1.

        The part is `"labels"` where it was these that meant nothing.
        """
        part, step = ops.convert_to_numpy(self._monitor.failure)
        return (self._monitor.parts[part - 1], int(step)) if part else None

    def refuse_unknown_numbers(self, source="x", training=True):
        """Raises `InputError` where the first failure was not an update but labels that name no class."""
        failure = self.first_failure()
        if failure is not None and failure[0] in self._monitor.limits:
            (name, step), last = failure, self._monitor.limits[failure[0]] - 1
            at = f" at step {step}" if training else ""
            raise InputError(
                f"A batch of {source} has {name} outside of 0 to {last}{at}, expected integers from 0 to {last}."
            )

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
        """The layers that training leaves as they are, by the attribute of their network and their names."""
        return {path: layer for path, layer in self._layers_by_path() if not layer.trainable}

    def _layers_by_path(self):
        """The layers that may be trained, those of nested networks included, by the attribute and their names."""
        seen, times = set(), collections.Counter()

        def walk(path, layer):
            if id(layer) in seen:
                return
            seen.add(id(layer))
            # Those of one list have one path, and may have one name.
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
        """By their names in files of weights: numbered variables and random states."""
        from zoo.callbacks import RANDOM_STATE, random_states

        own = enumerate([*self._trainable_variables, *self._non_trainable_variables])
        states = enumerate(random_states(self))
        return {str(index): one for index, one in own}, {f"{RANDOM_STATE}{index}": one for index, one in states}

    def save_own_variables(self, store):
        own, states = self._own_variables()
        # Keras saves no seed generator, so a resumed run would draw other noise.
        for name, variable in (own | states).items():
            store[name] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store):
        own, states = self._own_variables()
        stored = set(store.keys())
        numbered = list(filter(str.isdigit, stored))
        # The bundled presets were written with random states, under numbers too.
        if len(numbered) not in (len(own), len(own) + len(states)):
            raise ValueError(f"{type(self).__name__} has {len(own)} variables of its own, the file {len(numbered)}.")
        for name, variable in (own | states).items():
            # Presets have no random states.
            if name in own or name in stored:
                variable.assign(store[name])


def _store(save, filepath, overwrite, **kwargs):
    """Has a method of Keras save to memory, then writes the file, whole or not at all."""
    if "://" in str(filepath):
        # Keras knows the file systems of clouds.
        save(filepath, overwrite, **kwargs)
        return
    path = expanded(filepath)
    if not overwrite and path.exists():
        raise InputError(f"filepath is {str(filepath)!r}, which exists; overwrite=True replaces it.")
    file = MemoryFile(path)
    save(file, **kwargs)
    file.store()
