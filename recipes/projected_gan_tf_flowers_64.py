"""ProjectedGAN on 3,120 photographs of flowers (Sauer et al. 2021), with DiffAugment.

Experiments: docs/experiments/projected_gan_tf_flowers_64.md.
"""

import zoo
import zoo.training.run as run

DATASET = "tf_flowers"
IMAGE_SHAPE, LATENT_DIM, FILTERS, DISCRIMINATOR_FILTERS = (64, 64, 3), 128, 24, 96
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 60, 32, (2e-4, 2e-4), (0.0, 0.99), "mixed_bfloat16"
EPOCHS_BETWEEN_FIGURES = 5


def build(class_names=None):
    return zoo.ProjectedGAN(
        IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        discriminator_filters=DISCRIMINATOR_FILTERS,
        num_classes=class_names and len(class_names),
        class_names=class_names,
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    train = run.mirrored(recipe.read(IMAGE_SHAPE))
    model = build(train.class_names)
    metrics = [run.distance_to_train(recipe, model, every=EPOCHS_BETWEEN_FIGURES)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, metrics=metrics)
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
