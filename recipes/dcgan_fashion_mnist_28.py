"""DCGAN on Fashion-MNIST: the paper's step with smaller batches, a rate that falls to nothing, and an average.

`benchmarks/dcgan_textbook.py` trains the same networks with the paper's settings, for comparison.
"""

import _common

import zoo

DATASET, LICENCE = "fashion_mnist", "MIT"
IMAGE_SHAPE, LATENT_DIM, FILTERS = (28, 28, 1), 64, 64
EMA_MOMENTUM = 0.999
EPOCHS, BATCH_SIZE, LEARNING_RATE = 16, 16, 1e-3


def build():
    return zoo.DCGAN(IMAGE_SHAPE, LATENT_DIM, filters=FILTERS, ema_momentum=EMA_MOMENTUM)


def main():
    args = _common.arguments(__file__, EPOCHS)
    train = _common.read(args, DATASET, IMAGE_SHAPE, "train")

    _common.train_gan(
        args,
        build(),
        train,
        batch_size=BATCH_SIZE,
        learning_rates=(LEARNING_RATE, LEARNING_RATE),
        betas=(0.5, 0.999),
        dataset=DATASET,
        dataset_licence=LICENCE,
    )


if __name__ == "__main__":
    main()
