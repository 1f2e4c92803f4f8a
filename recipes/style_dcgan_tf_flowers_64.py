"""StyleDCGAN on 3,120 photographs of flowers (Karras et al. 2019), with DiffAugment but without changes of colour.

Its convolutions begin with the weights of `projection_gan_tf_flowers_64`.
Experiments: docs/experiments/style_dcgan_tf_flowers_64.md.
"""

import zoo
import zoo.training.run as run
from zoo.objectives.augment import DiffAugment
from zoo.objectives.penalties import R1
from zoo.training.warm_start import warm_start_style_dcgan

DATASET = "tf_flowers"
IMAGE_SHAPE, LATENT_DIM = (64, 64, 3), 120
FILTERS, MAPPING_LAYERS, MIXING_PROBABILITY = 24, 2, 0.5
R1_WEIGHT, R1_INTERVAL = 0.5, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 45, 32, (3e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"
EPOCHS_BETWEEN_FIGURES = 5
BEGINNING = "projection_gan_tf_flowers_64"
NOT_REPRODUCIBLE_BECAUSE = (
    "for the first 27 of the 45 epochs the learning rates followed the cosine of 60 epochs, and styles and "
    "projection began with other values; the recipe repeats neither."
)


def build():
    model = zoo.StyleDCGAN(
        IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        mapping_layers=MAPPING_LAYERS,
        mixing_probability=MIXING_PROBABILITY,
        penalties=R1(R1_WEIGHT, R1_INTERVAL),
        augmentation=DiffAugment(("translation", "cutout")),
    )
    warm_start_style_dcgan(model, zoo.load(BEGINNING))
    return model


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION, not_reproducible_because=NOT_REPRODUCIBLE_BECAUSE)
    train = run.mirrored(recipe.read(IMAGE_SHAPE))
    model = build()
    metrics = [run.distance_to_train(recipe, model, every=EPOCHS_BETWEEN_FIGURES)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, metrics=metrics)
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
