"""DCGAN on Fashion-MNIST, with R1 in place of batch norm in the discriminator (Mescheder et al. 2018).

The generator learns eight times as fast as its discriminator; `benchmarks/dcgan_textbook.py` has the paper's settings.
Experiments: docs/experiments/dcgan_fashion_mnist_28.md.
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
