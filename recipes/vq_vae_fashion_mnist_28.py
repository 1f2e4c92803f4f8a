"""VQ-VAE on Fashion-MNIST (van den Oord et al. 2017): 7x7 codes of 512, 441 bits, with a gated PixelCNN prior."""

import _common
import numpy as np

import zoo

DATASET = "fashion_mnist"
IMAGE_SHAPE, NUM_EMBEDDINGS, EMBEDDING_DIM = (28, 28, 1), 512, 64
FILTERS, RESIDUAL_BLOCKS = 192, 3
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 20, 64, 1e-3, "mixed_bfloat16"
PRIOR, PRIOR_EPOCHS = {"filters": 96, "num_blocks": 8}, 20
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION, PRIOR_EPOCHS)
    train = _common.read(args, DATASET, IMAGE_SHAPE, TRAIN)
    validation = _common.read(args, DATASET, IMAGE_SHAPE, VALIDATION)

    variance = float(np.var(train.images / 127.5 - 1))
    model = zoo.VQVAE(
        IMAGE_SHAPE,
        NUM_EMBEDDINGS,
        EMBEDDING_DIM,
        filters=FILTERS,
        residual_blocks=RESIDUAL_BLOCKS,
        data_variance=variance,
    )
    _common.train_with_prior(
        args,
        model,
        train,
        validation,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        prior=PRIOR,
        dataset=DATASET,
    )


if __name__ == "__main__":
    main()
