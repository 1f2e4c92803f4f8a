"""VQ-VAE-2 on avatars (Razavi et al. 2019): 8x8 codes for the whole and 16x16 for the detail, each with its prior."""

import numpy as np

import zoo
import zoo.training.run as run
from zoo.datasets import avatars

DATASET = "avatars"
NUM_EMBEDDINGS, EMBEDDING_DIM, FILTERS, STAGES = 256, 32, 64, 2
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 10, 64, 1e-3, "mixed_bfloat16"
PRIOR, PRIOR_EPOCHS = {"filters": 64, "num_blocks": 8}, 8
TRAIN, VALIDATION = "train[:39000]", "train[39000:]"


def build(images):
    variance = float(np.var(images[:5000] / 127.5 - 1))
    return zoo.VQVAE2(
        avatars.IMAGE_SHAPE, NUM_EMBEDDINGS, EMBEDDING_DIM, filters=FILTERS, stages=STAGES, data_variance=variance
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION, prior_epochs=PRIOR_EPOCHS)
    train, validation = recipe.read(avatars.IMAGE_SHAPE, TRAIN), recipe.read(avatars.IMAGE_SHAPE, VALIDATION)
    model = build(train.images)
    stages = [
        run.autoencoder_stage(model, train, validation, recipe.epochs, BATCH_SIZE, LEARNING_RATE),
        run.prior_stage(model, train, validation, recipe.prior_epochs, BATCH_SIZE, LEARNING_RATE, PRIOR),
    ]
    run.train(recipe, model, stages)
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
