"""Importance-weighted autoencoder on dynamically binarized MNIST (Burda et al. 2016).

The paper reports 84.78 nats for one stochastic layer trained with 50 samples (table 1).
"""

import _common

import zoo
from zoo import callbacks

DATASET = "mnist"
IMAGE_SHAPE, LATENT_DIM, HIDDEN_UNITS = (28, 28, 1), 40, (400, 400)
NUM_IMPORTANCE_SAMPLES = 5
EPOCHS, BATCH_SIZE, LEARNING_RATE = 90, 128, 1e-3
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"


def main():
    args = _common.arguments(__file__, EPOCHS)
    train = _common.read(args, DATASET, IMAGE_SHAPE, TRAIN)
    validation = _common.read(args, DATASET, IMAGE_SHAPE, VALIDATION)

    model = zoo.VAE(IMAGE_SHAPE, LATENT_DIM, hidden_units=HIDDEN_UNITS, num_importance_samples=NUM_IMPORTANCE_SAMPLES)

    def validation_nll(model):
        return -model.log_likelihood_bound(validation.images, num_importance_samples=50).mean()

    seconds = _common.train_alone(
        args,
        model,
        train,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        metrics=[callbacks.SampleMetric("val_nll_50_samples", validation_nll, every=5)],
    )
    _common.finish(args, model, train=train, seconds=seconds, dataset=DATASET)


if __name__ == "__main__":
    main()
