"""Compares the Fréchet distance of `vq_vae_fashion_mnist_28` with that of a VAE trained as long as its autoencoder.

The VAE has convolutional networks, the same optimizer and learning rate, a Gaussian likelihood with learned variance,
and beta 1. Its figures are stored in `benchmarks/results`; remove them to train again.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# These imports come first because they configure TensorFlow.
import vq_vae_fashion_mnist_28 as recipe

import zoo.training.run as run

# isort: split

import keras

import zoo
from zoo import callbacks, data, presets
from zoo.files import write_json
from zoo.images import grid, write_png
from zoo.metrics import protocols

ROOT = Path(__file__).resolve().parent.parent
RESULTS, BACKUP = ROOT / "benchmarks" / "results" / "vq_vae_beside_vae", ROOT / "runs" / "vq_vae_beside_vae"
LATENT_DIM, FILTERS = 64, 64


def train_vae(images):
    """Trains the VAE and returns the figures of its samples, by `zoo evaluate`'s protocol."""
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
    write_png(RESULTS / "vae.png", grid(drawing.generate(64, seed=0)), scale=2)
    return protocols.sample_quality(drawing, recipe.DATASET)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    result = RESULTS / "vae.json"
    if not result.exists():
        images = data.read(recipe.DATASET, recipe.IMAGE_SHAPE, split=recipe.TRAIN, data_dir=args.data_dir)
        write_json(result, train_vae(images))
        shutil.rmtree(BACKUP)
    vae, vq_vae = json.loads(result.read_text()), presets.entry_of("vq_vae_fashion_mnist_28")["metrics"]
    fid = next(name for name in vae if name.startswith("fid"))
    ours, theirs = vq_vae[fid]["value"], vae[fid]["value"]
    print(f"{fid}: VQ-VAE {ours:.3f}, VAE {theirs:.3f}, ratio {ours / theirs:.3f} (real: {vae[fid]['real']:.3f})")


if __name__ == "__main__":
    main()
