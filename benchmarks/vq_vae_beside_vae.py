"""Compares the Fréchet distance of `vq_vae_fashion_mnist_28` with that of a VAE trained as long as its autoencoder.

The VAE has convolutional networks, the same optimizer and learning rate, a Gaussian likelihood with learned variance,
and beta 1.
"""

import argparse
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# These imports come first because they configure TensorFlow.
import vq_vae_fashion_mnist_28 as recipe

import zoo.training.run as run

# isort: split

import _results
import keras

import zoo
from zoo import callbacks, data, presets
from zoo.metrics import protocols

NAME, PRESET = "vq_vae_beside_vae", "vq_vae_fashion_mnist_28"
BACKUP = Path(__file__).resolve().parent.parent / "runs" / NAME
LATENT_DIM, FILTERS = 64, 64


def train_vae(images):
    """Trains the VAE and keeps the metrics of its samples, by `zoo evaluate`'s protocol."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(run.affordable(recipe.PRECISION))
    model = zoo.BetaVAE(recipe.IMAGE_SHAPE, LATENT_DIM, filters=FILTERS, beta=1.0)
    batches = data.batches(images, recipe.BATCH_SIZE)
    model.compile(run.cosine_adam(recipe.LEARNING_RATE, recipe.EPOCHS * len(batches)))
    # The backup is kept until the figures are written, so that a kill during the evaluation costs no training.
    backup = callbacks.BackupAndRestore(BACKUP, delete_checkpoint=False)
    model.fit(batches, epochs=recipe.EPOCHS, verbose=2, callbacks=[backup])
    # Samples are drawn in float32, like those of the presets.
    keras.config.set_dtype_policy("float32")
    drawing = zoo.BetaVAE(recipe.IMAGE_SHAPE, LATENT_DIM, filters=FILTERS, beta=1.0)
    drawing.set_weights(model.get_weights())
    _results.keep_samples(NAME, 0, drawing.generate(_results.SAMPLES, seed=0))
    _results.keep_metrics(NAME, "vae", protocols.sample_quality(drawing, recipe.DATASET))
    shutil.rmtree(BACKUP)


def distances(runs):
    """The Fréchet distances of the preset and of the VAE."""
    metric = next(metric for metric in runs["vae"] if metric.startswith("fid"))
    return runs[PRESET][metric]["value"], runs["vae"][metric]["value"]


def draw():
    with _results.plot(NAME, f"Fashion-MNIST: a VAE and {PRESET}", 11, 4) as figure:
        above, below = figure.subfigures(2, 1, height_ratios=(2.2, 1.9))
        labels = {"vae": "VAE", PRESET: "VQ-VAE"}
        _results.draw_sample_quality(above, _results.read_metrics(NAME), labels, PRESET)
        _results.draw_samples(below, NAME, ("Samples of the VAE", f"Samples of {PRESET}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    if "vae" not in _results.read_metrics(NAME):
        train_vae(data.read(recipe.DATASET, recipe.IMAGE_SHAPE, split=recipe.TRAIN, data_dir=args.data_dir))
    _results.keep_metrics(NAME, PRESET, presets.entry_of(PRESET)["metrics"])
    _results.keep_samples(NAME, 1, zoo.load(PRESET).generate(_results.SAMPLES, seed=0))
    draw()
    vq_vae, vae = distances(_results.read_metrics(NAME))
    print(f"Fréchet distance: VQ-VAE {vq_vae:.2f}, VAE {vae:.2f}, ratio {vq_vae / vae:.2f}")


if __name__ == "__main__":
    main()
