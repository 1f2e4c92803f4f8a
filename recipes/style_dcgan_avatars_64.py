"""StyleDCGAN on avatars, with the grid of mixed styles (Karras et al. 2019, figure 3).

The shipped weights had 93 epochs in ten runs and several settings, of which this recipe holds the last.
Experiments: docs/experiments/style_dcgan_avatars_64.md.
"""

import zoo
import zoo.training.run as run
from zoo.datasets import avatars
from zoo.objectives.penalties import R1, R2
from zoo.training.warm_start import warm_start_style_dcgan

DATASET = "avatars"
LATENT_DIM, FILTERS, MAPPING_LAYERS, MIXING_PROBABILITY, SECOND_CONVOLUTIONS = 96, 48, 2, 0.5, 3
DISCRIMINATOR_UNITS = 64
PENALTY_WEIGHT, PENALTY_INTERVAL = 5.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 18, 32, (4e-4, 4e-4), (0.0, 0.99), "mixed_bfloat16"
BEGINNING = "dcgan_avatars_64"
NOT_REPRODUCIBLE_BECAUSE = (
    "the training had ten runs in several settings, of which the recipe holds only the last, and began with "
    "the weights that dcgan_avatars_64 had after 15 of its 31 epochs, which are no longer shipped."
)


def build():
    model = zoo.StyleDCGAN(
        avatars.IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        mapping_layers=MAPPING_LAYERS,
        mixing_probability=MIXING_PROBABILITY,
        spectral_norm=True,
        second_convolutions=SECOND_CONVOLUTIONS,
        discriminator_units=DISCRIMINATOR_UNITS,
        objective="relativistic",
        penalties=[penalty(PENALTY_WEIGHT, PENALTY_INTERVAL) for penalty in (R1, R2)],
    )
    warm_start_style_dcgan(model, zoo.load(BEGINNING))
    return model


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION, not_reproducible_because=NOT_REPRODUCIBLE_BECAUSE)
    train = recipe.read(avatars.IMAGE_SHAPE)
    model = build()
    metrics = [run.distance_to_train(recipe, model)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, metrics=metrics, best_by=run.DISTANCE)
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train, pictures={"style_mixing.png": run.style_mixing})


if __name__ == "__main__":
    main()
