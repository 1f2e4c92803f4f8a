"""
Enlarge photographs
===================

`srgan_photo_x4` makes a photograph four times as wide and as high, and draws the texture that is missing.
"""

# %%
# A photograph
# ------------
# This one comes with Matplotlib: Grace Hopper, by the US Navy, in the public domain. A part of it, shrunk to a quarter,
# stands for a small photograph. With one of your own, `zoo.images.read_picture("photo.jpg")` is all that it takes.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import cbook
from PIL import Image

import zoo

with cbook.get_sample_data("grace_hopper.jpg") as file:
    original = np.array(Image.open(file))[20:308, 120:408]
small = np.array(Image.fromarray(original).resize((72, 72), Image.Resampling.BICUBIC))


def show(**images):
    """Shows images side by side, each under its name."""
    _, axes = plt.subplots(1, len(images), figsize=(9, 3.4))
    for axis, (name, image) in zip(axes, images.items(), strict=True):
        axis.imshow(image)
        axis.set_title(name.replace("_", " "))
        axis.axis("off")
    plt.show()


# %%
# Enlarge it
# ----------
# `upscale` takes a photograph of any size. Large ones are enlarged part by part, without seams.

sharp = zoo.load("srgan_photo_x4")
soft = zoo.load("sr_resnet_photo_x4")
bicubic = np.array(Image.fromarray(small).resize((288, 288), Image.Resampling.BICUBIC))
enlarged = {"bicubic": bicubic, "sr_resnet": soft.upscale(small), "srgan": sharp.upscale(small)}
show(small=small, **enlarged)

# %%
# Sharp or true
# -------------
# `srgan_photo_x4` learned from a discriminator: its details look right, but are invented. `sr_resnet_photo_x4` learned
# from the error of each pixel, so it is softer and nearer to the truth, as PSNR measures it.

for name, image in enlarged.items():
    print(f"{name:10} {zoo.metrics.psnr(image[None], original[None]):.2f} dB")

# %%
# The same detail of each, larger:

eyes = np.s_[120:200, 90:190]
show(**{name: image[eyes] for name, image in enlarged.items()}, original=original[eyes])

# %%
# What it cannot do
# -----------------
# Both models learned from photographs that were shrunk without noise. Noise and the blocks of JPEG are enlarged, too.

Image.fromarray(small).save("small.jpg", quality=40)
compressed = zoo.images.read_picture("small.jpg")
show(small=compressed, srgan=sharp.upscale(compressed))

# %%
# Your own camera
# ---------------
# With pairs of small and large images, in the folders `my_pairs/A` and `my_pairs/B`, a model learns what your camera or
# scanner does to images:
#
# .. code-block:: python
#
#    soft.fine_tune("my_pairs/", steps=1000, output="my_enlarger/")
#
# On the command line, a photograph is enlarged by
#
# .. code-block:: sh
#
#    zoo upscale srgan_photo_x4 photo.jpg -o large.png
#
# :doc:`/pictures` goes on from here.
