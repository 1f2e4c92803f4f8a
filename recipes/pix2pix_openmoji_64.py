"""Pix2Pix on OpenMoji: line art to the coloured picture (Isola et al. 2017)."""

import zoo
import zoo.training.run as run
from zoo.datasets import emoji

DATASET = "openmoji_line_art"
FILTERS, DROPOUT, L1_WEIGHT = 22, 0.3, 50.0
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 100, 16, (4e-4, 2e-4), (0.5, 0.999), "mixed_bfloat16"


def build():
    return zoo.Pix2Pix(emoji.IMAGE_SHAPE, emoji.LINE_ART_SHAPE, filters=FILTERS, dropout=DROPOUT, l1_weight=L1_WEIGHT)


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    train, test = recipe.read_pairs(emoji.IMAGE_SHAPE, emoji.LINE_ART_SHAPE)
    model = build()
    stage = run.Stage(
        train, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, draw=lambda: run.translations(model, train)
    )
    run.train(recipe, model, [stage])
    run.finish_translator(recipe, model, train, test)


if __name__ == "__main__":
    main()
