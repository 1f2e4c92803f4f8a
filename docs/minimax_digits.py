"""Makes figures/minimax_digits.png: the GAN of 2014 on MNIST, by the non-saturating loss and by the minimax loss.

The one is `gan_mnist_28` as it is bundled, the other is trained here by the same recipe from the same seed, and its
figures are printed beside the preset's.

    python docs/minimax_digits.py [--data-dir D] [--resume]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "recipes"))
# First, since they say how TensorFlow is to compute.
import _common
import gan_mnist_28 as recipe

# isort: split

import numpy as np

import zoo
from zoo import presets
from zoo.images import grid, write_png
from zoo.metrics import protocols

FIGURE = Path(__file__).resolve().parent / "figures" / "minimax_digits.png"
PRESET, GAP = "gan_mnist_28", 28


def main():
    args = _common.arguments(__file__, recipe.EPOCHS)
    model = recipe.build("minimax")
    _common.train_adversarially(
        args,
        model,
        _common.read(args, recipe.DATASET, recipe.IMAGE_SHAPE, "train"),
        recipe.BATCH_SIZE,
        (recipe.LEARNING_RATE, recipe.LEARNING_RATE),
        recipe.BETAS,
        metrics=[_common.distance_to_train(args, model, recipe.DATASET)],
    )
    shown = [grid(one.generate(64, seed=0)) for one in (zoo.load(PRESET), model)]
    gap = np.full((len(shown[0]), GAP, 1), 255, "uint8")
    path = args.output / FIGURE.name if args.apart else FIGURE
    write_png(path, np.concatenate([shown[0], gap, shown[1]], axis=1), scale=2)

    bundled = presets.entry_of(PRESET)["metrics"]
    size = protocols.SMOKE if args.smoke else protocols.FULL
    for name, figure in protocols.evaluate(model, recipe.DATASET, size=size, data_dir=args.data_dir).items():
        shipped = f", non-saturating {bundled[name]['value']:.4g}" if name in bundled else ""
        print(f"{name}: minimax {figure['value']:.4g}{shipped}")
    _common.remove_backup(args)


if __name__ == "__main__":
    main()
