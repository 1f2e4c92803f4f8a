"""Projection GAN on 3,120 photographs of flowers (Miyato & Koyama 2018), with DCGAN's networks and DiffAugment.

The first 140 of the 192 epochs behind the shipped weights also augmented colours; this recipe never does.
Experiments: docs/experiments/projection_gan_tf_flowers_64.md.
"""

import zoo
import zoo.training.run as run
from zoo.objectives.augment import DiffAugment

DATASET = "tf_flowers"
IMAGE_SHAPE, LATENT_DIM, FILTERS, DISCRIMINATOR_STEPS = (64, 64, 3), 120, 24, 1
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 140, 32, (4e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"
EPOCHS_BETWEEN_FIGURES = 5
NOT_REPRODUCIBLE_BECAUSE = (
    "the training had 140 epochs whose augmentation also changed colours and then 52 without; the recipe runs "
    "140 epochs without changes of colour."
)


def build(class_names):
    return zoo.ProjectionGAN(
        IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        residual=False,
        discriminator_steps=DISCRIMINATOR_STEPS,
        augmentation=DiffAugment(("translation", "cutout")),
        num_classes=len(class_names),
        class_names=class_names,
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION, not_reproducible_because=NOT_REPRODUCIBLE_BECAUSE)
    train = run.mirrored(recipe.read(IMAGE_SHAPE))
    model = build(train.class_names)
    metrics = [run.distance_to_train(recipe, model, every=EPOCHS_BETWEEN_FIGURES)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, metrics=metrics)
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
