"""VQ-VAE on Fashion-MNIST (van den Oord et al. 2017): 7x7 codes of 512, 441 bits, with a gated PixelCNN prior."""

import numpy as np

import zoo
import zoo.training.run as run

DATASET = "fashion_mnist"
IMAGE_SHAPE, NUM_EMBEDDINGS, EMBEDDING_DIM = (28, 28, 1), 512, 64
FILTERS, RESIDUAL_BLOCKS = 192, 3
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 20, 64, 1e-3, "mixed_bfloat16"
PRIOR, PRIOR_EPOCHS = {"filters": 96, "num_blocks": 8}, 20
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"


def build(images):
    return zoo.VQVAE(
        IMAGE_SHAPE,
        NUM_EMBEDDINGS,
        EMBEDDING_DIM,
        filters=FILTERS,
        residual_blocks=RESIDUAL_BLOCKS,
        data_variance=float(np.var(images / 127.5 - 1)),
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION, prior_epochs=PRIOR_EPOCHS)
    train, validation = recipe.read(IMAGE_SHAPE, TRAIN), recipe.read(IMAGE_SHAPE, VALIDATION)
    model = build(train.images)
    stages = [
        run.autoencoder_stage(model, train, validation, recipe.epochs, BATCH_SIZE, LEARNING_RATE),
        run.prior_stage(model, train, validation, recipe.prior_epochs, BATCH_SIZE, LEARNING_RATE, PRIOR),
    ]
    run.train(recipe, model, stages)
    run.finish(recipe, model, train)


if __name__ == "__main__":
    main()
