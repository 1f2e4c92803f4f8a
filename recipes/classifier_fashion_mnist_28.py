"""The classifier whose features evaluate the generators of Fashion-MNIST; expected test accuracy: at least 93 %.

The shipped classifier is frozen, because retraining it changes every figure measured with it.
"""

import zoo.training.run as run  # first, because it configures TensorFlow

# isort: split

import keras

from zoo.nets import conv

DATASET = "fashion_mnist"
IMAGE_SHAPE = (28, 28, 1)
FILTERS, DROPOUT = 32, 0.15
EPOCHS, BATCH_SIZE = 16, 128
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-3


def build(num_classes):
    flip = keras.layers.RandomFlip("horizontal", name="flip")
    return conv.classifier(IMAGE_SHAPE, num_classes, FILTERS, DROPOUT, augmentation=[flip])


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS)
    train, test = (recipe.read(IMAGE_SHAPE, split) for split in ("train", "test"))
    model = build(len(train.class_names))
    stage = run.ClassifierStage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    run.train(recipe, model, [stage])
    run.finish_classifier(recipe, model, train, test, keep_test_set=True)


if __name__ == "__main__":
    main()
