"""Self-attention GAN on avatars (Zhang et al. 2019), whose attention `docs/attention_maps.py` shows."""

import _common

import zoo
from zoo.datasets import avatars

DATASET, LICENCE = "avatars", "free for personal and commercial use"
LATENT_DIM, FILTERS = 96, 32
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 20, 32, (2e-4, 6e-4), (0.0, 0.9), "mixed_bfloat16"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    _common.train_gan(
        args,
        zoo.SAGAN(avatars.IMAGE_SHAPE, LATENT_DIM, filters=FILTERS),
        _common.read(args, DATASET, avatars.IMAGE_SHAPE, "train"),
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
        dataset_licence=LICENCE,
    )


if __name__ == "__main__":
    main()
