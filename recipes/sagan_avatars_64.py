"""Self-attention GAN on avatars (Zhang et al. 2019), whose attention `docs/attention_maps.py` shows.

Networks of `DCGAN` with attention, since two cores take four times as long for residual ones, which moreover drew eyes
all over the faces after an epoch. They begin with the weights that `dcgan_avatars_64` had after 15 epochs, and
attention as the identity. The distance to training images (of 2,000 samples) was 9.0, 7.7, 7.0, 6.1, 5.9, 5.3, 4.6,
4.2, 3.8, 3.7, 3.6 and 3.8 after each epoch, and the discriminator never got ahead: its loss was 0.56 in the first, 0.53
in the last.

What was shipped before had begun from nothing, with 32 filters and for six of eleven epochs by the hinge objective:
crisp faces, but too much alike (distance 9.8, recall 0.14). Its attention came before a norm, where kernels grow, so
that every query ended up looking at a single place.
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
REPRODUCIBLE = False
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
