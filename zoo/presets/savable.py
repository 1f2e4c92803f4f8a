"""`SavableModel`: what stands behind `save`, `from_preset`, `save_to_preset` and `push_to_hub`."""

import collections
import os
import tempfile
import types
from pathlib import Path
from typing import Self

import keras
from keras import ops

from zoo import keras_private, presets
from zoo.errors import InputError, check_flag, shown
from zoo.files import MemoryFile, expanded
from zoo.images import DRAWABLE, grid, write_png
from zoo.random_state import RANDOM_STATE, random_states


class SavableModel(keras.Model):
    """A Keras model of several networks that presets and `.keras` files hold completely."""

    #: Names of attributes, besides the optimizers, that only training needs. Presets leave them out.
    left_out_of_presets = ()
    #: Pairs of places that share weights in a preset: the file stores the first as a link to the second. The place of a
    #: network is the name of its attribute.
    preset_aliases = ()
    #: Attributes of networks that no step trains, whether or not their layers are trainable.
    never_trained = ()
    #: Constructor arguments that are networks, in the order in which `default_networks` returns them.
    network_arguments = ()

    # === Presets ===

    @classmethod
    def from_preset(cls, preset, **overrides) -> Self:
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

    # === Files ===

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

    # === Configuration ===

    #: Mapping of the networks that were given and of the options of default networks, for `get_config`.
    described_networks = types.MappingProxyType({})

    def get_config(self):
        described = dict(self.described_networks)
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
            untrained = {id(getattr(layer, name)) for name in getattr(layer, "never_trained", ())}
            for inner in getattr(layer, "layers", ()):
                if id(inner) not in untrained:
                    yield from walk(f"{place}/{inner.name}", inner)

        attributes = keras_private.attributes_of(self)
        others = (name for name in attributes if not name.startswith("_") and name not in self.never_trained)
        for name in dict.fromkeys([*self.network_arguments, *others]):
            value = attributes[name]
            for layer in value if isinstance(value, list) else [value]:
                if isinstance(layer, keras.Layer):
                    yield from walk(name, layer)

    # === Variables of the model itself ===

    def _named_variables(self):
        """Returns the model's own variables and the random states, by their names in weights files."""
        own, states = enumerate(keras_private.own_variables(self)), enumerate(random_states(self))
        return {str(index): one for index, one in own}, {f"{RANDOM_STATE}{index}": one for index, one in states}

    def save_own_variables(self, store):
        own, states = self._named_variables()
        # Keras does not save seed generators, so a resumed run would draw different noise.
        for name, variable in (own | states).items():
            store[name] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store):
        own, states = self._named_variables()
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
