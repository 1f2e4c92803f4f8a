"""DCGAN on Fashion-MNIST: the paper's step with smaller batches, a rate that falls to nothing, and an average.

`benchmarks/dcgan_textbook.py` trains the same networks with the paper's settings, for comparison.
"""

import _common
import keras

import zoo
from zoo import callbacks, data
from zoo.metrics import protocols

DATASET, LICENCE = "fashion_mnist", "MIT"
IMAGE_SHAPE, LATENT_DIM, FILTERS = (28, 28, 1), 64, 64
EMA_MOMENTUM = 0.999
EPOCHS, BATCH_SIZE, LEARNING_RATE = 16, 32, 1.5e-3


def build():
    return zoo.DCGAN(IMAGE_SHAPE, LATENT_DIM, filters=FILTERS, ema_momentum=EMA_MOMENTUM)


def main():
    args = _common.arguments(__file__, EPOCHS)
    train = _common.read(args, DATASET, IMAGE_SHAPE, "train")

    model = build()
    steps = _common.total_steps(args, train, BATCH_SIZE)
    generator_optimizer, discriminator_optimizer = (
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps), beta_1=0.5)
        for _ in range(2)
    )
    model.compile(generator_optimizer, discriminator_optimizer)
    distance = protocols.frechet_to_train(DATASET, IMAGE_SHAPE)
    seconds = _common.train(
        args, model, data.batches(train, BATCH_SIZE), metrics=[callbacks.SampleMetric("fid2k_train", distance)]
    )
    # Users fine-tune at the paper's constant rate, not at the schedule's end.
    model.compile()
    _common.finish(args, model, train=train, seconds=seconds, dataset=DATASET, dataset_licence=LICENCE)


if __name__ == "__main__":
    main()
