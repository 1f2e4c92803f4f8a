"""Class-conditional VQ-VAE-2 on photographs of flowers and their mirror images."""

import _common
import numpy as np

import zoo
from zoo import data

DATASET, LICENCE = "tf_flowers", "CC BY 2.0"
IMAGE_SHAPE, NUM_CLASSES = (64, 64, 3), 5
NUM_EMBEDDINGS, EMBEDDING_DIM, FILTERS, STAGES = 512, 32, 64, 2
EPOCHS, BATCH_SIZE, LEARNING_RATE = 60, 64, 1e-3
PRIOR, PRIOR_EPOCHS = {"filters": 64, "num_blocks": 8, "num_classes": NUM_CLASSES}, 60
TRAIN, VALIDATION = "train[:80%]", "train[80%:85%]"


def main():
    args = _common.arguments(__file__, EPOCHS)
    train = mirrored(_common.read(args, DATASET, IMAGE_SHAPE, TRAIN))
    validation = _common.read(args, DATASET, IMAGE_SHAPE, VALIDATION)

    variance = float(np.var(train.images / 127.5 - 1))
    model = zoo.VQVAE2(
        IMAGE_SHAPE, NUM_EMBEDDINGS, EMBEDDING_DIM, filters=FILTERS, stages=STAGES, data_variance=variance
    )
    seconds = _common.train_with_prior(
        args,
        model,
        train,
        validation,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        prior=PRIOR,
        prior_epochs=PRIOR_EPOCHS,
    )
    _common.finish(args, model, train=train, seconds=seconds, dataset=DATASET, dataset_licence=LICENCE)


def mirrored(image_set):
    """The images and their mirror images, since a flower has no left and right and there are few."""
    images, labels, names = image_set
    return data.ImageSet(np.concatenate([images, images[:, :, ::-1]]), np.concatenate([labels, labels]), names)


if __name__ == "__main__":
    main()
