"""Saving a model as a preset, atomically."""

from __future__ import annotations

import datetime
import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zoo.errors import InputError, PresetError, shown
from zoo.files import expanded, replacing_directory, storing, write_json
from zoo.presets import allow_list, weights_file
from zoo.presets.card import CARD, PICTURES, is_unedited
from zoo.presets.catalogue import manifest
from zoo.presets.files import CONFIG, HASHED_FILES, METADATA, WEIGHTS, describe_file
from zoo.presets.loading import is_registered

if TYPE_CHECKING:
    import keras

# The files of a preset that are for people.
SHOWN_FILES = (CARD, *PICTURES)


def save(
    model: keras.Model, directory: str | os.PathLike[str], *, weights_dtype: Literal["float32", "float16"] = "float32"
) -> None:
    """Writes a model as a preset directory, atomically.

    If the directory holds an older preset, a card that a person edited is kept. If the weights are unchanged, its
    generated card and pictures are kept, too. Files and folders that do not belong to a preset stay as they are.

    A preset holds no optimizer state. A GAN's averaged generator stands for both of its generators.

    Args:
        model: a built Keras model of registered classes.
        directory: path of the preset; an existing directory must be a preset or empty.
        weights_dtype: `"float32"` (default), or `"float16"` to halve the file.

    Raises:
        PresetError: `directory` holds something else; the model has a part that may run code or whose class is not
            registered; or its weights are not finite or do not fit float16.
        StorageError: `directory` cannot be written.
        InputError: `model` is not a Keras model, or `weights_dtype` is unknown.
    """
    import keras

    if not isinstance(model, keras.Model):
        raise InputError(f"model is {shown(model)}, expected a Keras model.")
    if not isinstance(weights_dtype, str) or weights_dtype not in ("float32", "float16"):
        raise InputError(f"weights_dtype is {shown(weights_dtype)}, expected 'float32' or 'float16'.")
    directory = expanded(directory)
    if str(directory) in manifest():
        warnings.warn(
            f"zoo.load({str(directory)!r}) loads the official preset of that name; load this one as "
            f"{os.path.join('.', directory)!r}.",
            stacklevel=3,
        )
    with storing(directory):
        directory = directory.resolve()
        there = [file.name for file in directory.iterdir()] if directory.is_dir() else []
        exists = directory.exists()
    if Path.cwd().is_relative_to(directory):
        raise PresetError(f"{directory} is the current folder or holds it; choose a folder in it.")
    if exists and (not directory.is_dir() or (there and not {CONFIG, METADATA} <= set(there))):
        raise PresetError(f"{directory} exists and is no preset directory; choose another place.")
    others = set(there) - {*HASHED_FILES, METADATA, *SHOWN_FILES}
    with replacing_directory(directory, others) as temporary:
        config = keras.saving.serialize_keras_object(model)
        _refuse_unregistered(config)
        allow_list.check(config, "The model", is_registered)
        (temporary / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        weights_file.write(model, temporary / WEIGHTS, weights_dtype)
        files = {name: describe_file(temporary / name) for name in HASHED_FILES}
        for name in _kept(directory, files[WEIGHTS]):
            (temporary / name).write_bytes((directory / name).read_bytes())
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        write_json(
            temporary / METADATA,
            {
                "class": type(model).__name__,
                "keras_version": keras.__version__,
                "date_saved": now,
                "files": files,
            },
        )


def _refuse_unregistered(config):
    """Refuses an unregistered class or function, which Keras saves without complaint but could not load again."""
    for part in allow_list.parts_of(config):
        # Keras writes null for a class of the running script, and no module for arrays.
        if "class_name" not in part or "module" not in part:
            continue
        if (part["module"] or "").partition(".")[0] in ("keras", "builtins"):
            continue
        if not is_registered(allow_list.registered_name(part)):
            found = part["config"] if part["class_name"] == "function" else part["class_name"]
            raise PresetError(
                f"The model has a {found}, which is not registered, so that it could not be loaded; decorate it with "
                "keras.saving.register_keras_serializable()."
            )


def _kept(directory, weights):
    """Names of the files of an older preset that remain valid for one with these weights."""
    if (directory / WEIGHTS).exists() and describe_file(directory / WEIGHTS) == weights:
        return [name for name in SHOWN_FILES if (directory / name).exists()]
    card = directory / CARD
    by_hand = card.exists() and not is_unedited(card.read_text(encoding="utf-8", errors="replace"))
    return [card.name] if by_hand else []
