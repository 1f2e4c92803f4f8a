"""Makes figures/completion.png: test digits of which `pixel_cnn_mnist_28` sees the upper half and draws the lower.

Columns: what is given, six completions, and the digit itself, as it was binarized.
"""

from pathlib import Path

import numpy as np

import zoo
from zoo.images import binarize, grid, to_float, to_uint8, write_png
from zoo.metrics import references

DIGITS, COMPLETIONS, SEEN, SEED = 8, 6, 14, 0
GREY = 128


def main():
    model = zoo.load("pixel_cnn_mnist_28")
    images, _ = references.test_set("mnist", model.image_shape)
    digits = to_uint8(binarize(to_float(images[:DIGITS]), SEED))
    keep = np.zeros(model.image_shape[:2], bool)
    keep[:SEEN] = True
    given = np.where(keep[..., None], digits, np.uint8(GREY))
    rows = np.repeat(digits, COMPLETIONS, axis=0)
    drawn = model.generate(source_images=rows, mask=keep, seed=SEED).reshape(DIGITS, COMPLETIONS, *model.image_shape)
    table = np.concatenate([given[:, None], drawn, digits[:, None]], axis=1)
    picture = grid(table.reshape(-1, *model.image_shape), columns=COMPLETIONS + 2)
    write_png(Path(__file__).parent / "figures" / "completion.png", picture, scale=2)


if __name__ == "__main__":
    main()
