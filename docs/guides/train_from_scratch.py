"""
Train from scratch and watch it
===============================

A GAN learns the capital letters of twelve fonts in about a minute. Watch its samples, its losses and a figure while it
learns.
"""

# %%
# The images
# ----------
# `fit` takes folders, arrays and names of data sets. These are arrays, with a class for each letter.

import string
from pathlib import Path

import keras
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import zoo
from zoo import callbacks
from zoo.metrics import features, kernel_distance

# sphinx_gallery_thumbnail_number = -2

letters = list(string.ascii_uppercase)
fonts = [
    ImageFont.truetype(str(path), size)
    for path in sorted(Path(matplotlib.get_data_path(), "fonts", "ttf").glob("DejaVuS[ae]*.ttf"))
    for size in (20, 22, 24)
    if "Display" not in path.name
]


def drawn(letter, font):
    """Returns a letter as an image, light on dark."""
    image = Image.new("L", (28, 28))
    ImageDraw.Draw(image).text((14, 14), letter, "white", font, anchor="mm")
    return np.array(image)[..., None]


def show(images, columns=26):
    """Shows images in rows."""
    plt.imshow(zoo.images.grid(images, columns).squeeze(), cmap="gray")
    plt.axis("off")
    plt.show()


images = np.stack([drawn(letter, font) for font in fonts for letter in letters])
labels = np.tile(np.arange(26), len(fonts))
print(images.shape)
show(images[: 26 * 6])

# %%
# The model
# ---------
# Any class of the zoo takes the shape of the images. With `num_classes`, both networks see the labels. The penalty R1
# keeps the discriminator smooth. Without it, the discriminator soon knows these few images by heart.

gan = zoo.DCGAN(
    (28, 28, 1),
    latent_dim=32,
    filters=32,
    discriminator_batch_norm=False,
    penalties="r1",
    ema_momentum=0.99,
    num_classes=26,
    class_names=letters,
)
gan.compile(
    keras.optimizers.Adam(4e-3, beta_1=0, beta_2=0.99),
    keras.optimizers.Adam(1e-3, beta_1=0, beta_2=0.99),
)

# %%
# Watch it
# --------
# Callbacks draw a grid after each epoch, write all logs into a file, and follow a figure of your own. This one compares
# samples with the letters on the features of a small classifier. The losses of a GAN say little about its images.

network = features.load("classifier_mnist_28")
real = network(images)


def distance(model):
    return kernel_distance(network(model.generate(256, seed=0)), real)


history = gan.fit(
    images,
    labels,
    batch_size=32,
    epochs=24,
    callbacks=[
        callbacks.SampleGrid("grids", num_samples=25),
        callbacks.SampleMetric("kernel_distance", distance, every=2),
        callbacks.CSVLogger("training.csv"),
    ],
)

# %%
# Each epoch has a grid, always of the same seeds.

for path in sorted(Path("grids").glob("*.png"))[3::8]:
    plt.imshow(Image.open(path), cmap="gray")
    plt.title(path.stem)
    plt.axis("off")
    plt.show()

# %%
# The losses stay where they are, while the images get better.

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
left.plot(history.history["discriminator_loss"], label="discriminator")
left.plot(history.history["generator_loss"], label="generator")
left.set(xlabel="epoch", title="losses")
left.legend()
right.plot(history.history["kernel_distance"], "o")  # NaN after epochs that it skips
right.set(xlabel="epoch", title="kernel distance")
plt.show()

# %%
# Draw
# ----
# `generate` draws with averaged weights. Batch normalization works best with statistics that were measured with these
# weights, so measure them once at the end.

gan.update_standing_statistics(zoo.data.dataset((images, labels), (28, 28, 1), batch_size=32))
show(gan.generate(26 * 4, labels=letters * 4, seed=0))

# %%
# Keep it
# -------
# A preset holds what is needed to draw and to train on.

gan.save_to_preset("my_letters")
show(zoo.load("my_letters").generate(26, labels="Q", seed=1))

# %%
# With `callbacks.BackupAndRestore("backup")`, a training that is killed continues exactly where it was. `zoo train` on
# the command line does all of this. :doc:`/training` goes on from here.
