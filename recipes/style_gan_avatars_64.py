"""StyleGAN on avatars, with the grid of mixed styles (Karras et al. 2019, figure 3).

The networks and objective of `dcgan_avatars_64`, with styles and noise in the generator, and the weights that it had
after 15 epochs to begin with. How strong new styles are at first decides: at full strength they throw the distance to
training images up to 126, which is 16 after an epoch, at half of it to 51 and 10. Without any it is 18 and 9, but then
styles hardly learn to change anything: after an epoch they moved scales by 0.004. Trained from nothing by the
non-saturating objective the distance stayed at 15 from the fifth of nine epochs on, while the discriminator got ahead.

Why features are normalized over the batch: 600 steps from nothing led to a distance of 38 without styles and noise, of
45 with styles, of 60 where the norm was that of each image (AdaIN, 2019), of 48 with noise and half of the images mixed
besides; with all but a tenth mixed, 400 steps led to 75 instead of 58.

The first ten epochs had penalties of weight 1. From there, 300 steps at full rates led to a distance (to 5,000 training
images) of 5.9 at a weight of 0.2, of 5.5 at 1, of 4.8 at 3 and at 10. The last six of 18 epochs were begun as a run of
four, which was resumed as one of six when two were over, so that the rates stayed higher for longer.

After 18 epochs the discriminator got spectral normalization, with which that of `sagan_avatars_64` never got ahead and
a step takes four fifths of the time, and the kernels of the generator their small scale back: as large as they had
grown, they moved so little that 240 steps made nothing better. 16 began so, after each of which the distance of 2,000
samples to the training images was 9.1, 6.9, 7.8, 5.9, 5.0, 5.2, 4.7, 4.2, 4.1, 4.2, 3.4, 3.6, 3.4, 3.3, 3.3 and 3.3 (to
5,000, 3.6 before). Then came 18 at the same rates: 7.4, 7.0, 6.4, 6.2, 4.7, 4.9, 4.7, 4.0, 3.7, 3.7, 3.5, 3.3, 3.1,
3.1, 3.1, 2.9, 3.0 and 3.0; and 18 more: 8.3, 6.6, 6.3, 5.6, 4.8, 4.6, 4.5, 3.7, 3.8, 3.6, 3.0, 3.1, 3.0, 2.8, 2.9, 2.8,
2.8 and 2.8. A standard deviation over the batch as one more feature of the discriminator (Karras et al. 2018) made
nothing better.

By then its outputs on generated and real images, those it never saw included, lay two standard deviations apart, so
that it was the generator that lacked means. 400 steps at a seventh of the rates, with penalties of 0.2, 1 and 20 or
with batches twice as large, and averages with the weights of the cycle before made nothing better. The three finest
resolutions got second convolutions, which first add nothing, and 16 epochs led through 8.9, 8.4, 7.7, 6.6, 7.0, 5.3,
4.1, 4.0, 3.2, 3.2, 2.9, 2.8, 2.6, 2.7, 2.8 and 2.7. 18 more at the same rates (2.9 at the end), and ten with 32
features at the full resolution and a mapping of 256 units at the rate of all (2.75), were left out.

Half of what was left was in what a linear map makes of the attributes that are read off: those of samples depended on
one another, the mean square contingency of hair style with colour of clothes, eyebrows and eyes was 0.117, 0.047 and
0.045, of real images 0. On the discriminator's last features a linear end tells real images drawn to have such a
dependence from others by an area under the curve of 0.59, one of hidden layers by 0.70. So it got one besides, and
seven epochs at a rate of 4e-4 for both networks, where all before had 4e-3 and 1e-3, led through 2.8, 2.6, 2.6, 2.6,
2.5, 2.5 and 2.5: 5,120 samples are at 2.09 where they were at 2.32, and depend by 0.112, 0.023 and 0.024.
"""

import zoo
import zoo.training.run as run
from zoo.datasets import avatars
from zoo.objectives.penalties import R1, R2
from zoo.training.warm_start import warm_start_style_gan

DATASET = "avatars"
LATENT_DIM, FILTERS, MAPPING_LAYERS, MIXING_PROBABILITY, SECOND_CONVOLUTIONS = 96, 48, 2, 0.5, 3
DISCRIMINATOR_UNITS = 64
PENALTY_WEIGHT, PENALTY_INTERVAL = 5.0, 8
EPOCHS, BATCH_SIZE, LEARNING_RATES, BETAS, PRECISION = 18, 32, (4e-4, 4e-4), (0.0, 0.99), "mixed_bfloat16"
BEGINNING = "dcgan_avatars_64"
REPRODUCIBLE = False
NOT_REPRODUCIBLE_BECAUSE = (
    "the training had ten runs in several settings, of which the recipe holds only the last, and began with "
    "the weights that dcgan_avatars_64 had after 15 of its 31 epochs, which are no longer shipped."
)


def build():
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
    warm_start_style_gan(model, zoo.load(BEGINNING))
    return model


def main():
    recipe = run.recipe(__file__, DATASET, EPOCHS, PRECISION, not_reproducible_because=NOT_REPRODUCIBLE_BECAUSE)
    train = recipe.read(avatars.IMAGE_SHAPE)
    model = build()
    metrics = [run.distance_to_train(recipe, model)]
    stage = run.Stage(train, recipe.epochs, BATCH_SIZE, LEARNING_RATES, BETAS, metrics=metrics, best_by=run.DISTANCE)
    run.train(recipe, model, [stage])
    run.finish(recipe, model, train, pictures={"style_mixing.png": run.style_mixing})


if __name__ == "__main__":
    main()
