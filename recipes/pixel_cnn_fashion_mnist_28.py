"""Class-conditional gated PixelCNN on Fashion-MNIST, in 16 grey values (van den Oord et al. 2016b).

The shipped weights got their class maps after 12 epochs; here the model has them from the start.
Experiments: docs/experiments/pixel_cnn_fashion_mnist_28.md.
"""

import _common

import zoo
from zoo import callbacks

DATASET = "fashion_mnist"
IMAGE_SHAPE, LEVELS = (28, 28, 1), 16
FILTERS, NUM_BLOCKS, FIRST_KERNEL_SIZE, CLASS_MAP_FEATURES = 32, 10, 7, 8
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 12, 64, 1e-3, "mixed_bfloat16"
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train = _common.read(args, DATASET, IMAGE_SHAPE, TRAIN)
    validation = _common.read(args, DATASET, IMAGE_SHAPE, VALIDATION)

    model = zoo.PixelCNN(
        IMAGE_SHAPE,
        FILTERS,
        NUM_BLOCKS,
        first_kernel_size=FIRST_KERNEL_SIZE,
        likelihood="categorical",
        levels=LEVELS,
        num_classes=len(train.class_names),
        class_names=train.class_names,
        class_map_features=CLASS_MAP_FEATURES,
    )

    def validation_bits(model):
        return model.bits_per_dim(validation.images, validation.labels).mean()

    seconds = _common.train_alone(
        args,
        model,
        train,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        metrics=[callbacks.SampleMetric("val_bits_per_dim", validation_bits)],
    )
    _common.finish(args, model, train=train, seconds=seconds, dataset=DATASET)


if __name__ == "__main__":
    main()
