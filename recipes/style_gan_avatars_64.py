"""StyleGAN on avatars, with the grid of mixed styles (Karras et al. 2019, figure 3).

AdaIN and the networks of `DCGAN`, with a generator that is twice as wide as the discriminator. That wins nevertheless,
0.94 on real images at the end: the distance to training images is 52, 36, 33, 30, 29 and 27 after the first epochs and
stays there, while edges get sharper. Another 9 epochs with R1 of weight 10, which kept the discriminator at 0.71 to
0.81, came to 23.8 after 6 and to 29.9 as the rates fell, with cleaner backgrounds; they were not kept. In trials
without filters a discriminator twice as fast led to 118 instead of 76 after 600 steps, one a quarter as fast to 296
instead of 96 after 300. R1 weighs far more than the 0.0256 that Karras et al. 2020b (appendix C) give for this
resolution and batch size: with that the discriminator tells sharp drawings from early ones at a glance, and has no
slope to learn from.
"""

import _common
import numpy as np

import zoo
from zoo import latents
from zoo.datasets import avatars
from zoo.images import grid
from zoo.objectives.penalties import R1

DATASET, LICENCE = "avatars", "free for personal and commercial use"
LATENT_DIM, FILTERS, DISCRIMINATOR_FILTERS, MAPPING_LAYERS = 96, 32, 16, 2
R1_WEIGHT, R1_INTERVAL = 1.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 9, 32, (8e-3, 2e-3), (0.0, 0.99), "mixed_bfloat16"
COARSE, FINE, COARSE_LAYERS = 4, 7, 2


def mixed(model):
    z = latents.sample(COARSE + FINE, model.noise_shape, seed=0)
    images = model.generate(latents=z)
    corner = np.full((1, *model.image_shape), 255, "uint8")
    rows = [np.concatenate([corner, images[COARSE:]])]
    for image, row in zip(images, model.mix_styles(z[:COARSE], z[COARSE:], COARSE_LAYERS), strict=False):
        rows.append(np.concatenate([image[None], row]))
    return grid(np.concatenate(rows), columns=1 + FINE)


def main():
    args = _common.arguments(__file__, EPOCHS, PRECISION)
    _common.train_gan(
        args,
        zoo.StyleGAN(
            avatars.IMAGE_SHAPE,
            LATENT_DIM,
            filters=FILTERS,
            discriminator_filters=DISCRIMINATOR_FILTERS,
            mapping_layers=MAPPING_LAYERS,
            residual=False,
            penalties=R1(R1_WEIGHT, R1_INTERVAL),
        ),
        _common.read(args, DATASET, avatars.IMAGE_SHAPE, "train"),
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
        dataset_licence=LICENCE,
        pictures={"style_mixing.png": mixed},
    )


if __name__ == "__main__":
    main()
