"""DCGAN on avatars: without batch norm in the discriminator, which R1 keeps smooth instead (Mescheder et al. 2018).

The rates are those of the garments; a generator at 3e-3 was behind after an epoch. The distance to training images is
least after nine epochs (7.9); then, as both rates fall, the discriminator gets ahead (8.4 at the end).
"""

import _common

import zoo
from zoo.datasets import avatars
from zoo.objectives.penalties import R1

DATASET, LICENCE = "avatars", "free for personal and commercial use"
LATENT_DIM, FILTERS = 96, 48
R1_WEIGHT, R1_INTERVAL = 1.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 12, 32, (8e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train = _common.read(args, DATASET, avatars.IMAGE_SHAPE, "train")
    _common.train_gan(
        args,
        zoo.DCGAN(
            avatars.IMAGE_SHAPE,
            LATENT_DIM,
            filters=FILTERS,
            discriminator_batch_norm=False,
            penalties=R1(R1_WEIGHT, R1_INTERVAL),
        ),
        train,
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
        dataset_licence=LICENCE,
    )


if __name__ == "__main__":
    main()
