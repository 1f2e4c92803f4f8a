"""Gated PixelCNN on dynamically binarized MNIST (van den Oord et al. 2016b).

Experiments: docs/experiments/pixel_cnn_mnist_28.md.
"""

import zoo
import zoo.training.run as run
from zoo.callbacks import SampleMetric

DATASET = "mnist"
IMAGE_SHAPE, FILTERS, NUM_BLOCKS, FIRST_KERNEL_SIZE = (28, 28, 1), 32, 12, 11
BATCH_SIZE, LEARNING_RATE, PRECISION = 64, 1e-3, "mixed_bfloat16"
# The second stage was shortened twice on its way, and the cosine of its learning rate with it.
STAGES = {"epochs": 16}, {"epochs": 7, "cosines": {0: 12, 1: 8, 5: 7}}, {"epochs": 9}
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"


def build():
    return zoo.PixelCNN(IMAGE_SHAPE, FILTERS, NUM_BLOCKS, first_kernel_size=FIRST_KERNEL_SIZE)


def main():
    recipe = run.recipe(__file__, DATASET, precision=PRECISION)
    train, validation = recipe.read(IMAGE_SHAPE, TRAIN), recipe.read(IMAGE_SHAPE, VALIDATION)
    model = build()
    metric = SampleMetric("val_nll", lambda model: -model.log_prob(validation.images).mean())
    shared = {"batch_size": BATCH_SIZE, "learning_rate": LEARNING_RATE, "metrics": [metric]}
    run.train(recipe, model, recipe.stages(STAGES, train, **shared))
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
