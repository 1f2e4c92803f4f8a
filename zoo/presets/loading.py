"""Loading a preset: checks its configuration, builds the model within the size of its weights, and fills it."""

import contextlib
import hashlib
import json
import math
import os
import random
import zipfile
from collections.abc import Callable
from typing import Any

from zoo.backend import check_process, import_keras
from zoo.errors import InputError, PresetError, ZooError, first_line, printable
from zoo.files import expanded, sha256
from zoo.presets import allow_list, weights_file
from zoo.presets.files import CONFIG, WEIGHTS, config_of, stated_of
from zoo.presets.locating import obtain
from zoo.presets.rebuilding import rebuilt

# A model may hold more than the weights of its preset: up to 64 MiB of image pools that discriminators see again, and
# counters and random states, of which each layer has at most two.
_OTHER_NUMBERS, _OTHER_VARIABLES = 16 * 1024**2, 200
# A constructor makes all default networks even where the preset brings one of them, which can double the trained
# weights. The rest is little, because initial values of large kernels take long to compute.
_TRAINED_NUMBERS = 1024**2
_KERAS_SUFFIX = ".keras"


def load_as(
    expected_class: type | None,
    preset: str | os.PathLike[str],
    bundled: bool = True,
    register: Callable[[], object] | None = None,
    **overrides: Any,
) -> Any:
    """Loads a preset like `zoo.load`, but requires an instance of `expected_class` (None accepts any class).

    Args:
        expected_class: class of which the model must be an instance, or None.
        preset: name of an official preset, a preset directory, `"hf://org/name@revision"`, or a file that Keras saved,
            which ends in `.keras`.
        bundled: bool, whether to use the copy in this installation; default True.
        register: function that registers classes with Keras, called once the preset is verified; default None.
        **overrides: changed constructor arguments of the model.

    Returns:
        The model.

    Raises:
        PresetError: the preset is unknown, damaged, refused or of another class.
        InputError: an argument is not of this form, or the model cannot take an override.
        HubError: the preset cannot be fetched.
    """
    is_file = isinstance(preset, (str, os.PathLike)) and os.fspath(preset).endswith(_KERAS_SUFFIX)
    if is_file and overrides:
        raise InputError(f"{next(iter(overrides))} changes a preset, but {str(preset)!r} is a model that Keras saved.")
    location = None if is_file else obtain(preset, bundled)
    check_process()
    import_keras()
    if register is not None:
        register()
    if is_file:
        return _of_keras_file(expanded(preset), expected_class)

    from zoo.keras_private import without_tensorflow

    directory, random_state = location.directory, random.getstate()
    try:
        with without_tensorflow():
            model = _loaded(directory, expected_class, preset, overrides)
    except Exception as error:
        # Layers draw their seeds from Python's random numbers, and a refused preset leaves these unchanged.
        random.setstate(random_state)
        if isinstance(error, ZooError):
            raise
        # Keras raises anything from KeyError to UnboundLocalError on a malformed file.
        raise PresetError(
            f"The preset in {directory} cannot be loaded ({type(error).__name__}: {printable(first_line(error), 500)})"
        ) from error
    model.just_loaded = True
    model.preset = os.fspath(preset)
    _remember_weights(model, location)
    return model


def _loaded(directory, expected_class, preset, overrides):
    """Returns the model of a preset in a directory, compiled, with its weights."""
    config = config_of(directory)
    allow_list.check(config, f"The preset in {directory}", is_registered)
    _check_class(config, expected_class, preset)
    # The model is compiled after its weights are loaded, because Keras warns if a file has no optimizer state.
    compile_config = config.pop("compile_config", None)
    for part in allow_list.parts_of(config):
        part.pop("compile_config", None)
    model = _built(config, directory)
    model.load_weights(directory / WEIGHTS)
    _refuse_non_finite(model, directory)
    if overrides:
        model = rebuilt(model, config, overrides)
    if compile_config:
        model.compile_from_config(compile_config)
    return model


def _check_class(config, expected_class, preset):
    """Refuses the configuration of a preset that is no instance of a class, which may be None."""
    import keras

    if expected_class is None:
        return
    found = keras.saving.get_registered_object(config.get("registered_name"))
    if not (isinstance(found, type) and issubclass(found, expected_class)):
        raise PresetError(
            f"Preset {os.fspath(preset)!r} is a {config.get('class_name')}, not a {expected_class.__name__}; "
            f"zoo.load({os.fspath(preset)!r}) loads it."
        )


def _of_keras_file(path, expected_class):
    """Loads a model that Keras saved in a file, with its optimizers, if its configuration could be that of a preset."""
    import keras

    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read(CONFIG))
        allow_list.check(config, f"The model in {path}", is_registered)
        _check_class(config, expected_class, path)
        return keras.saving.load_model(path)
    except ZooError:
        raise
    # Keras raises errors of any type on a malformed file.
    except Exception as error:
        raise PresetError(f"The model in {path} cannot be loaded ({printable(first_line(error), 500)}).") from error


def _remember_weights(model, location):
    """Stores what tells later whether a model still has the weights of its preset."""
    stated = stated_of(location.files, WEIGHTS)
    model.preset_sha256 = stated["sha256"] if stated else sha256(location.directory / WEIGHTS)
    model.preset_name = location.directory.resolve().name if location.origin == "directory" else model.preset
    model.loaded_weights = _digest(model)


def origin_of(model: Any) -> dict[str, str]:
    """Returns what the files that are made from a model say of it.

    Args:
        model: Keras model.

    Returns:
        Dict of its `class`. If it has the weights of a preset, unchanged, also `preset`, the name or the `hf://`
        reference, and `weights_sha256`, that of the preset's weights file.
    """
    origin = {"class": type(model).__name__}
    if getattr(model, "loaded_weights", None) == _digest(model):
        origin |= {"preset": model.preset_name, "weights_sha256": model.preset_sha256}
    return origin


def _digest(model):
    digest = hashlib.sha256()
    for variable in model.weights:
        digest.update(variable.numpy().tobytes())
    return digest.hexdigest()


def is_registered(name: str) -> bool:
    import keras

    return keras.saving.get_registered_object(name) is not None


def _built(config, directory):
    """Builds the model of a configuration, and refuses it before it allocates more than its weights file holds."""
    import keras

    from zoo.keras_private import deferred_variables

    stored_numbers, stored_arrays = weights_file.check(directory / WEIGHTS)
    trained = others = variables = 0

    def count(variable):
        nonlocal trained, others, variables
        size = math.prod(variable.shape)
        trained, others = trained + size * variable.trainable, others + size * (not variable.trainable)
        variables += 1
        if trained > 2 * stored_numbers + _TRAINED_NUMBERS or trained + others > 2 * stored_numbers + _OTHER_NUMBERS:
            raise PresetError(
                f"The preset in {directory} describes at least {trained + others:,} weights, but its file holds "
                f"{stored_numbers:,}."
            )
        if variables > 3 * stored_arrays + _OTHER_VARIABLES:
            raise PresetError(
                f"The preset in {directory} describes at least {variables:,} variables, but its file holds "
                f"{stored_arrays:,}."
            )

    # A class of the user may read the values of its variables at once, so these cannot be deferred.
    own = allow_list.has_users_classes(config, is_registered)
    try:
        with contextlib.nullcontext() if own else deferred_variables(count):
            return keras.saving.deserialize_keras_object(config, safe_mode=True)
    except InputError as error:
        raise PresetError(f"The preset in {directory} describes no model: {error}") from error


def _refuse_non_finite(model, directory):
    # `zoo list` does without it.
    import numpy as np

    for variable in model.weights:
        # JAX would compile a function for each shape.
        if not np.isfinite(variable.numpy()).all():
            raise PresetError(f"The weights of the preset in {directory} hold NaN or infinity in {variable.path}.")
