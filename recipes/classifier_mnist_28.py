"""The classifier whose features evaluate the generators of MNIST; expected test accuracy: at least 99.3 %.

The shipped classifier is frozen, because retraining it changes every figure measured with it.
"""

import zoo.training.run as run
from zoo.nets import conv

DATASET = "mnist"
IMAGE_SHAPE = (28, 28, 1)
FILTERS, DROPOUT = 24, 0.3
EPOCHS, BATCH_SIZE = 5, 128
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-3


def build(num_classes):
    return conv.classifier(IMAGE_SHAPE, num_classes, FILTERS, DROPOUT)


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS)
    train, test = (recipe.read(IMAGE_SHAPE, split) for split in ("train", "test"))
    model = build(len(train.class_names))
    stage = run.ClassifierStage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    run.train(recipe, model, [stage])
    run.finish_classifier(recipe, model, train, test, keep_test_set=True)


if __name__ == "__main__":
    main()
