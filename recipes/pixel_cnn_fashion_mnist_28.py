"""Class-conditional gated PixelCNN on Fashion-MNIST, in 16 grey values."""

import _common
import keras

import zoo
from zoo import callbacks, data

DATASET, LICENCE = "fashion_mnist", "MIT"
IMAGE_SHAPE, LEVELS, NUM_CLASSES = (28, 28, 1), 16, 10
FILTERS, NUM_BLOCKS, FIRST_KERNEL_SIZE = 32, 10, 7
EPOCHS, BATCH_SIZE, LEARNING_RATE = 12, 64, 1e-3
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"


def main():
    args = _common.arguments(__file__, EPOCHS)
    train = _common.read(args, DATASET, IMAGE_SHAPE, TRAIN)
    validation = _common.read(args, DATASET, IMAGE_SHAPE, VALIDATION)

    model = zoo.PixelCNN(
        IMAGE_SHAPE,
        FILTERS,
        NUM_BLOCKS,
        first_kernel_size=FIRST_KERNEL_SIZE,
        likelihood="categorical",
        levels=LEVELS,
        num_classes=NUM_CLASSES,
    )
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, _common.total_steps(args, train, BATCH_SIZE))
    model.compile(keras.optimizers.Adam(schedule))

    def validation_bits(model):
        return model.bits_per_dim(validation.images, validation.labels).mean()

    seconds = _common.train(
        args,
        model,
        data.batches(train, BATCH_SIZE),
        metrics=[callbacks.SampleMetric("val_bits_per_dim", validation_bits)],
    )
    # Users fine-tune at the rate that training began with, not at the schedule's end.
    model.compile(keras.optimizers.Adam(LEARNING_RATE))
    _common.finish(args, model, train=train, seconds=seconds, dataset=DATASET, dataset_licence=LICENCE)


if __name__ == "__main__":
    main()
