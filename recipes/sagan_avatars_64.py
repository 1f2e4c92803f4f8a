"""Self-attention GAN on avatars (Zhang et al. 2019), whose attention `docs/attention_maps.py` shows.

Networks of `DCGAN` with attention, since two cores take four times as long for residual ones, and whose discriminator
knows where things are: after an epoch the residual ones drew eyes all over the faces (distance to training images 95).
The generator learns faster than its discriminator, unlike the paper's: at these rates the distance was 80 after 200
steps, at three times the discriminator's 105.

The first six epochs had the hinge objective, and the samples were crisp but too much alike (recall 0.10 at a distance
of 12.0), so that the rest went on by pairs: from there, 300 steps at full rates led to a distance (to 5,000 training
images) of 12.9 and by the hinge to 14.4. Spectral norm alone did not hold the discriminator back for long (its loss was
0.23 in the first of these epochs, 0.15 in the third), so that the last two of five had R1 and R2 besides. The
distance (to the training images, of 2,000 samples) was 13.8, 12.7 and 12.1 after the first three, then 10.5 and 10.2.
The run was begun as one of six epochs.

Five more, all with both penalties, led no further and are not shipped: 13.0, 10.9, 10.5, 11.0 and 10.7, while the
discriminator's loss fell from 0.59 to 0.50. Open smiles, a fifth of the mouths, had become a thirtieth of those drawn,
from a tenth before.
"""

import _common

import zoo
from zoo.datasets import avatars
from zoo.objectives.penalties import R1, R2

DATASET, LICENCE = "avatars", "free for personal and commercial use"
LATENT_DIM, FILTERS = 96, 32
PENALTY_WEIGHT, PENALTY_INTERVAL = 5.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 6, 32, (8e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    _common.train_gan(
        args,
        zoo.SAGAN(
            avatars.IMAGE_SHAPE,
            LATENT_DIM,
            filters=FILTERS,
            residual=False,
            objective="relativistic",
            penalties=[penalty(PENALTY_WEIGHT, PENALTY_INTERVAL) for penalty in (R1, R2)],
        ),
        _common.read(args, DATASET, avatars.IMAGE_SHAPE, "train"),
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
        dataset_licence=LICENCE,
    )


if __name__ == "__main__":
    main()
