"""The classifier whose features evaluate the generators of flowers, trained on 3,120 photographs.

With so few images it is less accurate than the classifiers of MNIST, so its test accuracy stands beside every agreement
with it. The shipped classifier is frozen, because retraining it changes every figure measured with it.
"""

import zoo.training.run as run  # first, because it configures TensorFlow

# isort: split

import keras

from zoo.nets import conv

DATASET = "tf_flowers"
IMAGE_SHAPE = (64, 64, 3)
FILTERS, STAGES, DROPOUT = 24, 4, 0.3
EPOCHS, BATCH_SIZE = 60, 64
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-2


def build(num_classes):
    augmentation = [
        keras.layers.RandomFlip("horizontal", name="flip"),
        keras.layers.RandomRotation(0.06, name="rotate"),
        keras.layers.RandomTranslation(0.1, 0.1, name="translate"),
        keras.layers.RandomZoom((-0.25, 0.1), name="zoom"),
    ]
    return conv.classifier(IMAGE_SHAPE, num_classes, FILTERS, DROPOUT, augmentation, STAGES)


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS)
    train, test = (recipe.read(IMAGE_SHAPE, split) for split in ("train", "test"))
    model = build(len(train.class_names))
    stage = run.ClassifierStage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    run.train(recipe, model, [stage])
    run.finish_classifier(recipe, model, train, test)


if __name__ == "__main__":
    main()
