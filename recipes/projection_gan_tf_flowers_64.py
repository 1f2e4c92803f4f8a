"""Projection GAN on 3,120 photographs of flowers (Miyato & Koyama 2018), with DCGAN's networks and DiffAugment.

The first 140 of the 192 epochs behind the shipped weights also augmented colours; this recipe never does.
Experiments: docs/experiments/projection_gan_tf_flowers_64.md.
"""

import _common

import zoo
from zoo.objectives.augment import DiffAugment

DATASET = "tf_flowers"
IMAGE_SHAPE, LATENT_DIM, FILTERS, DISCRIMINATOR_STEPS = (64, 64, 3), 120, 24, 1
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 140, 32, (4e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"
EPOCHS_BETWEEN_FIGURES = 5


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train = _common.mirrored(_common.read(args, DATASET, IMAGE_SHAPE, "train"))
    model = zoo.ProjectionGAN(
        IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        residual=False,
        discriminator_steps=DISCRIMINATOR_STEPS,
        augmentation=DiffAugment(("translation", "cutout")),
        num_classes=len(train.class_names),
        class_names=train.class_names,
    )
    _common.train_gan(
        args,
        model,
        train,
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        metrics=[_common.distance_to_train(args, model, DATASET, every=EPOCHS_BETWEEN_FIGURES)],
        dataset=DATASET,
    )


if __name__ == "__main__":
    main()
