"""Class-conditional gated PixelCNN on Fashion-MNIST, in 16 grey values (van den Oord et al. 2016b).

The model gets maps of its classes in the second stage.
Experiments: docs/experiments/pixel_cnn_fashion_mnist_28.md.
"""

import zoo
import zoo.training.run as run
from zoo.callbacks import SampleMetric

DATASET = "fashion_mnist"
IMAGE_SHAPE, LEVELS = (28, 28, 1), 16
FILTERS, NUM_BLOCKS, FIRST_KERNEL_SIZE = 32, 10, 7
BATCH_SIZE, LEARNING_RATE, PRECISION = 64, 1e-3, "mixed_bfloat16"
STAGES = {"epochs": 12}, {"epochs": 9, "changes": {"class_map_features": 8}}
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"
NOT_REPRODUCIBLE_BECAUSE = (
    "it is not recorded how the layers of the class maps were initialized when they were added after 12 epochs; "
    "the recipe initializes them as a new model does."
)


def build(class_names):
    return zoo.PixelCNN(
        IMAGE_SHAPE,
        FILTERS,
        NUM_BLOCKS,
        first_kernel_size=FIRST_KERNEL_SIZE,
        likelihood="categorical",
        levels=LEVELS,
        num_classes=len(class_names),
        class_names=class_names,
    )


def main():
    recipe = run.recipe(__file__, DATASET, precision=PRECISION, not_reproducible_because=NOT_REPRODUCIBLE_BECAUSE)
    train, validation = recipe.read(IMAGE_SHAPE, TRAIN), recipe.read(IMAGE_SHAPE, VALIDATION)
    model = build(train.class_names)
    metric = SampleMetric("val_bits_per_dim", lambda model: model.bits_per_dim(*validation[:2]).mean())
    shared = {"batch_size": BATCH_SIZE, "learning_rate": LEARNING_RATE, "metrics": [metric]}
    model = run.train(recipe, model, recipe.stages(STAGES, train, **shared))
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
