"""StyleGAN on 3,120 photographs of flowers: DiffAugment keeps the discriminator from knowing each of them.

Convolutions are those of `projection_gan_tf_flowers_64` to begin with, which had learned for 192 epochs; mapping and
styles are new, and what depended on the class starts from the mean over the classes. That was at a distance of 22 to
the training images (of 21 with styles and projection begun as they are since), and of 10 after 150 steps; nothing but
new weights had all pictures repeat a few blots after 1,500. The rates fell by the cosine of 60 epochs for the first 27;
the distance was 9.3 after 20 epochs, 6.0 after 30, 6.3 at the end. A long run: `--further` goes on from there.

Colours are not augmented: where they were, in the `ProjectionGAN`, those of the generator grew too strong in time,
which such changes hide from the discriminator.
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
