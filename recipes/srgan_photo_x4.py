"""SRGAN on photographs, four times: the network of `sr_resnet_photo_x4` against a discriminator, for sharper pictures.

What it should look like it takes from the features of a classifier of photographs, too.
"""

import functools

import _common
import keras
import sr_resnet_photo_x4 as pixel_stage

import zoo
from zoo.datasets import photographs
from zoo.metrics import features

DATASET, LICENCE = "debian_photographs", f"by photograph: {photographs.credits()}"
PIXEL_STAGE, PERCEPTUAL_FEATURES, STAGE = "sr_resnet_photo_x4", "classifier_tf_flowers_64", 2
SCALE, FILTERS, RESIDUAL_BLOCKS = pixel_stage.SCALE, pixel_stage.FILTERS, pixel_stage.RESIDUAL_BLOCKS
# At a weight of 1, texture in the wrong place costs more pixels than the discriminator pays for.
PIXEL_WEIGHT, PERCEPTUAL_WEIGHT, ADVERSARIAL_WEIGHT = 0.1, 1.0, 5e-3
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 3, 16, (1e-4, 1e-4), (0.9, 0.999), "mixed_bfloat16"


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    train, test = (_common.read(args, DATASET, photographs.PATCH_SHAPE, split) for split in ("train", "test"))
    trunk = features.trunk_of(zoo.load(PERCEPTUAL_FEATURES))
    model = zoo.SRGAN(
        photographs.PATCH_SHAPE,
        SCALE,
        filters=FILTERS,
        residual_blocks=RESIDUAL_BLOCKS,
        feature_network=keras.Model(trunk.inputs, trunk.outputs[STAGE]),
        pixel_weight=PIXEL_WEIGHT,
        perceptual_weight=PERCEPTUAL_WEIGHT,
        adversarial_weight=ADVERSARIAL_WEIGHT,
    )
    # Its weights alone: a network handed over would take half precision into the preset.
    weights = zoo.load(PIXEL_STAGE).generator.get_weights()
    for network in (model.generator, model.ema_generator):
        network.set_weights(weights)
    learn = functools.partial(
        _common.train_adversarially, args, model, _common.turned(args, train), BATCH_SIZE, LEARNING_RATES, BETAS
    )
    _common.train_upscaler(args, model, train, test, learn, dataset=DATASET, dataset_licence=LICENCE)


if __name__ == "__main__":
    main()
