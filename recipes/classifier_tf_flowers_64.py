"""The classifier whose features evaluate the generators of flowers, trained on 3,120 photographs.

With so few images it is less accurate than the classifiers of MNIST, so its test accuracy stands beside every agreement
with it. The shipped classifier is frozen, because retraining it changes every figure measured with it.
"""

import _common
import keras

from zoo.nets import conv

DATASET = "tf_flowers"
IMAGE_SHAPE = (64, 64, 3)
FILTERS, STAGES, DROPOUT = 24, 4, 0.3
EPOCHS, BATCH_SIZE = 60, 64
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-2


def main():
    args = _common.arguments(__file__, EPOCHS)
    train = _common.read(args, DATASET, IMAGE_SHAPE, "train")
    test = _common.read(args, DATASET, IMAGE_SHAPE, "test")

    augmentation = [
        keras.layers.RandomFlip("horizontal", name="flip"),
        keras.layers.RandomRotation(0.06, name="rotate"),
        keras.layers.RandomTranslation(0.1, 0.1, name="translate"),
        keras.layers.RandomZoom((-0.25, 0.1), name="zoom"),
    ]
    model = conv.classifier(IMAGE_SHAPE, len(train.class_names), FILTERS, DROPOUT, augmentation, STAGES)
    _common.train_classifier(
        args,
        model,
        train,
        test,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        dataset=DATASET,
    )


if __name__ == "__main__":
    main()
