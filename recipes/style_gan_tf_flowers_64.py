"""StyleGAN on 3,120 photographs of flowers: DiffAugment keeps the discriminator from knowing each of them.

A long run: `--further` goes on from the shipped weights. Networks and rates are those of avatars' StyleGAN.
"""

import _common

import zoo
from zoo.objectives.penalties import R1

DATASET, LICENCE = "tf_flowers", "CC BY 2.0, by the photographers whom its LICENSE.txt names"
IMAGE_SHAPE, LATENT_DIM = (64, 64, 3), 96
FILTERS, DISCRIMINATOR_FILTERS, MAPPING_LAYERS = 32, 16, 2
R1_WEIGHT, R1_INTERVAL = 1.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 140, 32, (8e-3, 2e-3), (0.0, 0.99), "mixed_bfloat16"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    _common.train_gan(
        args,
        zoo.StyleGAN(
            IMAGE_SHAPE,
            LATENT_DIM,
            filters=FILTERS,
            discriminator_filters=DISCRIMINATOR_FILTERS,
            mapping_layers=MAPPING_LAYERS,
            residual=False,
            penalties=R1(R1_WEIGHT, R1_INTERVAL),
            augmentation="diff_augment",
        ),
        _common.mirrored(_common.read(args, DATASET, IMAGE_SHAPE, "train")),
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
        dataset_licence=LICENCE,
    )


if __name__ == "__main__":
    main()
