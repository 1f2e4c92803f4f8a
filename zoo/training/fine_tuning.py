"""Fine-tuning in one call: looks at the data, chooses how to train, trains with `fit`, and keeps the best weights.

`descriptions.py` describes the data, and `choices.py` makes the choices. Here is the rest, from top to bottom: the
figure on held-back images that decides which weights are kept, the phases, each of which is one `fit` with callbacks,
and `fine_tune`, which does all of it.
"""

import contextlib
import copy
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from zoo import callbacks, data, presets
from zoo.backend import set_random_seed
from zoo.errors import InputError, check_count, shown
from zoo.files import expanded, write_json
from zoo.images import grid, write_png
from zoo.metrics import features, kernel_distance
from zoo.objectives import augment
from zoo.presets import card
from zoo.random_state import random_states
from zoo.training.checks import check_backend
from zoo.training.choices import Choices, choose, layer_at, rates_of, text_of
from zoo.training.descriptions import (
    COMPARED,
    DRAWN,
    Description,
    as_uint8,
    check_enough,
    concerns,
    describe,
    summary,
)
from zoo.training.epochs import in_epochs_of
from zoo.training.image_sets import mirrored
from zoo.training.pictures import drawing, nearest_pairs, reconstructions
from zoo.training.places import SETTINGS, TRAINING, check_free, check_same, place_preset
from zoo.training.polarity import exchange_black_and_white
from zoo.training.schedules import WarmHoldCosine

# Batches from which the standing statistics of a generator's average are measured.
_STATISTICS = 20
# Images of a grid.
_SHOWN = 64

# === The figure that decides ===


class Figure(NamedTuple):
    """What is measured on held-back images; lower is better.

    Args:
        name: str. Name of the log.
        what: str. What sentences call it.
        measure: function of the model, or None for a log that `fit` computes itself.
    """

    name: str
    what: str
    measure: Callable | None = None


def figure_of(model, held, samples):
    """Returns the `Figure` of a model: a kernel distance if it draws images, an error if it is told which to make."""
    if not hasattr(model, "discriminator"):
        return Figure("val_loss", "loss")
    if hasattr(model, "translate") and model.trains_on_pairs:
        return Figure("val_l1", "mean absolute error in [-1, 1]")
    return drawing_figure(model, held, samples)


def drawing_figure(model, held, samples):
    """Returns the `Figure` of a model that draws images: a kernel distance."""
    network = features.load(features.general_for(model))
    real = network(held.images[:COMPARED])
    return Figure(
        "kernel_distance",
        f"kernel distance on features of {network.description}",
        lambda model: kernel_distance(network(drawn_like(model, held, samples)), real),
    )


def drawn_like(model, held, samples):
    """Returns uint8 images that a model draws under the conditions of held-back images."""
    if hasattr(model, "translate"):
        return model.translate(held.source_images[:samples])
    given = {"labels": held.labels, "prompts": held.prompts}
    conditions = {name: np.resize(rows, samples) for name, rows in given.items() if model.takes(name)}
    return model.generate(samples, seed=0, **conditions)


# === Training ===


class Phase(NamedTuple):
    """One `fit`: the network, its batches, and what is watched and drawn.

    Args:
        name: str. Folder within that of the training, and the part that messages name; empty for the only phase.
        network: the model, or its prior.
        rates: highest learning rate of each optimizer.
        batches: `tf.data.Dataset` of `zoo.data`.
        held: validation data of `fit`, or None.
        figure: `Figure`.
        draw: function that returns the images of a grid.
    """

    name: str
    network: keras.Model
    rates: tuple[float, ...]
    batches: object
    held: data.ImageSet | None
    figure: Figure
    draw: Callable


def phases(model, train, held, choices, seed):
    """Yields what is trained, one after the other: the model, or an autoencoder and then its prior."""
    rates = rates_of(choices)
    parts = {"paired": model.trains_on_pairs, "parts": model.updates_per_batch}
    batches = data.batches(model.accepted(train), choices.batch_size, seed=seed, **parts)
    if not hasattr(model, "build_prior"):
        figure = figure_of(model, held, choices.samples)
        # Few images give a steadier loss when each is seen through several draws of latents or binary pixels.
        rows = np.resize(np.arange(len(held.images)), max(len(held.images), choices.samples))
        validation = None if figure.measure else held._replace(**_rows(held, rows))
        draw = drawing(model, held) or (lambda: drawn_like(model, held, _SHOWN))
        yield Phase("", model, rates, batches, validation, figure, draw)
        return
    shown = held.images[:32]
    loss = Figure("val_loss", "loss")
    yield Phase("autoencoder", model, rates[:1], batches, held, loss, lambda: reconstructions(model, shown))
    if model.prior is None:
        # A new prior is the same when the run is killed before its first backup.
        set_random_seed(seed)
        model.build_prior()
    if not model.prior.compiled:
        model.prior.compile()
    encoded = model.prior_dataset(train, choices.batch_size)
    if hasattr(model, "bits_per_image"):
        figure = Figure("bits", "bits an image", lambda _: model.bits_per_image(held.images, held.labels).mean())
    else:
        drawn = drawing_figure(model, held, choices.samples)
        figure = drawn._replace(measure=lambda _: drawn.measure(model))
    yield Phase("prior", model.prior, rates[1:], encoded, None, figure, lambda: drawn_like(model, held, _SHOWN))


def train(phase, folder, choices, steps, verbose):
    """Trains a phase in a folder, where a run that was killed goes on, and leaves the best weights in its network.

    Returns:
        The figures before the training and after each epoch, and the number of steps of an epoch.
    """
    network, folder = phase.network, folder / phase.name
    folder.mkdir(parents=True, exist_ok=True)
    evaluations = min(choices.evaluations, steps)
    per_epoch = -(-steps // evaluations)
    compiled = network.get_compile_config()
    network.compile_from_config(_scheduled(compiled, phase, choices, evaluations * per_epoch))
    keeper = callbacks.KeepBest(folder, phase.figure.name, choices.patience)
    backup = folder / "backup"
    continues = (backup / callbacks.BACKUP).exists()
    if not continues:
        keeper.begin(network, _figure(phase))
        if hasattr(network, "discriminator"):
            network.shrink_and_perturb(choices.discriminator_share)
    watchers = [callbacks.SampleGrid(folder / "samples", draw=phase.draw)]
    if phase.figure.measure:
        watchers.insert(0, callbacks.SampleMetric(phase.figure.name, lambda _: _measured(phase)))
    with warnings.catch_warnings():
        # A prior is trained next.
        warnings.filterwarnings("ignore", "The prior learned from an earlier encoder")
        network.fit(
            in_epochs_of(phase.batches, per_epoch),
            epochs=keeper.last_epoch or evaluations,
            validation_data=phase.held,
            validation_batch_size=choices.batch_size,
            verbose=verbose,
            callbacks=[
                *watchers,
                keeper,
                callbacks.CSVLogger(folder / "history.csv", append=continues),
                # The backup stays until the preset is written.
                callbacks.BackupAndRestore(backup, delete_checkpoint=False),
            ],
        )
    keeper.restore(network)
    network.compile_from_config(compiled)
    return keeper.figures, per_epoch


def _measured(phase):
    """Returns the figure of what would be kept, which includes the statistics of batch norms."""
    if hasattr(phase.network, "update_standing_statistics"):
        # The batches are always the same.
        phase.batches.set_epoch(0)
        phase.network.update_standing_statistics(phase.batches.take(_STATISTICS))
    return _figure(phase)


def _figure(phase):
    network = phase.network
    if phase.figure.measure:
        return float(phase.figure.measure(network))
    name = phase.figure.name.removeprefix("val_")
    return float(network.evaluate(phase.held, return_dict=True, verbose=0)[name])


def _scheduled(compiled, phase, choices, steps):
    """Returns the configuration of `compile` with learning rates that rise from 0 and at last fall to 0."""
    scheduled = copy.deepcopy(compiled)
    # A generator has one update in each step, its discriminator several.
    updates = (1, phase.network.updates_per_batch)
    for name, rate, each in zip(phase.network.optimizer_names, phase.rates, updates, strict=False):
        schedule = WarmHoldCosine(rate, steps * each, choices.warmup_steps * each, choices.rates_held)
        scheduled[name]["config"]["learning_rate"] = keras.saving.serialize_keras_object(schedule)
    return scheduled


# === All of it ===


class FineTuned(NamedTuple):
    """What came of a fine-tuning.

    Args:
        description: `Description` of the training images.
        choices: `Choices`.
        figures: dict by the name of a figure on held-back images, such as `"kernel_distance"`, of dicts of its values
            by training step; step 0 is the model as it was given. Lower is better, and the lowest was kept.
    """

    description: Description
    choices: Choices
    figures: dict[str, dict[int, float]]


def fine_tune(model, source, steps, *, output, validation_data, held_back, seed, verbose, given):
    """Does what `GenerativeModel.fine_tune` says."""
    check_backend("fine_tune")
    steps, seed = check_count(steps, "steps"), check_count(seed, "seed", least=0, most=2**32 - 1)
    if output is not None:
        output = expanded(output)
        check_free(output, "output")
    if not model.compiled:
        model.compile()
    # Otherwise `fit` warns of few steps, which are what the caller asks for.
    model.just_loaded = False
    set_random_seed(seed)
    for index, state in enumerate(random_states(model)):
        state.assign([seed, index])
    image_set, held = _held_back(model, source, validation_data, held_back)
    # An image that is drawn pixel by pixel takes too long for this.
    compared = model.noise_distribution == "normal" and not hasattr(model, "translate")
    drawn = drawn_like(model, held, min(DRAWN, max(_SHOWN, len(image_set.images)))) if compared else None
    found = describe(source, image_set, drawn)
    data.warn_of_doubtful(image_set.images, "data")
    for concern in concerns(found, model.image_shape):
        warnings.warn(concern, stacklevel=3)
    for condition in model.trained_conditions:
        condition.learn(image_set)
    choices, reasons = choose(model, found, steps, given)
    chosen = {name: text_of(value) for name, value in vars(choices).items()}
    settings = {"steps": steps, "seed": seed, "choices": chosen, "images": found.digest}
    if output is not None:
        check_same(output, "output", settings)
    facts = {
        **summary(found),
        **_left_out(model, image_set),
        "Held back": f"{len(held.images)} images",
        "Steps": f"{steps:,}",
        **reasons,
    }
    # Progress goes where that of `fit` goes.
    say = print if verbose else (lambda line: None)
    for name, text in facts.items():
        say(f"{name}: {text}")
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory())) if output is None else output
        stack.enter_context(_frozen(model, choices.frozen_layers))
        write_json(place / TRAINING / SETTINGS, settings)
        if hasattr(model, "discriminator"):
            model.augmentation = augment.get(choices.augmentation)
        if choices.exchanged:
            few = held._replace(**_rows(held, np.arange(8)))
            exchange_black_and_white(model, lambda model: drawn_like(model, held, 8), few)
        figures = {}
        for phase in phases(model, mirrored(image_set) if choices.mirrored else image_set, held, choices, seed):
            values, per_epoch = train(phase, place / TRAINING, choices, steps, verbose)
            figures[phase.figure.name] = {epoch * per_epoch: value for epoch, value in enumerate(values)}
            name = phase.figure.what.capitalize()
            facts[name] = _outcome(figures[phase.figure.name], steps)
            say(f"{name}: {facts[name]}")
    if output is not None:
        _write(model, output, image_set, held, facts, seed)
        say(f"Wrote {output}.")
    return FineTuned(found, choices, figures)


def _outcome(figures, steps):
    """Returns what came of a training, as a text."""
    start, *later = figures.values()
    best = min(figures, key=figures.get)
    kept = f"{figures[best]:.4g} at step {best:,}, whose weights were kept"
    if best == 0:
        kept = f"{min(later):.4g} at best later, so that the weights of the start were kept; more steps may help"
    if max(figures) < steps:
        kept += f"; ended after step {max(figures):,}, since nothing more was gained"
    return f"{start:.4g} at the start, {kept}"


def _held_back(model, source, validation_data, held_back):
    """Returns the images to train on and those that are held back, in the form of `zoo.data.read`."""
    image_set = _read(model, source, "data", "train")
    check_enough(image_set.images)
    if validation_data is not None:
        return image_set, _as_shown(_read(model, validation_data, "validation_data", "test"))
    number = len(image_set.images)
    held_back = min(max(number // 10, 16), number // 4, COMPARED) if held_back is None else held_back
    check_count(held_back, "held_back", least=2, most=max(2, number - 2))
    train, held = data.held_back(image_set, held_back / number, paired=model.trains_on_pairs)
    return train, _as_shown(held)


def _rows(image_set, rows):
    """Returns some rows of all entries of an `ImageSet`; unpaired source images have other numbers."""
    entries = {name: values for name, values in image_set._asdict().items() if name != "class_names"}
    return {name: values[rows[rows < len(values)]] for name, values in entries.items() if values is not None}


def _as_shown(held):
    """Returns held-back images as uint8, as pictures show them."""
    sources = None if held.source_images is None else as_uint8(held.source_images)
    return held._replace(images=as_uint8(held.images), source_images=sources)


def _read(model, source, argument, split):
    """Reads a source for a model, with prompts as texts, as `generate` takes them."""
    if hasattr(source, "element_spec") or isinstance(source, keras.utils.PyDataset) or hasattr(source, "__next__"):
        raise InputError(
            f"{argument} is {shown(source)}, whose batches are made, expected a folder, arrays or the name of a TFDS "
            "data set, since some images are held back."
        )
    image_set = (
        data.read(source, model.image_shape, split=split) if model.takes("prompts") else model.read(source, split)
    )
    model.accepted(image_set)
    return image_set if model.classes is not None else image_set._replace(labels=None)


def _left_out(model, image_set):
    """Returns a text on classes of the images that a model does not take, by what it is about."""
    names = list(image_set.class_names or ())
    if model.classes is not None or len(names) < 2:
        return {}
    text = f"{', '.join(names)}, which the model does not tell apart"
    if "num_classes" in model.get_config():
        text += f"; zoo.load(..., num_classes={len(names)}, class_names={names}) makes a model that does"
    return {"Classes": text}


@contextlib.contextmanager
def _frozen(model, paths):
    """Within this context, layers are not trained."""
    layers = [layer for path in paths if (layer := layer_at(model, path)).trainable]
    try:
        for layer in layers:
            layer.trainable = False
        yield
    finally:
        for layer in layers:
            layer.trainable = True
        if layers:
            # The optimizers know the layers that were trained.
            model.compile_from_config(model.get_compile_config())


def _write(model, directory, image_set, held, facts, seed):
    """Writes the preset with its pictures and its card, and removes what only a killed training needs."""
    run = directory / TRAINING
    draft = run / "draft"
    presets.save(model, draft)
    draw = drawing(model, held)
    shown_images = draw() if draw else drawn_like(model, held, _SHOWN)
    scale = 2 if max(model.image_shape[:2]) <= 64 else 1
    write_png(draft / card.SAMPLES, grid(shown_images), scale=scale)
    if draw is None:
        pairs = nearest_pairs(shown_images[:32], as_uint8(image_set.images))
        write_png(draft / "nearest.png", grid(pairs, columns=8), scale=scale)
    described = {"seed": seed, "fine_tuning": facts}
    if getattr(model, "preset", None):
        described["base"] = model.preset
    write_json(draft / presets.METADATA, {**presets.metadata_of(draft), **described})
    (draft / card.CARD).write_text(card.bundled_card(draft, directory.resolve().name, described), encoding="utf-8")
    place_preset(draft, directory)
    for path in [*run.rglob("backup"), draft]:
        shutil.rmtree(path)
    for path in run.rglob("best.weights.h5"):
        path.unlink()
