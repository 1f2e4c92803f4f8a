"""SRResNet on photographs, enlarged four times: the pixel stage of SRGAN (Ledig et al. 2017), best by PSNR."""

import functools

import _common

import zoo
from zoo.datasets import photographs

DATASET = "debian_photographs"
SCALE, FILTERS, RESIDUAL_BLOCKS = 4, 64, 12
EPOCHS, BATCH_SIZE, LEARNING_RATE, PRECISION = 13, 16, 5e-4, "mixed_bfloat16"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train, test = (_common.read(args, DATASET, photographs.PATCH_SHAPE, split) for split in ("train", "test"))
    model = zoo.SRResNet(photographs.PATCH_SHAPE, SCALE, filters=FILTERS, residual_blocks=RESIDUAL_BLOCKS)
    learn = functools.partial(
        _common.train_alone,
        args,
        model,
        _common.turned(args, train),
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
    )
    _common.train_upscaler(args, model, train, test, learn, dataset=DATASET)


if __name__ == "__main__":
    main()
