"""WGAN-GP on Fashion-MNIST: DCGAN's networks, a critic without batch norm (Gulrajani et al. 2017, algorithm 1).

The critic takes one step per generator step at ten times the paper's rate, as in progressive growing.
Experiments: docs/experiments/wgan_gp_fashion_mnist_28.md.
"""

import _common

import zoo
from zoo.metrics import protocols

DATASET = "fashion_mnist"
IMAGE_SHAPE, LATENT_DIM, FILTERS, DISCRIMINATOR_STEPS = (28, 28, 1), 64, 64, 1
EPOCHS, BATCH_SIZE, LEARNING_RATE, BETAS, PRECISION = 32, 32, 1e-3, (0.0, 0.9), "mixed_bfloat16"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)

    def evaluate(model, size):
        # The point of a Wasserstein critic is that its loss tells how far the generator is.
        follows = _common.correlation_over_training(args, "discriminator_loss", _common.DISTANCE)
        return {**protocols.evaluate(model, DATASET, size=size), **follows}

    _common.train_gan(
        args,
        zoo.WGANGP(IMAGE_SHAPE, LATENT_DIM, filters=FILTERS, discriminator_steps=DISCRIMINATOR_STEPS),
        _common.read(args, DATASET, IMAGE_SHAPE, "train"),
        batch_size=BATCH_SIZE,
        learning_rates=(LEARNING_RATE, LEARNING_RATE),
        betas=BETAS,
        dataset=DATASET,
        evaluate=evaluate,
    )


if __name__ == "__main__":
    main()
