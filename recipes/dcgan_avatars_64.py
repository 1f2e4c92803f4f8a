"""DCGAN on avatars, with R1 and R2 in place of batch norm in the discriminator (Mescheder et al. 2018).

The shipped weights had four settings in turn, of which this recipe holds the last.
Experiments: docs/experiments/dcgan_avatars_64.md.
"""

import _common

import zoo
from zoo.datasets import avatars
from zoo.objectives.penalties import R1, R2

DATASET = "avatars"
LATENT_DIM, FILTERS = 96, 48
PENALTY_WEIGHT, PENALTY_INTERVAL = 5.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 12, 32, (2e-3, 5e-4), (0.0, 0.99), "mixed_bfloat16"


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
            objective="relativistic",
            penalties=[penalty(PENALTY_WEIGHT, PENALTY_INTERVAL) for penalty in (R1, R2)],
        ),
        train,
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
    )


if __name__ == "__main__":
    main()
