"""Importance-weighted autoencoder on dynamically binarized MNIST (Burda et al. 2016).

The paper reports 84.78 nats for one stochastic layer trained with 50 samples (table 1).
"""

import zoo
import zoo.training.run as run
from zoo import callbacks

DATASET = "mnist"
IMAGE_SHAPE, LATENT_DIM, HIDDEN_UNITS = (28, 28, 1), 40, (400, 400)
NUM_IMPORTANCE_SAMPLES = 5
EPOCHS, BATCH_SIZE, LEARNING_RATE = 90, 128, 1e-3
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"


def build():
    return zoo.VAE(IMAGE_SHAPE, LATENT_DIM, hidden_units=HIDDEN_UNITS, num_importance_samples=NUM_IMPORTANCE_SAMPLES)


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS)
    train, validation = recipe.read(IMAGE_SHAPE, TRAIN), recipe.read(IMAGE_SHAPE, VALIDATION)
    model = build()

    def validation_nll(model):
        return -model.log_likelihood_bound(validation.images, num_importance_samples=50).mean()

    metrics = [callbacks.SampleMetric("val_nll_50_samples", validation_nll, every=5)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATE, metrics=metrics)
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
