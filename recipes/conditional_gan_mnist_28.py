"""Conditional GAN on MNIST: DCGAN's networks, both given the digit (Mirza & Osindero 2014)."""

import _common

import zoo

DATASET = "mnist"
IMAGE_SHAPE, LATENT_DIM, FILTERS = (28, 28, 1), 64, 48
EPOCHS, BATCH_SIZE, LEARNING_RATE, BETAS, PRECISION = 12, 32, 5e-4, (0.5, 0.999), "mixed_bfloat16"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train = _common.read(args, DATASET, IMAGE_SHAPE, "train")
    _common.train_gan(
        args,
        zoo.ConditionalGAN(
            IMAGE_SHAPE, LATENT_DIM, filters=FILTERS, num_classes=len(train.class_names), class_names=train.class_names
        ),
        train,
        batch_size=BATCH_SIZE,
        learning_rates=(LEARNING_RATE, LEARNING_RATE),
        betas=BETAS,
        dataset=DATASET,
    )


if __name__ == "__main__":
    main()
