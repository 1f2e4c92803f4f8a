"""DCGAN on Fashion-MNIST: a discriminator without batch norm, which R1 keeps smooth instead (Mescheder et al. 2018).

What two epochs led to: with Adam's beta_1 of 0.5 to a Fréchet distance of 5.5, without such momentum to 4.0, and with a
generator that also learns eight times as fast as its discriminator to 3.2. R1's weight hardly matters from 0.02 to 1.
`benchmarks/dcgan_textbook.py` trains the paper's networks with the paper's settings, for comparison.
"""

import zoo
import zoo.training.run as run
from zoo.objectives.penalties import R1

DATASET = "fashion_mnist"
IMAGE_SHAPE, LATENT_DIM, FILTERS = (28, 28, 1), 64, 64
R1_WEIGHT, R1_INTERVAL = 0.2, 8
LEARNING_RATES, BETAS = (8e-3, 1e-3), (0.0, 0.99)
EPOCHS, BATCH_SIZE, PRECISION = 16, 32, "mixed_bfloat16"


def build():
    return zoo.DCGAN(
        IMAGE_SHAPE, LATENT_DIM, filters=FILTERS, discriminator_batch_norm=False, penalties=R1(R1_WEIGHT, R1_INTERVAL)
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    train = recipe.read(IMAGE_SHAPE)
    model = build()
    metrics = [run.distance_to_train(recipe, model)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, metrics=metrics)
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
