"""Makes figures/minimax_digits.png: the GAN of 2014 on MNIST, by the non-saturating loss and by the minimax loss.

The one is `gan_mnist_28` as it is bundled, the other is trained here by the same recipe from the same seed, and its
figures are printed beside the preset's.

    python docs/minimax_digits.py [--data-dir D] [--resume]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# These imports come first because they configure TensorFlow.
import gan_mnist_28 as recipe

import zoo.training.run as run

# isort: split

import numpy as np

import zoo
from zoo import presets
from zoo.images import grid, write_png
from zoo.metrics import protocols

FIGURE = Path(__file__).resolve().parent / "figures" / "minimax_digits.png"
PRESET, GAP = "gan_mnist_28", 28


def main():
    trial = run.recipe(__file__, recipe.DATASET, recipe.EPOCHS)
    model, train = recipe.build("minimax"), trial.read(recipe.IMAGE_SHAPE)
    rates, metrics = (recipe.LEARNING_RATE, recipe.LEARNING_RATE), [run.distance_to_train(trial, model)]
    stage = run.Stage(train, trial.epochs, recipe.BATCH_SIZE, rates, recipe.BETAS, metrics=metrics)
    run.train(trial, model, [stage])
    shown = [grid(one.generate(64, seed=0)) for one in (zoo.load(PRESET), model)]
    gap = np.full((len(shown[0]), GAP, 1), 255, "uint8")
    path = FIGURE if trial.preset_directory.parent == presets.BUNDLED else trial.output / FIGURE.name
    write_png(path, np.concatenate([shown[0], gap, shown[1]], axis=1), scale=2)

    bundled = presets.entry_of(PRESET)["metrics"]
    size = protocols.SMOKE if trial.smoke else protocols.FULL
    for name, figure in protocols.evaluate(model, recipe.DATASET, size=size, data_dir=trial.data_dir).items():
        shipped = f", non-saturating {bundled[name]['value']:.4g}" if name in bundled else ""
        print(f"{name}: minimax {figure['value']:.4g}{shipped}")
    trial.close()


if __name__ == "__main__":
    main()
