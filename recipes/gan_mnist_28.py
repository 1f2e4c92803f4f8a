"""The GAN of 2014 on MNIST: dense networks and the non-saturating loss (Goodfellow et al. 2014, algorithm 1)."""

import _common

import zoo

DATASET = "mnist"
IMAGE_SHAPE, LATENT_DIM, HIDDEN_UNITS, DROPOUT = (28, 28, 1), 64, (512, 1024), 0.3
EPOCHS, BATCH_SIZE, LEARNING_RATE, BETAS = 60, 64, 4e-4, (0.5, 0.999)


def build(objective="non_saturating"):
    return zoo.GAN(IMAGE_SHAPE, LATENT_DIM, hidden_units=HIDDEN_UNITS, dropout=DROPOUT, objective=objective)


def main():
    args = _common.arguments(__file__, EPOCHS)
    _common.train_gan(
        args,
        build(),
        _common.read(args, DATASET, IMAGE_SHAPE, "train"),
        batch_size=BATCH_SIZE,
        learning_rates=(LEARNING_RATE, LEARNING_RATE),
        betas=BETAS,
        dataset=DATASET,
    )


if __name__ == "__main__":
    main()
