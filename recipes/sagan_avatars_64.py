"""Self-attention GAN on avatars (Zhang et al. 2019), with DCGAN's networks; `docs/attention_maps.py` shows attention.

The shipped weights began with those that `dcgan_avatars_64` had after 15 of its 31 epochs, which are not shipped.
Experiments: docs/experiments/sagan_avatars_64.md.
"""

import zoo
import zoo.training.run as run
from zoo.datasets import avatars
from zoo.objectives.penalties import R1, R2
from zoo.training.warm_start import warm_start_sagan

DATASET = "avatars"
LATENT_DIM, FILTERS = 96, 48
PENALTY_WEIGHT, PENALTY_INTERVAL = 5.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 12, 32, (4e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"
BEGINNING = "dcgan_avatars_64"
NOT_REPRODUCIBLE_BECAUSE = (
    "the training began with the weights that dcgan_avatars_64 had after 15 of its 31 epochs, which are no "
    "longer shipped; the recipe begins with its final weights."
)


def build():
    model = zoo.SAGAN(
        avatars.IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        residual=False,
        objective="relativistic",
        penalties=[penalty(PENALTY_WEIGHT, PENALTY_INTERVAL) for penalty in (R1, R2)],
    )
    warm_start_sagan(model, zoo.load(BEGINNING))
    return model


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
