"""DCGAN on avatars, with R1 and R2 in place of batch norm in the discriminator (Mescheder et al. 2018).

Experiments: docs/experiments/dcgan_avatars_64.md.
"""

import zoo
import zoo.training.run as run
from zoo.datasets import avatars
from zoo.objectives.penalties import R1, R2

DATASET = "avatars"
LATENT_DIM, FILTERS, INTERVAL = 96, 48, 8
BATCH_SIZE, BETAS, PRECISION = 32, (0.0, 0.99), "mixed_bfloat16"
STAGES = (
    {"epochs": 12, "learning_rate": (8e-3, 1e-3)},
    {
        "epochs": 3,
        "learning_rate": (4e-3, 1e-3),
        "changes": {"objective": "relativistic", "penalties": [R1(1.0, INTERVAL), R2(1.0, INTERVAL)]},
    },
    {
        "epochs": 10,
        "learning_rate": (4e-3, 1e-3),
        "changes": {"penalties": [R1(5.0, INTERVAL), R2(5.0, INTERVAL)]},
    },
    {"epochs": 6, "learning_rate": (2e-3, 5e-4)},
)


def build():
    return zoo.DCGAN(
        avatars.IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        discriminator_batch_norm=False,
        penalties=R1(1.0, INTERVAL),
    )


def main():
    recipe = run.recipe(__file__, DATASET, precision=PRECISION)
    train = recipe.read(avatars.IMAGE_SHAPE)
    model = build()
    metrics = [run.distance_to_train(recipe, model)]
    stages = recipe.stages(STAGES, train, batch_size=BATCH_SIZE, betas=BETAS, metrics=metrics)
    model = run.train(recipe, model, stages)
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
