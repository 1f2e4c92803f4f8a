"""Projection GAN on 3,120 photographs of flowers: DiffAugment keeps the discriminator from knowing each of them.

A long run: `--further` goes on from the shipped weights. Networks of `DCGAN`, since two cores take four times as long
for residual ones. The first 140 epochs changed colours, too: the distance to training images was least after 90 (9.0);
then colours grew stronger, which such changes hide from the discriminator (12.3 at the end). 52 more without them came
to 5.3 to 6.1.
"""

import zoo
import zoo.training.run as run
from zoo.objectives.augment import DiffAugment

DATASET = "tf_flowers"
IMAGE_SHAPE, LATENT_DIM, FILTERS, DISCRIMINATOR_STEPS = (64, 64, 3), 120, 24, 1
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 140, 32, (4e-3, 1e-3), (0.0, 0.99), "mixed_bfloat16"
EPOCHS_BETWEEN_FIGURES = 5
REPRODUCIBLE = False
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
