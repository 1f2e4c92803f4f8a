"""Projection GAN on Fashion-MNIST: class-conditional batch norm, projection discriminator (Miyato & Koyama 2018).

The discriminator takes one step per generator step, not five, and learns at a higher rate (Heusel et al. 2017).
"""

import _common

import zoo

DATASET = "fashion_mnist"
IMAGE_SHAPE, LATENT_DIM, FILTERS, DISCRIMINATOR_STEPS = (28, 28, 1), 64, 32, 1
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 10, 32, (3e-4, 6e-4), (0.0, 0.9), "mixed_bfloat16"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train = _common.read(args, DATASET, IMAGE_SHAPE, "train")
    _common.train_gan(
        args,
        zoo.ProjectionGAN(
            IMAGE_SHAPE,
            LATENT_DIM,
            filters=FILTERS,
            discriminator_steps=DISCRIMINATOR_STEPS,
            num_classes=len(train.class_names),
            class_names=train.class_names,
        ),
        train,
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
    )


if __name__ == "__main__":
    main()
