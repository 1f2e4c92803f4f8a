"""Class-conditional gated PixelCNN on Fashion-MNIST, in 16 grey values (van den Oord et al. 2016b).

The shipped weights got their class maps after 12 epochs; here the model has them from the start.
Experiments: docs/experiments/pixel_cnn_fashion_mnist_28.md.
"""

import zoo
import zoo.training.run as run
from zoo.callbacks import SampleMetric

DATASET = "fashion_mnist"
IMAGE_SHAPE, LEVELS = (28, 28, 1), 16
FILTERS, NUM_BLOCKS, FIRST_KERNEL_SIZE, CLASS_MAP_FEATURES = 32, 10, 7, 8
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 12, 64, 1e-3, "mixed_bfloat16"
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"
NOT_REPRODUCIBLE_BECAUSE = (
    "the first 12 epochs trained a model without class maps, which were then added to its weights for 9 more "
    "epochs; the recipe trains the model with class maps for 12 epochs from new weights."
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
        class_map_features=CLASS_MAP_FEATURES,
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION, not_reproducible_because=NOT_REPRODUCIBLE_BECAUSE)
    train, validation = recipe.read(IMAGE_SHAPE, TRAIN), recipe.read(IMAGE_SHAPE, VALIDATION)
    model = build(train.class_names)
    metric = SampleMetric("val_bits_per_dim", lambda model: model.bits_per_dim(*validation[:2]).mean())
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATE, metrics=[metric])
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
