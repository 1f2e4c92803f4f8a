"""Gated PixelCNN on dynamically binarized MNIST (van den Oord et al. 2016b).

The shipped weights had 32 epochs in three learning-rate cycles, of which this recipe runs the first 16.
Experiments: docs/experiments/pixel_cnn_mnist_28.md.
"""

import zoo
import zoo.training.run as run
from zoo.callbacks import SampleMetric

DATASET = "mnist"
IMAGE_SHAPE, FILTERS, NUM_BLOCKS, FIRST_KERNEL_SIZE = (28, 28, 1), 32, 12, 11
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 16, 64, 1e-3, "mixed_bfloat16"
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"
NOT_REPRODUCIBLE_BECAUSE = (
    "the training had 32 epochs in three learning-rate cycles, the second of which changed its schedule on the "
    "way; the recipe runs only the 16 epochs of the first cycle."
)


def build():
    return zoo.PixelCNN(IMAGE_SHAPE, FILTERS, NUM_BLOCKS, first_kernel_size=FIRST_KERNEL_SIZE)


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION, not_reproducible_because=NOT_REPRODUCIBLE_BECAUSE)
    train, validation = recipe.read(IMAGE_SHAPE, TRAIN), recipe.read(IMAGE_SHAPE, VALIDATION)
    model = build()
    metric = SampleMetric("val_nll", lambda model: -model.log_prob(validation.images).mean())
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATE, metrics=[metric])
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
