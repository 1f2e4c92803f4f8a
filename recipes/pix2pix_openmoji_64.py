"""Pix2Pix on OpenMoji: line art to the coloured picture (Isola et al. 2017)."""

import _common

import zoo
from zoo.datasets import emoji

DATASET = "openmoji_line_art"
FILTERS, DROPOUT, L1_WEIGHT = 22, 0.3, 50.0
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 100, 16, (4e-4, 2e-4), (0.5, 0.999), "mixed_bfloat16"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train, test = (
        _common.read_pairs(args, DATASET, emoji.IMAGE_SHAPE, emoji.LINE_ART_SHAPE, split) for split in ("train", "test")
    )
    _common.train_translator(
        args,
        zoo.Pix2Pix(emoji.IMAGE_SHAPE, emoji.LINE_ART_SHAPE, filters=FILTERS, dropout=DROPOUT, l1_weight=L1_WEIGHT),
        train,
        test,
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
    )


if __name__ == "__main__":
    main()
