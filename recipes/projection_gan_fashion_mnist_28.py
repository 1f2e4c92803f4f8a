"""Projection GAN on Fashion-MNIST: class-conditional batch norm, projection discriminator (Miyato & Koyama 2018).

The discriminator takes one step per generator step, not five, and learns at a higher rate (Heusel et al. 2017).
"""

import zoo
import zoo.training.run as run

DATASET = "fashion_mnist"
IMAGE_SHAPE, LATENT_DIM, FILTERS, DISCRIMINATOR_STEPS = (28, 28, 1), 64, 32, 1
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 10, 32, (3e-4, 6e-4), (0.0, 0.9), "mixed_bfloat16"


def build(class_names):
    return zoo.ProjectionGAN(
        IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        discriminator_steps=DISCRIMINATOR_STEPS,
        num_classes=len(class_names),
        class_names=class_names,
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    train = recipe.read(IMAGE_SHAPE)
    model = build(train.class_names)
    metrics = [run.distance_to_train(recipe, model)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, metrics=metrics)
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
