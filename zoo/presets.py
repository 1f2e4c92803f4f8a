"""Presets: the manifest, resolving a name to verified files, saving and loading. No Keras until a model is built.

A preset is a directory of `config.json`, `metadata.json`, `model.weights.h5` and, for people, `README.md` and
`samples.png`. No pickle, no Lambda, no code: Keras' own safe deserialization reads it, after its hashes are checked.
"""

import collections
import contextlib
import datetime
import difflib
import fnmatch
import functools
import json
import math
import os
import random
import re
import warnings
from pathlib import Path
from typing import NamedTuple

from zoo import allow_list, weights_file
from zoo.backend import check_process, import_keras
from zoo.errors import InputError, PresetError, ZooError, check_flag, first_line, is_number, printable, shown
from zoo.files import expanded, read_regular, replacing_directory, sha256, storing, write_json

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
HASHED_FILES = (CONFIG, WEIGHTS)
# Facts in `metadata.json` that cards and `zoo info` take for texts.
_TEXTS = ("class", "kind", "dataset", "dataset_licence", "weights_licence", "recipe")
# The largest files that a preset may have, in bytes; those of the zoo take 12 MB at most.
LIMITS = {CONFIG: 4 * 1024**2, METADATA: 1024**2, WEIGHTS: 1024**3}
# What a model may have beside the weights of its preset: pools of images that discriminators see again, 64 MiB, and
# counters and random states, of which each layer has two at most.
_OTHER_NUMBERS, _OTHER_VARIABLES = 16 * 1024**2, 200
PACKAGE = Path(__file__).parent
BUNDLED = PACKAGE / "weights"


def manifest_path():
    """The manifest in the wheel, or at the top of the checkout."""
    packaged = PACKAGE / "weights_manifest.json"
    return packaged if packaged.exists() else PACKAGE.parent / "weights_manifest.json"


def manifest():
    """The entries of the weights manifest by preset name.

    Raises:
        PresetError: the manifest is missing or does not parse.
    """
    path = manifest_path()
    try:
        return _parse_manifest(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise PresetError(f"The weights manifest {path} cannot be read: {error.strerror}.") from error


@functools.lru_cache(maxsize=4)
def _parse_manifest(path, _mtime):
    try:
        presets = json.loads(path.read_text(encoding="utf-8"))["presets"]
        return {name: dict(entry) for name, entry in presets.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PresetError(
            f"The weights manifest {path} is damaged ({error}); expected JSON with a dict under 'presets'."
        ) from error


def list_presets(pattern="*", *, model=None, dataset=None, kind="model"):
    """Names of presets, sorted.

    Args:
        pattern: shell wildcard, such as `"*fashion*"`.
        model: only presets of this class, by name (`"DCGAN"`) or as the class itself.
        dataset: only presets trained on this data set.
        kind: `"model"` for generative models, `"feature_network"` for the networks that evaluation uses, None for both.

    Returns:
        List of names.

    Raises:
        InputError: a pattern that is no text, or another kind.
    """
    if not isinstance(pattern, str):
        raise InputError(f"pattern is {shown(pattern)}, expected a text such as '*fashion*'.")
    if kind is not None and (not isinstance(kind, str) or kind not in ("model", "feature_network")):
        raise InputError(f"kind is {shown(kind)}, expected 'model', 'feature_network' or None.")
    model = model.__name__ if isinstance(model, type) else model
    for name, value in {"model": model, "dataset": dataset}.items():
        if not isinstance(value, (str, type(None))):
            raise InputError(f"{name} is {shown(value)}, expected a name or None.")
    return sorted(
        name
        for name, entry in manifest().items()
        if fnmatch.fnmatch(name, pattern)
        and kind in (None, entry["kind"])
        and model in (None, entry["class"])
        and dataset in (None, entry["dataset"])
    )


def entry_of(name):
    """The manifest entry of an official preset.

    Raises:
        PresetError: there is none of that name; the message names the nearest.
    """
    entries = manifest()
    if not isinstance(name, str) or name not in entries:
        near = difflib.get_close_matches(name, entries, n=3, cutoff=0.4) if isinstance(name, str) else []
        hint = f"did you mean {', '.join(near)}?" if near else "`zoo list` shows the names."
        raise PresetError(f"There is no preset {shown(name)}; {hint}")
    return entries[name]


class Location(NamedTuple):
    """Where a preset lies and what its files must hash to (None: the preset carries no hashes).

    `origin` is `"directory"`, `"bundled"`, `"cached"` or `"hub"`; a preset that is still to be fetched from the Hub
    has no directory.
    """

    directory: Path | None
    files: dict | None
    origin: str
    repo_id: str | None = None
    revision: str | None = None


def resolve(preset, bundled=True):
    """Finds a preset, without opening its weights and without a network.

    Args:
        preset: name of an official preset, a preset directory, or `"hf://org/name@revision"`.
        bundled: whether the copy in this installation serves; otherwise the published one is meant.

    Raises:
        PresetError: unknown name, no preset directory, or an official preset that is neither bundled nor published.
        InputError: a malformed `hf://` reference, or `bundled=False` for a directory.
    """
    if not isinstance(preset, (str, os.PathLike)):
        raise InputError(f"preset is {shown(preset)}, expected the name of a preset, a directory or hf://org/name.")
    check_flag(bundled, "bundled")
    text = os.fspath(preset)
    if text.startswith("hf://"):
        from zoo import hub

        return _on_the_hub(*hub.parse(text), None)
    is_path = isinstance(preset, os.PathLike) or os.sep in text or text.startswith((".", "~"))
    if is_path or (text not in manifest() and os.path.isdir(text)):
        if not bundled:
            raise InputError(f"bundled is False, but {text!r} is a directory, which has no copy on the Hub.")
        directory = expanded(text)
        if not os.path.lexists(directory / CONFIG):
            raise PresetError(f"{text!r} is no preset directory: it has no {CONFIG}{_instead(text)}")
        return Location(directory, metadata_of(directory).get("files"), "directory")
    entry = entry_of(text)
    directory = BUNDLED / text
    if bundled and directory.is_dir():
        return Location(directory, entry["files"], "bundled")
    if entry.get("repo_id") is None:
        nor_bundled = "neither bundled with this installation nor" if bundled else "not"
        raise PresetError(f"The preset {text!r} is {nor_bundled} on the Hub yet.")
    return _on_the_hub(entry["repo_id"], entry["revision"], entry["files"])


def _instead(text):
    """What a path that is no preset may have meant, as the end of a sentence."""
    name = text.strip(os.sep)
    if name in manifest():
        return f"; did you mean {name}?"
    if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", text) and not os.path.exists(text):
        return f"; did you mean hf://{text}?"
    return "."


def _on_the_hub(repo_id, revision, files):
    from zoo import hub

    directory = hub.cached(repo_id, revision)
    return Location(directory, files, "hub" if directory is None else "cached", repo_id, revision)


def obtain(preset, bundled=True):
    """`resolve`, then fetches what is not here and verifies it; returns a `Location` whose files may be opened.

    Raises:
        PresetError, InputError: as `resolve` and `verify`.
        HubError: as `zoo.hub.fetch`.
    """
    location = resolve(preset, bundled)
    if location.repo_id is None:
        verify(location)
        return location
    from zoo import hub

    def check(directory):
        # An official preset's hashes are the installation's, anyone else's those that the repository states.
        files = location.files or metadata_of(directory).get("files")
        found = location._replace(directory=directory, files=files, origin="cached")
        verify(found)
        return found

    return hub.fetch(location.repo_id, location.revision, check)


def metadata_of(directory):
    """The facts in a preset directory's `metadata.json`; an empty dict where there is no such file.

    Raises:
        PresetError: the file does not parse.
    """
    path = directory / METADATA
    try:
        found = json.loads(read_regular(path, LIMITS[METADATA]))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:
        if isinstance(error, PresetError):
            raise
        raise PresetError(f"{path} is damaged ({error}); expected a JSON object.") from error
    if not isinstance(found, dict):
        raise PresetError(f"{path} is damaged: it holds a {type(found).__name__}, expected a JSON object.")
    for key in _TEXTS:
        if not isinstance(found.get(key), (str, type(None))):
            raise PresetError(f"{path} is damaged: its {key} is {shown(found[key])}, expected a text.")
    figures = found.get("metrics", {})
    if not isinstance(figures, dict) or not all(map(_is_figure, figures.values())):
        raise PresetError(f"{path} is damaged: its metrics are not figures with a value and a protocol.")
    return found


def _is_figure(figure):
    return (
        isinstance(figure, dict)
        and is_number(figure.get("value"))
        and isinstance(figure.get("protocol"), str)
        and all(figure.get(key) is None or is_number(figure[key]) for key in ("std", "real"))
    )


def stated_of(files, name):
    """Size and SHA-256 of a file as `files` of a manifest entry or `metadata.json` states them, None where not."""
    stated = files.get(name) if isinstance(files, dict) else None
    if isinstance(stated, dict) and isinstance(stated.get("size"), int) and isinstance(stated.get("sha256"), str):
        return stated
    return None


def verify(location):
    """Checks size and SHA-256 of a preset's files before anything reads them.

    Raises:
        PresetError: a file is missing, truncated or altered, or the hashes name a file outside of the preset.
    """
    for name in location.files if isinstance(location.files, dict) else ():
        if Path(name).name != name:
            raise PresetError(
                f"The preset in {location.directory} names the file {name!r}, expected a plain file name."
            )
    for name in HASHED_FILES:
        path = location.directory / name
        if not path.exists():
            raise PresetError(f"The preset in {location.directory} is incomplete: {name} is missing.")
        if not path.is_file() or path.stat().st_size > LIMITS[name]:
            raise PresetError(f"{path} is no regular file of at most {LIMITS[name]} bytes, as presets have.")
    if location.files is None:
        warnings.warn(
            f"The preset in {location.directory} carries no hashes, so its files cannot be verified.", stacklevel=3
        )
        return
    for name in HASHED_FILES:
        path = location.directory / name
        expected = stated_of(location.files, name)
        if expected is None:
            raise PresetError(
                f"The preset in {location.directory} states no size and SHA-256 of {name}; expected them under 'files'."
            )
        size = path.stat().st_size
        if size != expected["size"]:
            raise PresetError(f"{path} has {size} bytes, expected {expected['size']}: it is truncated or another file.")
        if sha256(path) != expected["sha256"]:
            raise PresetError(
                f"{path} does not match its SHA-256 {expected['sha256'][:12]}…: it was altered or damaged."
            )


def load(preset, *, bundled=True, **overrides):
    """Loads a pretrained model, compiled with its recipe's optimizers, ready for `generate` and `fit`.

    What its training draws is as `keras.utils.set_random_seed` says, like that of a new model.

    Args:
        preset: name of an official preset, a preset directory, or `"hf://org/name@revision"` for a repository on
            the Hugging Face Hub at a branch, tag or commit (default: its default branch). An official preset that is
            not bundled comes from the local cache or the Hub, at the commit that the manifest pins.
        bundled: False insists on the copy that is published on the Hub.
        **overrides: constructor arguments to change, such as `image_shape=(32, 32, 3)`. Weights whose shapes
            still fit are kept; a warning names those that start afresh.

    Returns:
        The compiled Keras model.

    Raises:
        PresetError: unknown, damaged or altered preset.
        HubError: the Hub cannot be reached, or has no such repository, revision or file for this user.
        InputError: an override that the class does not have or that leaves too little of the weights.
    """
    return load_as(None, preset, bundled, **overrides)


def load_as(expected_class, preset, bundled=True, **overrides):
    """`load`, refusing a preset whose class is not `expected_class` or a subclass (None accepts all)."""
    location = obtain(preset, bundled)
    check_process()
    import_keras()
    import keras

    import zoo.models  # noqa: F401 - registers the classes with Keras

    directory, random_state = location.directory, random.getstate()
    try:
        config = json.loads(read_regular(directory / CONFIG, LIMITS[CONFIG]))
        allow_list.check(config, f"The preset in {directory}", _is_registered)
        if expected_class is not None:
            found = keras.saving.get_registered_object(config.get("registered_name"))
            if not (isinstance(found, type) and issubclass(found, expected_class)):
                raise PresetError(
                    f"Preset {os.fspath(preset)!r} is a {config.get('class_name')}, not a {expected_class.__name__}; "
                    f"zoo.load({os.fspath(preset)!r}) loads it."
                )
        # Compiled only once the weights are in, so that a file without optimizer state is no surprise to Keras.
        compile_config = config.pop("compile_config", None)
        for part in allow_list.parts_of(config):
            part.pop("compile_config", None)
        model = _built(config, directory)
        model.load_weights(directory / WEIGHTS)
        _refuse_non_finite(model, directory)
        if overrides:
            model = _rebuild(model, config, overrides)
        if compile_config:
            model.compile_from_config(compile_config)
    except Exception as error:
        # Layers draw their seeds from Python's random numbers; a preset that is refused leaves these as they were.
        random.setstate(random_state)
        if isinstance(error, ZooError):
            raise
        # Keras raises anything from KeyError to UnboundLocalError on a file it cannot make sense of.
        raise PresetError(
            f"The preset in {directory} cannot be loaded ({type(error).__name__}: {printable(first_line(error), 500)})"
        ) from error
    return model


def _is_registered(name):
    import keras

    return keras.saving.get_registered_object(name) is not None


def _built(config, directory):
    """The model of a configuration, refused before it allocates more than its file of weights holds."""
    import keras

    from zoo.keras_private import deferred_variables

    stored_numbers, stored_arrays = weights_file.check(directory / WEIGHTS)
    numbers = variables = 0

    def count(variable):
        nonlocal numbers, variables
        numbers, variables = numbers + math.prod(variable.shape), variables + 1
        if numbers > stored_numbers + _OTHER_NUMBERS or variables > 3 * stored_arrays + _OTHER_VARIABLES:
            raise PresetError(
                f"The preset in {directory} describes {variables} or more arrays of {numbers} weights, but holds "
                f"{stored_arrays} of {stored_numbers}."
            )

    # A class of the user's may give its variables values at once, which cannot be deferred.
    own = allow_list.has_users_classes(config, _is_registered)
    try:
        with contextlib.nullcontext() if own else deferred_variables(count):
            return keras.saving.deserialize_keras_object(config, safe_mode=True)
    except InputError as error:
        raise PresetError(f"The preset in {directory} describes no model: {error}") from error


def _refuse_non_finite(model, directory):
    from keras import ops

    for variable in model.weights:
        if not ops.all(ops.isfinite(variable)):
            raise PresetError(f"The weights of the preset in {directory} hold NaN or infinity in {variable.path}.")


def _refuse_unregistered(config):
    """Refuses a class or function of the user's that Keras saves without complaint and could not load again."""
    for part in allow_list.parts_of(config):
        module = part.get("module")
        if "class_name" not in part or not isinstance(module, str) or module.partition(".")[0] in ("keras", "builtins"):
            continue
        if not _is_registered(allow_list.registered_name(part)):
            found = part["config"] if part["class_name"] == "function" else part["class_name"]
            raise PresetError(
                f"The model has a {found}, which is not registered, so that it could not be loaded; decorate it with "
                "keras.saving.register_keras_serializable()."
            )


def _rebuild(model, config, overrides):
    """A model of the changed configuration that keeps every weight whose place and shape are unchanged."""
    import keras

    given = ", ".join(f"{name}={value!r}" for name, value in overrides.items())
    if not hasattr(model, "changed_arguments"):
        raise InputError(f"{config['class_name']} is a plain Keras network, which takes no {given}.")
    # The loaded model's, not the file's, which may be older than some arguments.
    arguments = keras.saving.serialize_keras_object(model)["config"]
    arguments, forgotten = model.changed_arguments(arguments, overrides)
    try:
        changed = keras.saving.deserialize_keras_object({**config, "config": arguments}, safe_mode=True)
    except ZooError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        # What the constructor said, which Keras quotes behind much else.
        reason = first_line(str(error).rpartition("Exception encountered: ")[2])
        raise InputError(f"{config['class_name']} takes no {given} ({reason})") from error
    pretrained = _weights_by_place(model)
    rows = changed.rows_of(model)
    kept, fresh = [], {}
    for place, variable in _weights_by_place(changed).items():
        source = pretrained.get(place)
        begins = next((numbers for layer, numbers in rows.items() if f"/{layer}/" in place), None)
        if source is not None and begins is not None:
            known, values = begins >= 0, keras.ops.convert_to_numpy(variable).copy()
            values[known] = keras.ops.convert_to_numpy(source)[begins[known]]
            variable.assign(values)
            kept.append(place)
            if not known.all():
                fresh[f"{place} ({(~known).sum()} of {len(known)} rows)"] = variable
        elif source is not None and source.shape == variable.shape:
            variable.assign(source)
            kept.append(place)
        else:
            fresh[place] = variable
    if len(kept) < len(fresh):
        raise InputError(
            f"{given} leaves only {len(kept)} of {len(kept) + len(fresh)} pretrained weights usable; build a "
            f"{config['class_name']} from scratch for that."
        )
    changed.forget_beside(fresh)
    if fresh:
        aliases = tuple(f"{alias}/" for _, alias in model.preset_aliases)
        names = ", ".join(place for place in fresh if not place.startswith(aliases))
        message = f"{given}: newly initialized {names}; all other weights are pretrained. {forgotten}"
        begun = {id(variable) for variable in fresh.values()}
        frozen = [
            path for path, layer in changed.frozen_layers().items() if not begun.isdisjoint(map(id, layer.weights))
        ]
        if frozen:
            message = f"{message.rstrip()} Frozen, as in the preset, stays {', '.join(frozen)}."
        warnings.warn(message.rstrip(), stacklevel=4)
    return changed


def _weights_by_place(model):
    """Weights by attribute and path; paths alone repeat where two networks have layers of one name."""
    import keras

    networks = {f"{name}/": value for name, value in vars(model).items() if isinstance(value, keras.Layer)}
    held = {id(variable) for network in networks.values() for variable in network.weights}
    weights = [(f"{name}{v.path}", v) for name, network in networks.items() for v in network.weights]
    weights += [(v.path, v) for v in model.weights if id(v) not in held]
    places, seen = {}, collections.Counter()
    for place, variable in weights:
        # Both translators of a CycleGAN have layers of one name.
        places[f"{place}#{seen[place]}" if seen[place] else place] = variable
        seen[place] += 1
    return places


def save(model, directory, *, weights_dtype="float32"):
    """Writes a model as a preset directory, whole or not at all.

    Of an older preset there a card that a person wrote is kept, and where the weights are the same what else was shown
    of them. Files and folders that are no part of a preset stay as they are.

    A preset holds no optimizer state; a GAN's averaged generator stands for both of its generators.

    Args:
        model: a built Keras model of registered classes.
        directory: where; an existing directory must be a preset or empty.
        weights_dtype: `"float32"`, or `"float16"` to halve the file.

    Raises:
        PresetError: `directory` holds something else, the model has a part that may run code or of a class that is
            not registered, or weights that are not finite or do not fit float16.
        StorageError: `directory` cannot be written.
        InputError: another `weights_dtype`.
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
    others = set(there) - {*HASHED_FILES, METADATA, *_shown()}
    with replacing_directory(directory, others) as temporary:
        config = keras.saving.serialize_keras_object(model)
        _refuse_unregistered(config)
        allow_list.check(config, "The model", _is_registered)
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


def _shown():
    """Names of the files of a preset that a person looks at."""
    from zoo import hub

    return hub.CARD, *hub.PICTURES


def _kept(directory, weights):
    """Names of files beside an older preset that are as true of one with these weights."""
    from zoo import hub

    if (directory / WEIGHTS).exists() and describe_file(directory / WEIGHTS) == weights:
        return [name for name in _shown() if (directory / name).exists()]
    card = directory / hub.CARD
    by_hand = card.exists() and not hub.is_unedited(card.read_text(encoding="utf-8", errors="replace"))
    return [card.name] if by_hand else []


def describe_file(path):
    """Size in bytes and SHA-256 of a file, as the manifest states them."""
    return {"sha256": sha256(path), "size": path.stat().st_size}


def record_publication(name, repo_id, revision):
    """Pins an official preset to a commit of its repository on the Hub, in the manifest."""
    entries = dict(manifest())
    entries[name] = {**entry_of(name), "repo_id": repo_id, "revision": revision}
    write_json(manifest_path(), {"presets": entries})
