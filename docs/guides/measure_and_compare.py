"""
Measure and compare
===================

How near are generated images to real ones, how varied are they, and are they copies?
"""

# %%
# Look first
# ----------
# Two models of garments. Figures come after the eye, not before it.

import matplotlib.pyplot as plt
import numpy as np

import zoo
from zoo.metrics import features, kernel_distance, nearest_images, precision_recall, protocols

# sphinx_gallery_thumbnail_number = 2

names = ["wgan_gp_fashion_mnist_28", "dcgan_fashion_mnist_28"]
models = {name: zoo.load(name) for name in names}


def show(*rows):
    """Shows rows of images, one below the other."""
    plt.imshow(zoo.images.grid(np.concatenate(rows), columns=len(rows[0])).squeeze(), cmap="gray")
    plt.axis("off")
    plt.show()


show(*(model.generate(16, seed=0) for model in models.values()))

# %%
# The protocol
# ------------
# `protocols.evaluate` draws images and compares them with the test images on the features of a classifier. The zoo's
# figures are means of three seeds with 10,000 images each; this is a quick look. Fewer images make the Fréchet distance
# larger, so compare only figures of the same protocol.

quick = protocols.Size(images=1000, seeds=(0,))
figures = {name: protocols.sample_quality(model, "fashion_mnist", size=quick) for name, model in models.items()}
for name, metrics in figures.items():
    print(name)
    for key, figure in metrics.items():
        print(f"  {key:55} {figure['value']:.4g}")

# %%
# A distance near 0 is good. Precision is the share of generated images that look like real ones. Recall is the share of
# real images whose like the model draws. A model with high precision and low recall draws few things well.
#
# Your own images
# ---------------
# Features and two sets of images are all that it takes. Here the "real" images are what one model draws, and the others
# are what it draws with truncation, which trades variety for quality.

network = features.load("classifier_fashion_mnist_28")  # for photographs "efficientnet_lite0_imagenet"
gan = zoo.load("big_gan_fashion_mnist_28")
real = network(gan.generate(1000, seed=1))
truncations = (0.2, 0.4, 0.6, 0.8, 1.0)
rows = []
for truncation in truncations:
    drawn = network(gan.generate(1000, truncation=truncation, seed=2))
    rows.append([kernel_distance(drawn, real), *precision_recall(real, drawn, k=3)])

plt.figure(figsize=(6, 3))
for values, label in zip(np.transpose(rows), ("kernel distance", "precision", "recall"), strict=True):
    plt.plot(truncations, values, "o-", label=label)
plt.xlabel("truncation")
plt.legend()
plt.show()

# %%
# Copies
# ------
# A model of few images may repeat them. Set its images beside the nearest training images; here a second sample stands
# for the training images.

training = gan.generate(5000, seed=3)
samples = gan.generate(12, seed=4)
nearest, distances = nearest_images(samples, training)
show(samples, training[nearest])

# %%
# On the command line, `zoo evaluate` prints every figure with its protocol and the same figure of real images:
#
# .. code-block:: sh
#
#    zoo evaluate dcgan_fashion_mnist_28 --images 1000
#
# :doc:`/evaluating` says what each figure measures, and which network may judge which model.
