"""WGAN-GP on Fashion-MNIST: DCGAN's networks, a critic without batch norm (Gulrajani et al. 2017, algorithm 1).

The critic takes one step per generator step at ten times the paper's rate, as in progressive growing.
Experiments: docs/experiments/wgan_gp_fashion_mnist_28.md.
"""

import zoo
import zoo.training.run as run
from zoo.metrics import protocols

DATASET = "fashion_mnist"
IMAGE_SHAPE, LATENT_DIM, FILTERS, DISCRIMINATOR_STEPS = (28, 28, 1), 64, 64, 1
EPOCHS, BATCH_SIZE, LEARNING_RATE, BETAS, PRECISION = 32, 32, 1e-3, (0.0, 0.9), "mixed_bfloat16"


def build():
    return zoo.WGANGP(IMAGE_SHAPE, LATENT_DIM, filters=FILTERS, discriminator_steps=DISCRIMINATOR_STEPS)


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    train = recipe.read(IMAGE_SHAPE)
    model = build()
    metrics = [run.distance_to_train(recipe, model)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, (LEARNING_RATE, LEARNING_RATE), BETAS, metrics=metrics)
    run.train(recipe, model, [stage])

    def evaluate(model, size):
        # The loss of a Wasserstein critic is supposed to follow the distance of the generator.
        follows = run.correlation(recipe, "discriminator_loss", run.DISTANCE)
        return {**protocols.evaluate(model, DATASET, size=size), **follows}

    run.finish(recipe, model, train, evaluate=evaluate)


if __name__ == "__main__":
    main()
