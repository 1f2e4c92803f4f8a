"""
What goes wrong in GAN training
===============================

Ways to fail, each made on purpose in a few seconds, and how the zoo tells you.
"""

# %%
# A small GAN
# -----------
# Garments that a preset draws are the training images, and the GAN is a small DCGAN.

import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np

import zoo
from zoo import callbacks
from zoo.metrics import nearest_images

# sphinx_gallery_thumbnail_number = 2

keras.utils.set_random_seed(0)
images = zoo.load("dcgan_fashion_mnist_28").generate(1000, seed=0)


def gan(generator_rate, discriminator_rate, **arguments):
    """Returns a compiled GAN."""
    model = zoo.DCGAN((28, 28, 1), 32, filters=16, discriminator_batch_norm=False, ema_momentum=0.99, **arguments)
    rates = (generator_rate, discriminator_rate)
    model.compile(*(keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.99) for rate in rates))
    return model


def train(model, images, epochs=5, batch_size=32, callbacks=None):
    """Trains a model and prints what `fit` warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        model.fit(images, batch_size=batch_size, epochs=epochs, callbacks=callbacks, verbose=0)
    for warning in caught:
        print("WARNING:", warning.message)


def show(*rows):
    """Shows rows of images, one below the other."""
    plt.imshow(zoo.images.grid(np.concatenate(rows), columns=len(rows[0])).squeeze(), cmap="gray")
    plt.axis("off")
    plt.show()


# %%
# The discriminator wins
# ----------------------
# If it tells every real image from every generated one, its gradient says nothing any more, and the generator stands
# still. Here the discriminator learns a hundred times as fast.

model = gan(1e-5, 1e-3)
train(model, images)
show(model.generate(16, seed=0))

# %%
# The generator collapses
# -----------------------
# It finds one image that passes, and draws nothing else. Here the discriminator hardly learns and never objects.
# `WarnOfModeCollapse` compares samples with the training images after each epoch.

model = gan(1e-3, 1e-6)
train(model, images, callbacks=[callbacks.WarnOfModeCollapse(images, min_steps=100)])
show(model.generate(16, seed=0))

# %%
# Gradients explode
# -----------------
# Without a bound on the critic, Wasserstein's loss grows without end. The warning comes twice: before the training, for
# the missing bound, and during it.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model = gan(1e-3, 1e-3, objective="wasserstein")
    print("WARNING:", caught[0].message)
train(model, images[:320], epochs=20)
show(model.generate(16, seed=0))

# %%
# NaN
# ---
# One step too far, and all weights are lost. `fit` stops at the first loss or gradient that is not finite, and says in
# which network it was.

model = gan(4e-3, 1e25)
try:
    train(model, images)
except zoo.errors.NonFiniteError as error:
    print("ERROR:", error)

# %%
# It learns the images by heart
# -----------------------------
# With few images, the discriminator knows them all, and what it lets pass are copies. Set samples beside the nearest
# training images. More images help, and so does `augmentation="diff_augment"`.

few = images[:8]
model = gan(4e-3, 1e-3, penalties="r1")
train(model, few, epochs=400, batch_size=8)
samples = model.generate(16, seed=0)
show(samples, few[nearest_images(samples, few)[0]])

# %%
# The images are read wrongly
# ---------------------------
# Most failures happen before the first step. What `fit` cannot train on it refuses in a sentence, with the cure.

too_large = images.astype("float32")
for wrong in (too_large, images[:, :14], images[:2]):
    try:
        model.fit(wrong, epochs=1, verbose=0)
    except zoo.errors.ZooError as error:
        print("ERROR:", error)

# %%
# What to do
# ----------
# Losses do not tell which of these it is. Pictures do, and the figures of :doc:`/auto_guides/measure_and_compare`. Look
# at a grid after every epoch (`callbacks.SampleGrid`) and keep the discriminator smooth (`penalties="r1"`). Blurred
# images mostly need more steps. For a pretrained model, `fine_tune` chooses the rates. :doc:`/training` lists all that
# `fit` watches.
