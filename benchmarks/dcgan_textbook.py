"""Compares the Fréchet distance of `dcgan_fashion_mnist_28` with the textbook set-up on equally many images.

The textbook set-up has networks of the same sizes with the settings of Radford et al. 2016: Adam at 2e-4 with beta_1
0.5, batches of 128, weights from N(0, 0.02), batch norm in the discriminator, too, and neither weight averaging nor a
gradient penalty. The best of three seeds counts. Finished runs are stored in `benchmarks/results`; remove them to train
again.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# This import comes first because it configures TensorFlow.
import dcgan_fashion_mnist_28 as recipe

# isort: split

import keras

import zoo
from zoo import callbacks, data, presets
from zoo.files import write_json
from zoo.images import grid, write_png
from zoo.metrics import protocols

ROOT = Path(__file__).resolve().parent.parent
RESULTS, BACKUP = ROOT / "benchmarks" / "results" / "dcgan_textbook", ROOT / "runs" / "dcgan_textbook"
SEEDS, BATCH_SIZE = (0, 1, 2), 128


def textbook(seed, images, epochs):
    """Trains once and returns the figures of its samples, by `zoo evaluate`'s protocol."""
    name = f"seed{seed}"
    result = RESULTS / f"{name}.json"
    if result.exists():
        return json.loads(result.read_text())
    keras.utils.set_random_seed(seed)
    # With ema_momentum 0, the average equals the last weights.
    model = zoo.DCGAN(recipe.IMAGE_SHAPE, recipe.LATENT_DIM, filters=recipe.FILTERS, ema_momentum=0.0)
    model.compile()
    model.fit(
        data.batches(images, BATCH_SIZE, seed=seed),
        epochs=epochs,
        verbose=2,
        # The backup stays until the figures are written, so a kill during the evaluation costs no training.
        callbacks=[callbacks.BackupAndRestore(BACKUP / name, delete_checkpoint=False)],
    )
    figures = protocols.sample_quality(model, recipe.DATASET)
    write_png(RESULTS / f"{name}.png", grid(model.generate(64, seed=0)), scale=2)
    write_json(result, figures)
    shutil.rmtree(BACKUP / name)
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir")
    args = parser.parse_args()
    images = data.read(recipe.DATASET, recipe.IMAGE_SHAPE, data_dir=args.data_dir)
    found = []
    for seed in SEEDS:
        found.append(textbook(seed, images, recipe.EPOCHS))
        print(f"textbook, seed {seed}: {summary(found[-1])}", flush=True)
    ours = presets.entry_of("dcgan_fashion_mnist_28")["metrics"]
    print(f"dcgan_fashion_mnist_28: {summary(ours)}")
    fid = next(name for name in ours if name.startswith("fid"))
    own, best = ours[fid]["value"], min(figures[fid]["value"] for figures in found)
    print(f"{fid}: {own:.3f} against {best:.3f}, ratio {own / best:.3f} (real images: {ours[fid]['real']:.3f})")


def summary(figures):
    return ", ".join(f"{name.split('_')[0]} {figure['value']:.4g}" for name, figure in figures.items())


if __name__ == "__main__":
    main()
