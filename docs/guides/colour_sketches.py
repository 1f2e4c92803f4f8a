"""
Colour your sketches
====================

`pix2pix_openmoji_64` fills line art with colours. Draw a few lines in any program, or by code as here.
"""

# %%
# Sketches
# --------
# The model takes black lines on white. It learned from the outlines of OpenMoji, so it knows faces, animals and fruit.
# With sketches of your own in `my_sketches/`, skip this cell.

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw

import zoo

LINE = {"outline": "black", "width": 9}
folder = Path("my_sketches")
folder.mkdir(exist_ok=True)


def head(pen):
    pen.ellipse((50, 50, 238, 238), **LINE)
    pen.ellipse((105, 110, 121, 136), fill="black")
    pen.ellipse((167, 110, 183, 136), fill="black")


def smile(pen):
    head(pen)
    pen.arc((100, 120, 188, 200), 20, 160, fill="black", width=9)


def surprise(pen):
    head(pen)
    pen.ellipse((124, 160, 164, 205), **LINE)


def cat(pen):
    head(pen)
    for left, tip, right in ((62, 60, 118), (226, 228, 170)):
        pen.line([(left, 110), (tip, 20), (right, 60)], fill="black", width=9)
    pen.polygon([(136, 160), (152, 160), (144, 172)], fill="black")


def orange(pen):
    pen.ellipse((64, 90, 224, 250), **LINE)
    pen.line((144, 95, 160, 50), fill="black", width=9)
    pen.arc((150, 40, 220, 100), 180, 330, fill="black", width=9)


def envelope(pen):
    pen.rectangle((50, 90, 238, 210), **LINE)
    pen.line([(50, 90), (144, 160), (238, 90)], fill="black", width=9)


for draw in (smile, surprise, cat, orange, envelope):
    picture = Image.new("L", (288, 288), "white")
    draw(ImageDraw.Draw(picture))
    picture.save(folder / f"{draw.__name__}.png")

# %%
# Colour them
# -----------
# `translate` returns a picture for each sketch. What the model does not know, as here an envelope, it fills with grey.


def show(*rows):
    """Shows rows of images, one below the other."""
    plt.imshow(zoo.images.grid(np.concatenate(rows), columns=len(rows[0])))
    plt.axis("off")
    plt.show()


painter = zoo.load("pix2pix_openmoji_64")
sketches = zoo.data.read(folder, painter.source_shape).images
show(np.repeat(sketches, 3, axis=-1), painter.translate(sketches))

# %%
# Other colours
# -------------
# Each sketch has one picture, but lines of another width are another sketch.

LINE["width"] = 15
picture = Image.new("L", (288, 288), "white")
orange(ImageDraw.Draw(picture))
picture.save(folder / "lemon.png")
lemon = zoo.data.read([folder / "orange.png", folder / "lemon.png"], painter.source_shape).images
show(np.repeat(lemon, 3, axis=-1), painter.translate(lemon))

# %%
# On the command line, one picture at a time:
#
# .. code-block:: sh
#
#    zoo translate pix2pix_openmoji_64 my_sketches/cat.png -o cat.png
#
# Your own style
# --------------
# The model learns another style from pairs of sketches and pictures in two folders, `my_pairs/A` and `my_pairs/B`, with
# the same names in both:
#
# .. code-block:: python
#
#    painter.fine_tune("my_pairs/", steps=1000, output="my_painter/")
#
# :doc:`/pictures` goes on from here.
