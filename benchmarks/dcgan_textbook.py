"""Compares the Fréchet distance of `dcgan_fashion_mnist_28` with the textbook setup on equally many images.

The textbook setup has networks of the same sizes with the settings of Radford et al. 2016: Adam(2e-4, beta_1=0.5),
batches of 128, weights from N(0, 0.02), batch norm in the discriminator, too, and neither weight averaging nor a
gradient penalty. The best of three seeds counts.
"""

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# This import comes first because it configures TensorFlow.
import dcgan_fashion_mnist_28 as recipe

# isort: split

import _results
import keras

import zoo
from zoo import callbacks, data, presets
from zoo.metrics import protocols

NAME, PRESET = "dcgan_textbook", "dcgan_fashion_mnist_28"
BACKUP = Path(__file__).resolve().parent.parent / "runs" / NAME
SEEDS, BATCH_SIZE = (0, 1, 2), 128


def train(seed, images, epochs):
    """Trains the textbook setup once and keeps the metrics of its samples, by `zoo evaluate`'s protocol."""
    keras.utils.set_random_seed(seed)
    # With ema_momentum 0, the average equals the last weights.
    model = zoo.DCGAN(recipe.IMAGE_SHAPE, recipe.LATENT_DIM, filters=recipe.FILTERS, ema_momentum=0.0)
    model.compile()
    model.fit(
        data.batches(images, BATCH_SIZE, seed=seed),
        epochs=epochs,
        verbose=2,
        # The backup stays until the metrics are written, so a kill during the evaluation costs no training.
        callbacks=[callbacks.BackupAndRestore(BACKUP / str(seed), delete_checkpoint=False)],
    )
    if seed == SEEDS[0]:
        _results.keep_samples(NAME, 0, model.generate(_results.SAMPLES, seed=0))
    _results.keep_metrics(NAME, run_of(seed), protocols.sample_quality(model, recipe.DATASET))
    shutil.rmtree(BACKUP / str(seed))


def run_of(seed):
    return f"seed {seed}"


def distances(runs):
    """The Fréchet distances of the preset and of the best textbook run."""
    metric = next(metric for metric in runs[PRESET] if metric.startswith("fid"))
    return runs[PRESET][metric]["value"], min(runs[run_of(seed)][metric]["value"] for seed in SEEDS)


def draw():
    labels = {run_of(seed): f"textbook, seed {seed}" for seed in SEEDS} | {PRESET: "preset"}
    title = "DCGAN on Fashion-MNIST: textbook setup and dcgan_fashion_mnist_28"
    with _results.plot(NAME, title, 11, 4.8) as figure:
        above, below = figure.subfigures(2, 1, height_ratios=(3, 1.9))
        _results.draw_sample_quality(above, _results.read_metrics(NAME), labels, PRESET)
        _results.draw_samples(below, NAME, ("Samples of the textbook setup, seed 0", f"Samples of {PRESET}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    missing = [seed for seed in SEEDS if run_of(seed) not in _results.read_metrics(NAME)]
    if missing:
        images = data.read(recipe.DATASET, recipe.IMAGE_SHAPE, data_dir=args.data_dir)
        for seed in missing:
            train(seed, images, recipe.EPOCHS)
    _results.keep_metrics(NAME, PRESET, presets.entry_of(PRESET)["metrics"])
    _results.keep_samples(NAME, 1, zoo.load(PRESET).generate(_results.SAMPLES, seed=0))
    draw()
    preset, textbook = distances(_results.read_metrics(NAME))
    print(f"Fréchet distance: {PRESET} {preset:.2f}, textbook {textbook:.2f}, ratio {preset / textbook:.2f}")


if __name__ == "__main__":
    main()
