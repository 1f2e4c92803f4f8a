"""Trains a model of any class on a user's own data, as `zoo train` does: a folder or a TFDS name becomes a preset."""

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import shutil
import tempfile
from pathlib import Path

import numpy as np

from zoo import callbacks, data, devices
from zoo.errors import InputError
from zoo.files import write_json
from zoo.text import vocabulary_of
from zoo.training.pictures import drawing, reconstructions
from zoo.training.places import SETTINGS, TRAINING, check_free, check_same
from zoo.training.run.options import constructor_options, required_arguments
from zoo.training.run.pipeline import train
from zoo.training.run.priors import PriorStage
from zoo.training.run.settings import Run
from zoo.training.run.stages import Stage
from zoo.training.run.writing import finish
from zoo.version import __version__

# Steps from one grid and backup to the next. Shorter epochs would spend their time on grids.
_STEPS_PER_EPOCH = 500
_EXAMPLE_PROMPTS = 256


@dataclasses.dataclass(frozen=True)
class Settings:
    """What `zoo train` is asked for.

    Attributes:
        model: str. Name of the class.
        data: str. Folder, or TFDS name.
        image_shape: list of height, width and channels.
        steps: int. Training steps, in each stage.
        batch_size: int. Images for one update.
        seed: int. Seed of the model, the order of images and the samples.
        options: dict of constructor arguments of the class.
    """

    model: str
    data: str
    image_shape: list[int]
    steps: int
    batch_size: int
    seed: int
    options: dict


def check_place(directory, settings):
    """Checks the folder of a preset before any work: it must be new or empty, or hold an unfinished run.

    Args:
        directory: `pathlib.Path` of the preset.
        settings: `Settings`.

    Raises:
        InputError: the folder holds a preset, other files, or a run with other settings.
    """
    check_free(directory, "-o")
    check_same(directory, "-o", dataclasses.asdict(settings))


def train_own(model_class, directory, settings):
    """Trains a model and writes its preset; continues if a run with the same settings was killed.

    Args:
        model_class: class of the zoo.
        directory: `pathlib.Path` of the preset, as `check_place` accepts it. Grids, logs and the backup go to its
            folder `training`.
        settings: `Settings`.

    Raises:
        InputError: an option does not suit the class, or the data lacks the classes or captions that the class needs.
        DataError: the data is missing, empty or too small.
        ProcessError: another process of the training has ended.
    """
    output = directory / TRAINING
    run = Run(directory.resolve().name, output, directory, output / "weights_manifest.json", seed=settings.seed)
    run.open(resume=True, further=False)
    model, image_set = _model_and_data(model_class, settings)
    draw = drawing(model, image_set)
    stages = _stages(model, image_set, settings, draw)
    # A mistake in the data or the options leaves no folder behind.
    data.check_batch_size(settings.batch_size, len(image_set.images), True, getattr(model, "discriminator_steps", 1))
    data.warn_of_doubtful(image_set.images, "DATA")
    for condition in model.trained_conditions:
        condition.learn(image_set)
    process, processes = devices.share_of_process()
    if processes > 1:
        devices.check_agreement(_shared_facts(run, image_set, settings))
    write_json(output / SETTINGS, dataclasses.asdict(settings))
    train(run, model, stages)
    devices.part()
    if process:
        return
    finish(run, model, image_set, draw=draw and (lambda model: (drawing(model, image_set)(), None)))


@contextlib.contextmanager
def own_place(directory):
    """Yields the folder that this process trains in: process 0 writes the preset, others a copy that is thrown away.

    Args:
        directory: `pathlib.Path` of the preset.
    """
    if devices.share_of_process()[0] == 0:
        yield directory
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / directory.resolve().name
        if (directory / TRAINING).exists():
            shutil.copytree(directory / TRAINING, place / TRAINING)
        yield place


def _shared_facts(run, image_set, settings):
    """Returns what all processes of a training must have in common, by what messages call it."""
    backups = sorted(run.output.glob(f"backup/*/{callbacks.BACKUP}"))
    arrays = (image_set.images, image_set.labels, image_set.source_images, image_set.prompts)
    return {
        "versions": {name: importlib.metadata.version(name) for name in ("keras", "jax")} | {"zoo": __version__},
        "settings": dataclasses.asdict(settings),
        "data": [array is not None and hashlib.sha256(np.ascontiguousarray(array)).hexdigest() for array in arrays],
        "backups": [hashlib.sha256(file.read_bytes()).hexdigest() for file in backups],
    }


def _model_and_data(model_class, settings):
    """Returns the new model, and the `ImageSet` in the form that it trains on."""
    shape = tuple(settings.image_shape)
    if hasattr(model_class, "translate"):
        # The data teaches these nothing about their arguments, but they say how large source images are.
        model = model_class(shape, **settings.options)
        return model, model.read(settings.data, "train")
    image_set = data.read(settings.data, shape)
    model = model_class(shape, **{**_learned(model_class, image_set, settings), **settings.options})
    return model, model.accepted(image_set)


def _learned(model_class, image_set, settings):
    """Returns the constructor arguments that the data determines, for a class that takes them."""
    needed = required_arguments(model_class)
    found = {}
    if "num_classes" in needed:
        if image_set.class_names is None:
            raise InputError(
                f"DATA is {settings.data!r}, which has no classes, but {settings.model} needs them: expected a folder "
                "with a subfolder for each class, or a TFDS data set with labels."
            )
        found |= {"num_classes": len(image_set.class_names), "class_names": image_set.class_names}
    if "vocabulary" in needed:
        if image_set.prompts is None:
            raise InputError(
                f"DATA is {settings.data!r}, which has no captions, but {settings.model} needs them: expected a TFDS "
                "data set with the feature 'caption'."
            )
        prompts = image_set.prompts.tolist()
        found |= {"vocabulary": vocabulary_of(prompts), "example_prompts": prompts[:_EXAMPLE_PROMPTS]}
    if "data_variance" in constructor_options(model_class):
        found["data_variance"] = float(np.var(image_set.images[:5000] / 127.5 - 1.0))
    return found


def _stages(model, image_set, settings, draw):
    epochs = -(-settings.steps // _STEPS_PER_EPOCH)
    # The last epoch is as long as the others, so that there are a few steps more if they cannot be divided evenly.
    shared = {"epochs": epochs, "batch_size": settings.batch_size, "steps_per_epoch": -(-settings.steps // epochs)}
    if hasattr(model, "build_prior"):
        few = image_set.images[:32]
        return [
            Stage(image_set, name="autoencoder", draw=lambda: reconstructions(model, few), **shared),
            PriorStage(image_set, name="prior", **shared),
        ]
    growth = []
    if hasattr(model, "grow"):
        period = max(1, settings.steps // (2 * model.last_stage + 1))
        growth.append(callbacks.Grow(stable_steps=period, fade_steps=period))
    return [Stage(image_set, draw=draw, metrics=growth, **shared)]
