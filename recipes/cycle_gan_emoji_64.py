"""CycleGAN on emoji: Noto to Twemoji and back, learned without their pairs (Zhu et al. 2017).

Mirror images and cut-outs keep the discriminators from memorizing the 1,689 training signs.
Experiments: docs/experiments/cycle_gan_emoji_64.md.
"""

import zoo
import zoo.training.run as run
from zoo.datasets import emoji
from zoo.objectives.augment import DiffAugment
from zoo.objectives.penalties import R1

DATASET = "emoji_in_two_hands"
FILTERS, RESIDUAL_BLOCKS, PATCH_FILTERS, PATCH_STAGES, CYCLE_WEIGHT = 16, 6, 32, 3, 1.0
# R1 of the sum of the logits of all patches.
R1_WEIGHT, R1_INTERVAL = 5e-4, 4
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 12, 4, (4e-4, 4e-4), (0.5, 0.999), "mixed_bfloat16"
NOT_REPRODUCIBLE_BECAUSE = (
    "when it was trained, TensorFlow took a wrong gradient of R1 through Keras' instance normalization; this has been "
    "mended since."
)


def build():
    return zoo.CycleGAN(
        emoji.IMAGE_SHAPE,
        filters=FILTERS,
        residual_blocks=RESIDUAL_BLOCKS,
        patch_filters=PATCH_FILTERS,
        patch_stages=PATCH_STAGES,
        objective="non_saturating",
        penalties=R1(R1_WEIGHT, R1_INTERVAL),
        augmentation=DiffAugment(("cutout",)),
        cycle_weight=CYCLE_WEIGHT,
        # Colours keep their places without this loss, because a translation starts as its source image.
        identity_weight=0.0,
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION, not_reproducible_because=NOT_REPRODUCIBLE_BECAUSE)
    train, test = recipe.read_pairs(emoji.IMAGE_SHAPE, emoji.IMAGE_SHAPE)
    model = build()
    mirrored = run.mirrored(train)
    stage = run.Stage(
        mirrored, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, draw=lambda: run.translations(model, train)
    )
    run.train(recipe, model, [stage])
    run.finish_translator(recipe, model, train, test)


if __name__ == "__main__":
    main()
