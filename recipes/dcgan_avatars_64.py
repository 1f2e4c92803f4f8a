"""DCGAN on avatars, with R1 and R2 in place of batch norm in the discriminator (Mescheder et al. 2018).

The shipped weights had four settings in turn, of which this recipe holds the last.
Experiments: docs/experiments/dcgan_avatars_64.md.
"""

import zoo
import zoo.training.run as run
from zoo.datasets import avatars
from zoo.objectives.penalties import R1, R2

DATASET = "avatars"
LATENT_DIM, FILTERS = 96, 48
PENALTY_WEIGHT, PENALTY_INTERVAL = 5.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 12, 32, (2e-3, 5e-4), (0.0, 0.99), "mixed_bfloat16"
NOT_REPRODUCIBLE_BECAUSE = (
    "the training had four settings in turn, of 12, 3, 10 and 6 epochs, of which the recipe holds only the "
    "last, and it begins with new weights."
)


def build():
    return zoo.DCGAN(
        avatars.IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        discriminator_batch_norm=False,
        objective="relativistic",
        penalties=[penalty(PENALTY_WEIGHT, PENALTY_INTERVAL) for penalty in (R1, R2)],
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION, not_reproducible_because=NOT_REPRODUCIBLE_BECAUSE)
    train = recipe.read(avatars.IMAGE_SHAPE)
    model = build()
    metrics = [run.distance_to_train(recipe, model)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, metrics=metrics)
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
