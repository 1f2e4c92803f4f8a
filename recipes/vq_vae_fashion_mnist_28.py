"""VQ-VAE on Fashion-MNIST: 7x7 codes of 512, 441 bits, with a gated PixelCNN as their prior."""

import _common
import keras
import numpy as np

import zoo
from zoo import callbacks, data
from zoo.metrics import psnr

DATASET, LICENCE = "fashion_mnist", "MIT"
IMAGE_SHAPE, NUM_EMBEDDINGS, EMBEDDING_DIM, FILTERS = (28, 28, 1), 512, 64, 128
EPOCHS, BATCH_SIZE, LEARNING_RATE = 30, 64, 1e-3
PRIOR_FILTERS, PRIOR_BLOCKS, PRIOR_EPOCHS = 96, 8, 30
TRAIN, VALIDATION = "train[:59000]", "train[59000:]"


def main():
    args = _common.arguments(__file__, EPOCHS)
    train = _common.read(args, DATASET, IMAGE_SHAPE, TRAIN)
    validation = _common.read(args, DATASET, IMAGE_SHAPE, VALIDATION).images

    variance = float(np.var(train.images / 127.5 - 1))
    model = zoo.VQVAE(IMAGE_SHAPE, NUM_EMBEDDINGS, EMBEDDING_DIM, filters=FILTERS, data_variance=variance)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, _common.total_steps(args, train, BATCH_SIZE))
    model.compile(keras.optimizers.Adam(schedule))

    def validation_psnr(model):
        return psnr(validation, model.reconstruct(validation))

    def pairs():
        return np.stack([validation[:32], model.reconstruct(validation[:32])], 1).reshape(-1, *IMAGE_SHAPE)

    seconds = _common.train(
        args,
        model,
        data.batches(train, BATCH_SIZE),
        metrics=[callbacks.SampleMetric("val_psnr", validation_psnr)],
        stage="autoencoder",
        draw=pairs,
    )

    model.build_prior(PRIOR_FILTERS, PRIOR_BLOCKS)
    codes = model.code_dataset(train, batch_size=BATCH_SIZE)
    args.epochs = 1 if args.smoke else PRIOR_EPOCHS
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, _common.total_steps(args, train, BATCH_SIZE))
    model.prior.compile(keras.optimizers.Adam(schedule))

    def validation_bits(prior):
        return model.bits_per_image(validation).mean()

    seconds += _common.train(
        args,
        model.prior,
        codes,
        metrics=[callbacks.SampleMetric("val_bits", validation_bits)],
        stage="prior",
        draw=lambda: model.generate(64, seed=0),
    )
    # Users fine-tune at the rate that training began with, not at the schedule's end.
    model.compile(keras.optimizers.Adam(LEARNING_RATE))
    _common.finish(args, model, train=train, seconds=seconds, dataset=DATASET, dataset_licence=LICENCE)


if __name__ == "__main__":
    main()
