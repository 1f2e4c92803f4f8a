"""Projection GAN on 3,120 photographs of flowers (Miyato & Koyama 2018), with DCGAN's networks and DiffAugment.

Experiments: docs/experiments/projection_gan_tf_flowers_64.md.
"""

import zoo
import zoo.training.run as run
from zoo.objectives.augment import DiffAugment

DATASET = "tf_flowers"
IMAGE_SHAPE, LATENT_DIM, FILTERS, DISCRIMINATOR_STEPS = (64, 64, 3), 120, 24, 1
BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 32, (4e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"
EPOCHS_BETWEEN_FIGURES = 5
STAGES = (
    {"epochs": 140},
    {"epochs": 52, "changes": {"augmentation": DiffAugment(("translation", "cutout"))}},
)


def build(class_names):
    return zoo.ProjectionGAN(
        IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        residual=False,
        discriminator_steps=DISCRIMINATOR_STEPS,
        augmentation=DiffAugment(("color", "translation", "cutout")),
        num_classes=len(class_names),
        class_names=class_names,
    )


def main():
    recipe = run.recipe(__file__, DATASET, precision=PRECISION)
    train = run.mirrored(recipe.read(IMAGE_SHAPE))
    model = build(train.class_names)
    metrics = [run.distance_to_train(recipe, model, every=EPOCHS_BETWEEN_FIGURES)]
    shared = {"batch_size": BATCH_SIZE, "learning_rate": LEARNING_RATES, "betas": BETAS, "metrics": metrics}
    model = run.train(recipe, model, recipe.stages(STAGES, train, **shared))
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
