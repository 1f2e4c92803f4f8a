"""Conditional GAN on MNIST: DCGAN's networks, both given the digit (Mirza & Osindero 2014)."""

import zoo
import zoo.training.run as run

DATASET = "mnist"
IMAGE_SHAPE, LATENT_DIM, FILTERS = (28, 28, 1), 64, 48
EPOCHS, BATCH_SIZE, LEARNING_RATE, BETAS, PRECISION = 12, 32, 5e-4, (0.5, 0.999), "mixed_bfloat16"


def build(class_names):
    return zoo.ConditionalGAN(
        IMAGE_SHAPE, LATENT_DIM, filters=FILTERS, num_classes=len(class_names), class_names=class_names
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    train = recipe.read(IMAGE_SHAPE)
    model = build(train.class_names)
    metrics = [run.distance_to_train(recipe, model)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, (LEARNING_RATE, LEARNING_RATE), BETAS, metrics=metrics)
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
