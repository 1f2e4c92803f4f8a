"""StyleGAN on avatars, with the grid of mixed styles (Karras et al. 2019, figure 3).

The shipped weights had 93 epochs in ten runs and several settings, of which this recipe holds the last.
Experiments: docs/experiments/style_gan_avatars_64.md.
"""

import _common
import numpy as np

import zoo
from zoo import latents
from zoo.datasets import avatars
from zoo.images import grid
from zoo.objectives.penalties import R1, R2

DATASET = "avatars"
LATENT_DIM, FILTERS, MAPPING_LAYERS, MIXING_PROBABILITY, SECOND_CONVOLUTIONS = 96, 48, 2, 0.5, 3
DISCRIMINATOR_UNITS = 64
PENALTY_WEIGHT, PENALTY_INTERVAL = 5.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 18, 32, (4e-4, 4e-4), (0.0, 0.99), "mixed_bfloat16"
BEGINNING = "dcgan_avatars_64"
COARSE, FINE, COARSE_LAYERS = 4, 7, 1


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
    model = zoo.StyleGAN(
        avatars.IMAGE_SHAPE,
        LATENT_DIM,
        filters=FILTERS,
        mapping_layers=MAPPING_LAYERS,
        mixing_probability=MIXING_PROBABILITY,
        residual=False,
        spectral_norm=True,
        second_convolutions=SECOND_CONVOLUTIONS,
        discriminator_units=DISCRIMINATOR_UNITS,
        objective="relativistic",
        penalties=[penalty(PENALTY_WEIGHT, PENALTY_INTERVAL) for penalty in (R1, R2)],
    )
    _common.begin_style_gan(model, zoo.load(BEGINNING))
    _common.train_gan(
        args,
        model,
        _common.read(args, DATASET, avatars.IMAGE_SHAPE, "train"),
        batch_size=BATCH_SIZE,
        learning_rates=LEARNING_RATES,
        betas=BETAS,
        dataset=DATASET,
        best=True,
        pictures={"style_mixing.png": mixed},
    )


if __name__ == "__main__":
    main()
