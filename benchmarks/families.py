"""Compares the families of generative models: equal data, equal minutes, equal features.

Each model is trained from scratch, without classes, on Fashion-MNIST or avatars, with the networks, batches, learning
rates and precision of a recipe. All get the same minutes of processor time, which depend little on the load of the
machine; two idle cores take half as long. Learning rates fall to 0 along a cosine. Models of an autoencoder and a prior
spend half of the minutes on each.

The figures compare 2,000 samples of each of three seeds with the test images, on the features of the data set's
classifier:

- Fréchet distance, precision (quality) and recall (diversity).
- Memorized: the share of samples that are nearer to their nearest training image than 95 % of the test images are to
  theirs. Samples as far from the training images as real ones have 0.05.
- Bits per value of an 8-bit image, for models that have a likelihood. The flow's is an estimated bound.

`--times` measures the seconds that 64 images take, which needs an idle machine. Each finished run is in the table at
once, so the same command continues. With 40 minutes each, all runs take about 8 hours of one core. `--report` writes
the table into docs/families.md.
"""

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# These imports come first because they configure TensorFlow.
import beta_vae_avatars_64
import dcgan_avatars_64
import dcgan_fashion_mnist_28
import flow_fashion_mnist_28
import pixel_cnn_fashion_mnist_28
import text_to_image_flow_avatars_64 as flow_of_texts
import vq_vae2_avatars_64
import vq_vae_fashion_mnist_28

# isort: split

import _results
import keras
import numpy as np
from _minutes import alone, fit, in_new_process, memorized
from _writing import write_between

import zoo
from zoo import data, presets
from zoo.images import fit_image
from zoo.metrics import features, frechet_distance, gaussian_statistics, precision_recall
from zoo.presets import weights_file
from zoo.presets.files import WEIGHTS

NAME, PAGE = "families", Path(__file__).resolve().parent.parent / "docs" / "families.md"
SHAPES = {"fashion_mnist": (28, 28, 1), "avatars": (64, 64, 3)}
SEEDS, SAMPLES, DRAWN, ROUNDS = (0, 1, 2), 2_000, 64, 3
DIGITS = {"frechet_distance": 2, "precision": 2, "recall": 2, "memorized": 2}
COLUMNS = ("minutes", "steps", "parameters", *DIGITS, "bits", "seconds")
PANELS = [(dataset, column) for dataset in SHAPES for column in ("frechet_distance", "recall")]
# Likelihoods of all test images would take longer than the training.
LIKELIHOODS = 256


class Family(NamedTuple):
    """A model of a family, and how its recipe trains it.

    Args:
        build: function of the training images that returns a model with new weights.
        rates: learning rate of each optimizer.
        batch_size: int.
        betas: `beta_1` and `beta_2` of Adam.
        prior: dict of arguments of `build_prior`, or None for a model of one part.
        prior_rate: learning rate of the prior, or None.
        prior_batch_size: int or None.
    """

    build: Callable
    rates: tuple[float, ...]
    batch_size: int
    betas: tuple[float, float] = (0.9, 0.999)
    prior: dict | None = None
    prior_rate: float | None = None
    prior_batch_size: int | None = None


def pixel_cnn(images):
    recipe = pixel_cnn_fashion_mnist_28
    options = {"first_kernel_size": recipe.FIRST_KERNEL_SIZE, "likelihood": "logistic_mixture", "levels": 256}
    return zoo.PixelCNN(images.shape[1:], recipe.FILTERS, recipe.NUM_BLOCKS, **options)


def vae(images):
    return zoo.BetaVAE(images.shape[1:], beta_vae_avatars_64.LATENT_DIM, filters=beta_vae_avatars_64.FILTERS, beta=1.0)


def flow(images):
    recipe = flow_fashion_mnist_28
    options = {"steps": recipe.STEPS, "ema_momentum": recipe.EMA_MOMENTUM}
    return zoo.RectifiedFlow(images.shape[1:], filters=recipe.FILTERS, **options)


def latent_flow(images):
    recipe = flow_of_texts
    return zoo.LatentFlow(images.shape[1:], recipe.LATENT_CHANNELS, filters=recipe.FILTERS)


AUTOREGRESSIVE = Family(pixel_cnn, (pixel_cnn_fashion_mnist_28.LEARNING_RATE,), pixel_cnn_fashion_mnist_28.BATCH_SIZE)
LATENT_FLOW = Family(
    latent_flow,
    (flow_of_texts.LEARNING_RATE,),
    flow_of_texts.BATCH_SIZE,
    prior=flow_of_texts.FLOW,
    prior_rate=flow_of_texts.FLOW_LEARNING_RATE,
    prior_batch_size=flow_of_texts.FLOW_BATCH_SIZE,
)
VARIATIONAL = Family(vae, (beta_vae_avatars_64.LEARNING_RATE,), beta_vae_avatars_64.BATCH_SIZE)


def vector_quantized(recipe):
    prior = {"prior": recipe.PRIOR, "prior_rate": recipe.LEARNING_RATE, "prior_batch_size": recipe.BATCH_SIZE}
    return Family(recipe.build, (recipe.LEARNING_RATE,), recipe.BATCH_SIZE, **prior)


def dcgan(recipe, rates):
    return Family(lambda images: recipe.build(), rates, recipe.BATCH_SIZE, recipe.BETAS)


FAMILIES = {
    "fashion_mnist": {
        "PixelCNN": AUTOREGRESSIVE,
        "VAE": VARIATIONAL,
        "VQVAE": vector_quantized(vq_vae_fashion_mnist_28),
        "DCGAN": dcgan(dcgan_fashion_mnist_28, dcgan_fashion_mnist_28.LEARNING_RATES),
        "RectifiedFlow": Family(flow, (flow_fashion_mnist_28.LEARNING_RATE,), flow_fashion_mnist_28.BATCH_SIZE),
    },
    "avatars": {
        "PixelCNN": AUTOREGRESSIVE,
        "VAE": VARIATIONAL,
        "VQVAE2": vector_quantized(vq_vae2_avatars_64),
        "DCGAN": dcgan(dcgan_avatars_64, dcgan_avatars_64.STAGES[0]["learning_rate"]),
        "LatentFlow": LATENT_FLOW,
    },
}
ROWS = tuple((dataset, name) for dataset, families in FAMILIES.items() for name in families)


# === Training and measuring ===


def trained(family, images, minutes):
    """Returns a model after so many minutes of processor time, and its number of steps."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = family.build(images)
    model.compile(*(keras.optimizers.Adam(rate, *family.betas) for rate in family.rates))
    if family.prior is None:
        return model, fit(model, images, minutes, family.batch_size)
    steps = fit(model, images, minutes / 2, family.batch_size)
    model.build_prior(**family.prior)
    model.prior.compile(keras.optimizers.Adam(family.prior_rate))
    return model, steps + fit(model, images, minutes / 2, family.prior_batch_size, of_prior=True)


def in_float32(model):
    """Returns a model as users load it, and its number of parameters."""
    with tempfile.TemporaryDirectory() as folder:
        presets.save(model, folder)
        return zoo.load(folder, dtype="float32"), weights_file.parameters(Path(folder) / WEIGHTS)


def measured(model, dataset, train, test):
    """Returns the mean figures of three seeds."""
    samples = [model.generate(SAMPLES, seed=seed) for seed in SEEDS]
    return {**quality(samples, dataset, train, test), "bits": bits(model, test)}


def quality(samples, dataset, train, test):
    """Returns the mean figures of several sets of samples, uint8 images."""
    network = features.load(features.default_for(dataset))
    known, real = network(train), network(test)
    found = []
    for drawn in map(network, samples):
        precision, recall = precision_recall(real[:SAMPLES], drawn)
        distance = frechet_distance(*gaussian_statistics(drawn), *gaussian_statistics(real))
        found.append((distance, precision, recall, memorized(drawn, known, real)))
    return dict(zip(DIGITS, np.mean(found, 0).tolist(), strict=True))


def bits(model, images):
    """Returns the bits per value of 8-bit images, or None for a model without a likelihood of images."""
    images = images[:LIKELIHOODS]
    if hasattr(model, "bits_per_dim"):
        return float(model.bits_per_dim(images).mean())
    if hasattr(model, "log_prob"):
        return float(-model.log_prob(images).mean() / (math.prod(images.shape[1:]) * math.log(2)))
    return None


def run(dataset, name, minutes, data_dir):
    """Trains and measures one model, and keeps its figures and samples."""
    train, test = images_of(dataset, data_dir)
    model, steps = trained(FAMILIES[dataset][name], train, minutes)
    model, parameters = in_float32(model)
    row = {"minutes": minutes, "steps": steps, "parameters": parameters, **measured(model, dataset, train, test)}
    strip = [fit_image(image, SHAPES["avatars"]) for image in model.generate(_results.SAMPLES, seed=0)]
    with alone(__file__):
        keep(dataset, name, row)
        _results.keep_samples(NAME, ROWS.index((dataset, name)), np.stack(strip))
    print(f"{dataset}, {name}: {row}", flush=True)


def images_of(dataset, data_dir):
    """Returns the training and test images."""
    return (data.read(dataset, SHAPES[dataset], split=split, data_dir=data_dir).images for split in ("train", "test"))


def keep(dataset, name, row):
    """Adds columns to the row of a model."""
    old = runs().get((dataset, name), dict.fromkeys(COLUMNS))
    _results.keep(NAME, {"data_set": dataset, "model": name}, [{column: old[column] for column in COLUMNS} | row])


def time_drawing(dataset, name, data_dir):
    """Keeps the seconds that a model takes to draw images, which do not depend on its training."""
    train, _ = images_of(dataset, data_dir)
    family = FAMILIES[dataset][name]
    model, taken = family.build(train[:DRAWN]), []
    if family.prior is not None:
        model.build_prior(**family.prior)
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        model.generate(DRAWN, seed=0)
        taken.append(time.perf_counter() - begin)
    with alone(__file__):
        # The first round compiles.
        keep(dataset, name, {"seconds": min(taken[1:])})
    print(f"{dataset}, {name}: {min(taken[1:]):.2f} s", flush=True)


# === Results ===


def runs():
    """Returns the rows of the table by data set and model."""
    return {(row["data_set"], row["model"]): row for row in _results.read(NAME)}


def table(found, dataset):
    """Returns a Markdown table of the models of one data set."""
    lines = [
        "| model | Fréchet distance | precision | recall | memorized | bits per value | 64 images | parameters | "
        "steps |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in FAMILIES[dataset]:
        row = found[dataset, name]
        cells = [
            f"`{name}`",
            *(f"{row[column]:.{digits}f}" for column, digits in DIGITS.items()),
            "-" if row["bits"] is None else f"{row['bits']:.2f}",
            f"{row['seconds']:.2g} s",
            f"{row['parameters'] / 1e6:.2f} M",
            f"{row['steps']:,}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def report(found):
    """Draws the plot, and writes the tables into the page."""
    with _results.plot(NAME, "Families of generative models after equal minutes of training", 12, 12) as figure:
        above, below = figure.subfigures(2, 1, height_ratios=(1, 2))
        for axes, (dataset, column) in zip(above.subplots(1, 4), PANELS, strict=True):
            bars = {name: {"value": found[dataset, name][column], "std": None} for name in FAMILIES[dataset]}
            _results.draw_bars(axes, f"{dataset}: {column.replace('_', ' ')}", bars, highlighted=None)
        _results.draw_samples(below, NAME, [f"{dataset}: {name}" for dataset, name in ROWS], columns=2)
    text = "\n\n".join(f"**{dataset}**\n\n{table(found, dataset)}" for dataset in FAMILIES)
    write_between(PAGE, "families.py", text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=40.0, help="processor time of each (default %(default)s)")
    parser.add_argument("--only", nargs="+", default=[], help="data sets and models to run (default all)")
    parser.add_argument("--threads", type=int, default=2, help="processor cores to use (default %(default)s)")
    parser.add_argument("--data-dir", help="folder of TFDS data sets")
    parser.add_argument("--times", action="store_true", help="time drawing instead")
    parser.add_argument("--report", action="store_true", help="only draw the plot and write the page")
    args = parser.parse_args()
    found = runs()
    for dataset, name in () if args.report else ROWS:
        if args.only and not {dataset, name} & set(args.only):
            continue
        if args.times:
            in_new_process(args.threads, time_drawing, dataset, name, args.data_dir)
        elif found.get((dataset, name), {}).get("frechet_distance") is None:
            in_new_process(args.threads, run, dataset, name, args.minutes, args.data_dir)
    if args.report:
        report(found)


if __name__ == "__main__":
    main()
