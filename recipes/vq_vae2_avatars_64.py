"""VQ-VAE-2 on avatars (Razavi et al. 2019): 8x8 codes for the whole and 16x16 for the detail, each with its prior."""

import _common
import numpy as np

import zoo
from zoo.datasets import avatars

DATASET = "avatars"
NUM_EMBEDDINGS, EMBEDDING_DIM, FILTERS, STAGES = 256, 32, 64, 2
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 10, 64, 1e-3, "mixed_bfloat16"
PRIOR, PRIOR_EPOCHS = {"filters": 64, "num_blocks": 8}, 8
TRAIN, VALIDATION = "train[:39000]", "train[39000:]"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION, PRIOR_EPOCHS)
    train = _common.read(args, DATASET, avatars.IMAGE_SHAPE, TRAIN)
    validation = _common.read(args, DATASET, avatars.IMAGE_SHAPE, VALIDATION)

    variance = float(np.var(train.images[:5000] / 127.5 - 1))
    model = zoo.VQVAE2(
        avatars.IMAGE_SHAPE, NUM_EMBEDDINGS, EMBEDDING_DIM, filters=FILTERS, stages=STAGES, data_variance=variance
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
