"""The GAN of 2014 on MNIST: dense networks and the non-saturating loss (Goodfellow et al. 2014, algorithm 1)."""

import zoo
import zoo.training.run as run

DATASET = "mnist"
IMAGE_SHAPE, LATENT_DIM, HIDDEN_UNITS, DROPOUT = (28, 28, 1), 64, (512, 1024), 0.3
EPOCHS, BATCH_SIZE, LEARNING_RATE, BETAS = 60, 64, 4e-4, (0.5, 0.999)


def build(objective="non_saturating"):
    return zoo.GAN(IMAGE_SHAPE, LATENT_DIM, hidden_units=HIDDEN_UNITS, dropout=DROPOUT, objective=objective)


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS)
    train = recipe.read(IMAGE_SHAPE)
    model = build()
    metrics = [run.distance_to_train(recipe, model)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, (LEARNING_RATE, LEARNING_RATE), BETAS, metrics=metrics)
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
