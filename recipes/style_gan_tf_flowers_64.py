"""StyleGAN on 3,120 photographs of flowers: DiffAugment keeps the discriminator from knowing each of them.

A long run: `--further` goes on from the shipped weights. Colours are not changed: where they were, in
`projection_gan_tf_flowers_64`, those of the generator grew too strong in time, which such changes hide from the
discriminator.

Networks, rates and penalty are those of avatars, 32 wide. In a trial of 900 steps pictures differed in colours and in
where the dark and the bright lie; with spectral normalization and hinge loss in place of R1 all had one layout.
"""

import _common

import zoo
from zoo.objectives.augment import DiffAugment
from zoo.objectives.penalties import R1

DATASET, LICENCE = "tf_flowers", "CC BY 2.0, by the photographers whom its LICENSE.txt names"
IMAGE_SHAPE, LATENT_DIM = (64, 64, 3), 96
FILTERS, MAPPING_LAYERS, MIXING_PROBABILITY = 32, 2, 0.5
R1_WEIGHT, R1_INTERVAL = 1.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 60, 32, (8e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"
EPOCHS_BETWEEN_FIGURES = 5


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    model = zoo.StyleGAN(
        IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        mapping_layers=MAPPING_LAYERS,
        mixing_probability=MIXING_PROBABILITY,
        residual=False,
        penalties=R1(R1_WEIGHT, R1_INTERVAL),
        augmentation=DiffAugment(("translation", "cutout")),
    )
    _common.train_gan(
        args,
        model,
        _common.mirrored(_common.read(args, DATASET, IMAGE_SHAPE, "train")),
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        metrics=[_common.distance_to_train(args, model, DATASET, every=EPOCHS_BETWEEN_FIGURES)],
        dataset=DATASET,
        dataset_licence=LICENCE,
    )


if __name__ == "__main__":
    main()
