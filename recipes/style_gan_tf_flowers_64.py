"""StyleGAN on 3,120 photographs of flowers (Karras et al. 2019), with DiffAugment but without changes of colour.

Its convolutions begin with the weights of `projection_gan_tf_flowers_64`.
Experiments: docs/experiments/style_gan_tf_flowers_64.md.
"""

import _common

import zoo
from zoo.objectives.augment import DiffAugment
from zoo.objectives.penalties import R1

DATASET = "tf_flowers"
IMAGE_SHAPE, LATENT_DIM = (64, 64, 3), 120
FILTERS, MAPPING_LAYERS, MIXING_PROBABILITY = 24, 2, 0.5
R1_WEIGHT, R1_INTERVAL = 0.5, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 45, 32, (3e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"
EPOCHS_BETWEEN_FIGURES = 5
BEGINNING = "projection_gan_tf_flowers_64"


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
    _common.begin_style_gan(model, zoo.load(BEGINNING))
    _common.train_gan(
        args,
        model,
        _common.mirrored(_common.read(args, DATASET, IMAGE_SHAPE, "train")),
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        metrics=[_common.distance_to_train(args, model, DATASET, every=EPOCHS_BETWEEN_FIGURES)],
        dataset=DATASET,
    )


if __name__ == "__main__":
    main()
