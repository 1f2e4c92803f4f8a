"""The classifier whose features evaluate the generators of Fashion-MNIST; expected test accuracy: at least 93 %.

The shipped classifier is frozen, because retraining it changes every figure measured with it.
"""

import _common
import keras

from zoo.nets import conv

DATASET = "fashion_mnist"
IMAGE_SHAPE = (28, 28, 1)
FILTERS, DROPOUT = 32, 0.15
EPOCHS, BATCH_SIZE = 16, 128
LEARNING_RATE, WEIGHT_DECAY = 3e-3, 1e-3


def main():
    args = _common.arguments(__file__, EPOCHS)
    train = _common.read(args, DATASET, IMAGE_SHAPE, "train")
    test = _common.read(args, DATASET, IMAGE_SHAPE, "test")

    flip = keras.layers.RandomFlip("horizontal", name="flip")
    model = conv.classifier(IMAGE_SHAPE, len(train.class_names), FILTERS, DROPOUT, augmentation=[flip])
    _common.train_classifier(
        args,
        model,
        train,
        test,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        dataset=DATASET,
        keep_test_set=True,
    )


if __name__ == "__main__":
    main()
