"""Gated PixelCNN on dynamically binarized MNIST (van den Oord et al. 2016b).

The shipped weights had 32 epochs in three learning-rate cycles, of which this recipe runs the first 16.
Experiments: docs/experiments/pixel_cnn_mnist_28.md.
"""

import _common

import zoo
from zoo import callbacks

DATASET = "mnist"
IMAGE_SHAPE, FILTERS, NUM_BLOCKS, FIRST_KERNEL_SIZE = (28, 28, 1), 32, 12, 11
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 16, 64, 1e-3, "mixed_bfloat16"
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train = _common.read(args, DATASET, IMAGE_SHAPE, TRAIN)
    validation = _common.read(args, DATASET, IMAGE_SHAPE, VALIDATION)

    model = zoo.PixelCNN(IMAGE_SHAPE, FILTERS, NUM_BLOCKS, first_kernel_size=FIRST_KERNEL_SIZE)

    def validation_nll(model):
        return -model.log_prob(validation.images).mean()

    seconds = _common.train_alone(
        args,
        model,
        train,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        metrics=[callbacks.SampleMetric("val_nll", validation_nll)],
    )
    _common.finish(args, model, train=train, seconds=seconds, dataset=DATASET)


if __name__ == "__main__":
    main()
