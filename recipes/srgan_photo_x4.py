"""SRGAN on photographs, enlarged four times (Ledig et al. 2017): `sr_resnet_photo_x4` trained adversarially.

The result interpolates between the pixel stage and the adversarially trained weights (Wang et al. 2018, section 3.4).
Experiments: docs/experiments/srgan_photo_x4.md.
"""

import _common
import keras
import sr_resnet_photo_x4 as pixel_stage

import zoo
from zoo.datasets import photographs
from zoo.metrics import features

DATASET = "debian_photographs"
PIXEL_STAGE, PERCEPTUAL_FEATURES, STAGE = "sr_resnet_photo_x4", "classifier_tf_flowers_64", 2
SCALE, FILTERS, RESIDUAL_BLOCKS = pixel_stage.SCALE, pixel_stage.FILTERS, pixel_stage.RESIDUAL_BLOCKS
PATCH_FILTERS = 48
# At a weight of 1, texture in the wrong place costs more pixels than the discriminator pays for.
PIXEL_WEIGHT, PERCEPTUAL_WEIGHT, ADVERSARIAL_WEIGHT = 0.1, 1.0, 5e-3
# Of the trained network in the mixture: of quarters the nearest to patches of `train` in the features of the avatars'
# classifier, from which nothing here learned.
SHARE = 0.75
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
        patch_filters=PATCH_FILTERS,
        feature_network=keras.Model(trunk.inputs, trunk.outputs[STAGE]),
        pixel_weight=PIXEL_WEIGHT,
        perceptual_weight=PERCEPTUAL_WEIGHT,
        adversarial_weight=ADVERSARIAL_WEIGHT,
    )
    # Its weights alone: a network handed over would take half precision into the preset.
    weights = zoo.load(PIXEL_STAGE).generator.get_weights()
    networks = (model.generator, model.ema_generator)
    for network in networks:
        network.set_weights(weights)

    def learn(draw):
        turned = _common.turned(args, train)
        seconds = _common.train_adversarially(args, model, turned, BATCH_SIZE, LEARNING_RATES, BETAS, draw=draw)
        for network in networks:
            pairs = zip(weights, network.get_weights(), strict=True)
            network.set_weights([(1 - SHARE) * before + SHARE * after for before, after in pairs])
        return seconds

    _common.train_upscaler(args, model, train, test, learn, dataset=DATASET)


if __name__ == "__main__":
    main()
