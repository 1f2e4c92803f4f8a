"""SRGAN on photographs, enlarged four times (Ledig et al. 2017): `sr_resnet_photo_x4` trained adversarially.

The result interpolates between the pixel stage and the adversarially trained weights (Wang et al. 2018, section 3.4).
Experiments: docs/experiments/srgan_photo_x4.md.
"""

import zoo.training.run as run  # first, because it configures TensorFlow

# isort: split

import keras
import sr_resnet_photo_x4 as pixel_stage

import zoo
from zoo.datasets import photographs
from zoo.metrics import features
from zoo.training.warm_start import interpolate_generator, warm_start_generator

DATASET = "debian_photographs"
PIXEL_STAGE, PERCEPTUAL_FEATURES, STAGE = "sr_resnet_photo_x4", "classifier_tf_flowers_64", 2
SCALE, FILTERS, RESIDUAL_BLOCKS = pixel_stage.SCALE, pixel_stage.FILTERS, pixel_stage.RESIDUAL_BLOCKS
PATCH_FILTERS = 48
# At a pixel weight of 1, texture in the wrong place costs more than the discriminator pays for.
PIXEL_WEIGHT, PERCEPTUAL_WEIGHT, ADVERSARIAL_WEIGHT = 0.1, 1.0, 5e-3
# Share of the trained network in the interpolation. Of all quarters, this one is nearest to patches of `train` in the
# features of the avatars' classifier, which no part of the training uses.
SHARE = 0.75
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 3, 16, (1e-4, 1e-4), (0.9, 0.999), "mixed_bfloat16"


def build():
    trunk = features.trunk_of(zoo.load(PERCEPTUAL_FEATURES))
    return zoo.SRGAN(
        photographs.PATCH_SHAPE,
        SCALE,
        filters=FILTERS,
        residual_blocks=RESIDUAL_BLOCKS,
        patch_filters=PATCH_FILTERS,
        feature_network=keras.Model(trunk.inputs, trunk.outputs[STAGE]),
        pixel_weight=PIXEL_WEIGHT,
        perceptual_weight=PERCEPTUAL_WEIGHT,
        adversarial_weight=ADVERSARIAL_WEIGHT,
    )


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION)
    train, test = (recipe.read(photographs.PATCH_SHAPE, split) for split in ("train", "test"))
    model, pictures = build(), run.read_test_pictures(recipe, test)
    beginning = warm_start_generator(model, zoo.load(PIXEL_STAGE))
    turned = run.turned(train, most=16 if recipe.smoke else None)
    stage = run.Stage(
        turned, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, draw=lambda: run.enlargements(model, train)
    )
    run.train(recipe, model, [stage])
    interpolate_generator(model, beginning, SHARE)
    run.finish_upscaler(recipe, model, train, test, pictures)


if __name__ == "__main__":
    main()
