"""Self-attention GAN on avatars (Zhang et al. 2019), with DCGAN's networks; `docs/attention_maps.py` shows attention.

The shipped weights began with those that `dcgan_avatars_64` had after 15 of its 31 epochs, which are not shipped.
Experiments: docs/experiments/sagan_avatars_64.md.
"""

import _common

import zoo
from zoo.datasets import avatars
from zoo.objectives.penalties import R1, R2

DATASET = "avatars"
LATENT_DIM, FILTERS = 96, 48
PENALTY_WEIGHT, PENALTY_INTERVAL = 5.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 12, 32, (4e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"
BEGINNING = "dcgan_avatars_64"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    model = zoo.SAGAN(
        avatars.IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        residual=False,
        objective="relativistic",
        penalties=[penalty(PENALTY_WEIGHT, PENALTY_INTERVAL) for penalty in (R1, R2)],
    )
    _common.begin_sagan(model, zoo.load(BEGINNING))
    _common.train_gan(
        args,
        model,
        _common.read(args, DATASET, avatars.IMAGE_SHAPE, "train"),
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
    )


if __name__ == "__main__":
    main()
