"""Compares `fine_tune` with training from scratch on small data sets on which no preset was trained.

Each row is a data set of `_small_data_sets.py` and 100, 500 or 2,000 of its images; two sets have fewer images and no
last row. Each row is run with three seeds, which also draw the images. `fine_tune` gets the preset, the images and the
seed, and no further argument. Training from scratch uses the same class and networks with new weights and the settings
of the recipe: its objective and penalties, its Adam and its learning rates, which fall to 0 along a cosine, batches of
32, and the averaged weights after the last step. It trains as many minutes as `fine_tune` took with the same seed,
evaluations included. Minutes are processor time, which depends little on the load of the machine; on one idle core
they are wall time.

The figures compare 1,000 samples with test images on general features, which are those of EfficientNet-Lite0. A model
that was trained on these features needs `--judge FOLDER` with EfficientNet-Lite1. `fine_tune` chooses its weights by
Lite0's kernel distance to training images that it holds back; no run sees a test image.

- Kernel distance and Fréchet distance. The latter depends on the number of test images, so it compares runs of one set.
- Memorized: the share of samples that are nearer to their nearest training image than 95 % of the test images are to
  theirs, by Euclidean distance of features. Samples as far from the training images as real ones have 0.05.

`--rates` also fine-tunes the presets by `fit` for as many minutes, at multiples of their own learning rates, on the
rows of 500 images with the first seed. `fine_tune` should be within 1.15 times the best of these.

Each finished run is in the table at once, so the same command continues. Two processes may share the work by different
rows, such as `--threads 1 --only faces` and `--threads 1 --only glyphs symbols icons objects`. All runs take about
11 hours of one core, and `--rates` another five.
"""

import argparse
import sys
import time
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# These imports come first because they configure TensorFlow.
import dcgan_avatars_64
import dcgan_fashion_mnist_28
import projected_gan_tf_flowers_64
import vae_mnist_28

# isort: split

import _results
import _small_data_sets
import keras
import numpy as np
from _minutes import alone, fit, in_new_process, memorized

import zoo
from zoo.errors import NonFiniteError
from zoo.images import fit_image
from zoo.metrics import features, frechet_distance, gaussian_statistics, kernel_distance

NAME, JUDGE = "small_data", "efficientnet_lite0_imagenet"
CACHE = Path(__file__).resolve().parent.parent / "runs" / NAME
SEEDS, SAMPLES, BATCH_SIZE = (0, 1, 2), 1_000, 32
# The strips of samples have images of one shape.
STRIP_SHAPE = (48, 48, 3)
TRAINING_IMAGES, TUNED, SCRATCH = "training images", "fine_tune", "from scratch"
STARTS = (TRAINING_IMAGES, TUNED, SCRATCH)
# Multiples of the preset's learning rates, of the generator (or the only network) and of the discriminator.
GENERATOR_FACTORS, DISCRIMINATOR_FACTORS, RATES_IMAGES, BAR = (2.0, 1.0, 0.5, 0.25), (1.0, 0.25), 500, 1.15


class Setting(NamedTuple):
    """The preset of a data set, and how its recipe begins from scratch.

    Args:
        preset: str.
        build: function that returns a model with new weights.
        rates: learning rate of each optimizer.
        betas: `beta_1` and `beta_2` of Adam.
        changes: constructor arguments that the preset is loaded with.
    """

    preset: str
    build: Callable
    rates: tuple[float, ...]
    betas: tuple[float, float] = (0.9, 0.999)
    changes: Mapping[str, object] = types.MappingProxyType({})


_AVATARS = Setting(
    "dcgan_avatars_64",
    dcgan_avatars_64.build,
    dcgan_avatars_64.STAGES[0]["learning_rate"],
    dcgan_avatars_64.BETAS,
)
SETTINGS = {
    "glyphs": Setting(
        "dcgan_fashion_mnist_28",
        dcgan_fashion_mnist_28.build,
        dcgan_fashion_mnist_28.LEARNING_RATES,
        dcgan_fashion_mnist_28.BETAS,
    ),
    "symbols": Setting("vae_mnist_28", vae_mnist_28.build, (vae_mnist_28.LEARNING_RATE,)),
    "faces": _AVATARS,
    "icons": _AVATARS,
    "objects": Setting(
        "projected_gan_tf_flowers_64",
        projected_gan_tf_flowers_64.build,
        projected_gan_tf_flowers_64.LEARNING_RATES,
        projected_gan_tf_flowers_64.BETAS,
        # The objects have no classes.
        {"num_classes": None, "class_names": None},
    ),
}
# Data sets that have fewer than 2,000 training images.
SMALLER = ("symbols", "objects")
ROWS = tuple(
    (name, images) for name in SETTINGS for images in (100, 500, 2_000) if images < 2_000 or name not in SMALLER
)
SIZES = [str(images) for images in sorted({images for _, images in ROWS})]


# === Training ===


def fine_tuned(setting, images, seed):
    """Returns the preset after `fine_tune`, its steps and its minutes."""
    model, begin = zoo.load(setting.preset, **setting.changes), time.process_time()
    found = model.fine_tune(images, seed=seed, verbose=0)
    [figures] = found.figures.values()
    return model, max(figures), (time.process_time() - begin) / 60


def trained(model, rates, betas, images, seed, minutes):
    """Returns a model after `fit` for some minutes, its steps and its minutes."""
    keras.utils.set_random_seed(seed)
    model.compile(*(keras.optimizers.Adam(rate, *betas) for rate in rates))
    return model, fit(model, images, minutes, BATCH_SIZE), minutes


def grid_of(setting):
    """Returns the learning rates that `--rates` tries by their names in the table, and the betas of the preset."""
    model = zoo.load(setting.preset, **setting.changes)
    optimizers = [getattr(model, name) for name in model.optimizer_names]
    discriminator = DISCRIMINATOR_FACTORS if len(optimizers) > 1 else (1.0,)
    tried = {}
    for factors in ((of_generator, of_other) for of_generator in GENERATOR_FACTORS for of_other in discriminator):
        rates = tuple(
            factor * float(optimizer.learning_rate) for factor, optimizer in zip(factors, optimizers, strict=False)
        )
        tried[f"fit at {' and '.join(f'{rate:.3g}' for rate in rates)}"] = rates
    return tried, (float(optimizers[0].beta_1), float(optimizers[0].beta_2))


# === Measuring ===


def measured(drawn, known, real):
    """Compares samples with the test images, and with the training images.

    Args:
        drawn, known, real: features `(n, dimensions)` of samples, training images and test images.

    Returns:
        dict of the figures.
    """
    return {
        "kernel_distance": kernel_distance(drawn, real),
        "frechet_distance": frechet_distance(*gaussian_statistics(drawn), *gaussian_statistics(real)),
        "memorized": memorized(drawn, known, real),
    }


def chosen(data_set, images, seed):
    """Returns the training images of a row and a seed."""
    return data_set.train[np.random.RandomState(seed).permutation(len(data_set.train))[:images]]


def run(name, images, start, seed, cache, judge):
    """Runs one start with one seed, and keeps its figures and, of the first seed, its samples."""
    data_set = _small_data_sets.load(name, cache)
    setting, train = SETTINGS[name], chosen(data_set, images, seed)
    # The network is loaded and traced before minutes count, because only `fine_tune` uses it.
    network = features.load(judge)
    known, real = network(train), network(data_set.test)
    if start == TRAINING_IMAGES:
        samples, steps, minutes = train, 0, 0.0
    else:
        model, steps, minutes = _model_of(setting, name, images, start, seed, train)
        features.check_judge(model, judge)
        samples = model.generate(SAMPLES, seed=0)
    figures = measured(network(samples), known, real)
    row = {"preset": setting.preset, "features": network.name, "steps": steps, "minutes": minutes, **figures}
    with alone(__file__):
        _results.keep(NAME, {"data_set": name, "images": images, "start": start, "seed": seed}, [row])
        if seed == SEEDS[0] and start in STARTS:
            strip = np.stack([fit_image(image, STRIP_SHAPE) for image in samples[: _results.SAMPLES]])
            _results.keep_samples(NAME, STARTS.index(start) * len(ROWS) + ROWS.index((name, images)), strip)
    print(f"{name}, {images} images, {start}, seed {seed}: {figures}, {steps} steps, {minutes:.1f} minutes", flush=True)


def _model_of(setting, name, images, start, seed, train):
    if start == TUNED:
        return fine_tuned(setting, train, seed)
    minutes = runs()[name, images, TUNED][seed]["minutes"]
    if start == SCRATCH:
        keras.utils.set_random_seed(seed)
        return trained(setting.build(), setting.rates, setting.betas, train, seed, minutes)
    tried, betas = grid_of(setting)
    return trained(zoo.load(setting.preset, **setting.changes), tried[start], betas, train, seed, minutes)


# === Results ===


def runs():
    """Returns the table, as dicts of the runs by seed, by data set, number of images and start."""
    found = {}
    for row in _results.read(NAME):
        found.setdefault((row["data_set"], row["images"], row["start"]), {})[row["seed"]] = row
    return found


def mean(by_seed, column="kernel_distance"):
    return float(np.mean([row[column] for row in by_seed.values()]))


def table(found):
    """Returns the lines of a Markdown table of all rows that have been measured, and of what they say."""
    lines = [
        "| data set | images | minutes | `fine_tune` | from scratch | training images | memorized by `fine_tune` | "
        "memorized from scratch |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = [row for row in ROWS if all((*row, start) in found for start in STARTS)]
    behind = []
    for row in rows:
        tuned, scratch = (found[(*row, start)] for start in (TUNED, SCRATCH))
        cells = [_cell(tuned), _cell(scratch)]
        if mean(tuned) < mean(scratch):
            cells[0] = f"**{cells[0]}**"
        else:
            cells[1] = f"**{cells[1]}**"
            behind.append(f"{row[0]} ({row[1]:,} images)")
        real = mean(found[(*row, TRAINING_IMAGES)])
        shares = [f"{mean(by_seed, 'memorized'):.0%}" for by_seed in (tuned, scratch)]
        cells = [row[0], f"{row[1]:,}", f"{mean(tuned, 'minutes'):.1f}", *cells, f"{real:.3f}", *shares]
        lines.append(f"| {' | '.join(cells)} |")
    where = f" It is behind on {', '.join(behind)}." if behind else ""
    lines += ["", f"`fine_tune` is ahead of scratch on {len(rows) - len(behind)} of {len(rows)} rows.{where}"]
    return lines


def _cell(by_seed):
    values = [row["kernel_distance"] for row in by_seed.values()]
    return f"{np.mean(values):.3f} ± {np.std(values):.3f}"


def beside_rates(found):
    """Returns a line for each row whose grid of learning rates has been measured."""
    lines = []
    for name, images in ROWS:
        seed = SEEDS[0]
        tried = {
            start: by_seed[seed]["kernel_distance"]
            for (*row, start), by_seed in found.items()
            if tuple(row) == (name, images) and start.startswith("fit at")
        }
        if tried:
            best = min(tried, key=tried.get)
            ratio = found[name, images, TUNED][seed]["kernel_distance"] / tried[best]
            verdict = "within" if ratio <= BAR else "NOT within"
            lines.append(
                f"{name}, {images:,} images: `fine_tune` has {ratio:.2f} times the kernel distance of the best of "
                f"{len(tried)} ({best}: {tried[best]:.3f}), {verdict} {BAR}"
            )
    return lines


def draw(found):
    title = "Small data: fine_tune and training from scratch at equal minutes"
    with _results.plot(NAME, title, 15, 13) as figure:
        above, below = figure.subfigures(2, 1, height_ratios=(1, 3))
        for axes, name in zip(above.subplots(1, len(SETTINGS)), SETTINGS, strict=True):
            draw_distances(axes, name, found)
        labels = [f"{name}, {images:,} images: {start}" for start in STARTS for name, images in ROWS]
        _results.draw_samples(below, NAME, labels, columns=len(STARTS))


def draw_distances(axes, name, found):
    sizes = [images for other, images in ROWS if other == name]
    for start, color in zip(STARTS, (_results.GREY, _results.BLUE, _results.ORANGE), strict=True):
        values = np.array([[row["kernel_distance"] for row in found[name, n, start].values()] for n in sizes])
        axes.plot(sizes, values.mean(1), "o-", color=color, label=start)
        axes.fill_between(sizes, values.min(1), values.max(1), color=color, alpha=0.25, linewidth=0)
    axes.set(xscale="log", title=name, xlabel="training images", ylabel="kernel distance (lower is better)")
    axes.set_xticks(sizes, [f"{n:,}" for n in sizes])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.legend(title="shaded: range of three seeds", fontsize=7, title_fontsize=7)


def report():
    """Prints what has been measured, and draws the plot if nothing is missing."""
    found = runs()
    if all(len(found.get((*row, start), ())) == len(SEEDS) for row in ROWS for start in STARTS):
        draw(found)
    print("\n".join([*table(found), *beside_rates(found)]))


def wanted(name, images, start, only):
    """Returns whether words such as `["faces", "500"]` select a run: one of each kind that they name."""
    of_kinds = ((name, SETTINGS), (str(images), SIZES), (start, STARTS))
    named = [(word, [other for other in only if other in kind]) for word, kind in of_kinds]
    return all(not words or word in words for word, words in named)


def measured_already(name, images, start, seed):
    return seed in runs().get((name, images, start), {})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", default=str(CACHE), help="folder of the prepared data sets (default %(default)s)")
    parser.add_argument("--only", nargs="+", default=[], choices=[*SETTINGS, *SIZES, *STARTS], help="rows to run")
    parser.add_argument("--rates", action="store_true", help="also fine-tune by fit at a grid of learning rates")
    parser.add_argument("--threads", type=int, default=2, help="processor cores to use (default %(default)s)")
    parser.add_argument("--judge", default=JUDGE, help="feature network, a name or folder (default %(default)s)")
    parser.add_argument("--report", action="store_true", help="only print the table and draw the plot")
    args = parser.parse_args()
    planned = [(name, images, start, seed) for seed in SEEDS for name, images in ROWS for start in STARTS]
    if args.rates:
        tuned = [(name, images) for name, images in ROWS if images == RATES_IMAGES]
        planned += [(name, images, start, SEEDS[0]) for name, images in tuned for start in grid_of(SETTINGS[name])[0]]
    for name, images, start, seed in () if args.report else planned:
        # The other starts get as many minutes as `fine_tune` took.
        waits = start not in (TRAINING_IMAGES, TUNED) and not measured_already(name, images, TUNED, seed)
        if not waits and wanted(name, images, start, args.only) and not measured_already(name, images, start, seed):
            try:
                in_new_process(args.threads, run, name, images, start, seed, args.cache, args.judge)
            except NonFiniteError as error:
                # The other rows are still worth their hours.
                print(f"{name}, {images} images, {start}, seed {seed} has no figures: {error}", flush=True)
    report()


if __name__ == "__main__":
    main()
