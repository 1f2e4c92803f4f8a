"""
Fine-tune on your own images
============================

A few hundred images are enough. One call looks at them, chooses how to train, and keeps the best weights.
"""

# %%
# The images
# ----------
# A folder of images is all that it takes. This cell draws one: letters of four scripts, which no pretrained model has
# seen. With a folder of your own, skip the cell.

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFont

import zoo

# sphinx_gallery_thumbnail_number = 3

# Armenian, Cyrillic, Georgian and Greek.
SCRIPTS = [(0x531, 0x557), (0x410, 0x450), (0x10D0, 0x10F1), (0x3B1, 0x3CA)]
FONTS = ["DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Bold"]

folder = Path("my_images")
folder.mkdir(exist_ok=True)
for font in FONTS:
    letters = ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{font}.ttf")), 22)
    for code in [code for first, end in SCRIPTS for code in range(first, end)]:
        image = Image.new("L", (28, 28), "white")
        ImageDraw.Draw(image).text((14, 14), chr(code), "black", letters, anchor="mm")
        image.save(folder / f"{font}_{code}.png")


def show(images):
    """Shows images, sixteen in a row."""
    plt.imshow(zoo.images.grid(images, columns=16).squeeze(), cmap="gray")
    plt.axis("off")
    plt.show()


images = zoo.data.read(folder, (28, 28, 1)).images
print(len(images), "images")
show(images[::8][:48])

# %%
# The model
# ---------
# Choose a preset of about the size and the kind of your images. This one draws garments, light on dark.

gan = zoo.load("dcgan_fashion_mnist_28")
show(gan.generate(32, seed=0))

# %%
# One call
# --------
# `fine_tune` says in a line each what it chose and why. Each choice is an argument, so that you can make it yourself.

result = gan.fine_tune(folder, steps=400, output="my_gan")

# %%
# These letters belong to no script.

show(gan.generate(48, seed=0))

# %%
# It measured the model on images that it had held back, ten times by the kernel distance on general features, and kept
# the weights of the best time.

plt.figure(figsize=(6, 3))
distances = result.figures["kernel_distance"]
plt.plot(distances.keys(), distances.values(), marker="o")
plt.xlabel("step")
plt.ylabel("kernel distance")
plt.show()

# %%
# Keep it
# -------
# `my_gan` is a preset, as those that come with the package are. `zoo.load` draws from it anywhere, and a second
# `fine_tune` begins where this one ended. Its card tells how it came about.

again = zoo.load("my_gan")
print(Path("my_gan/README.md").read_text()[:600])

# %%
# Elsewhere
# ---------
# The preset draws the same images under Keras' other backends, of which this shows those that are installed.

drawn = []
for backend in ("tensorflow", "jax", "torch"):
    if importlib.util.find_spec(backend):
        draw = "import numpy, zoo; numpy.save('drawn.npy', zoo.load('my_gan').generate(16, seed=0))"
        subprocess.run([sys.executable, "-c", draw], env={**os.environ, "KERAS_BACKEND": backend}, check=True)
        drawn.append(np.load("drawn.npy"))
show(np.concatenate(drawn))
print("Largest difference, of 255 grey levels:", max(np.abs(each.astype(int) - drawn[0]).max() for each in drawn))

# %%
# A training that is killed goes on when the same call is made again. On the command line, the same is
#
# .. code-block:: sh
#
#    zoo fine-tune dcgan_fashion_mnist_28 my_images/ --steps 400 -o my_gan/
#
# :doc:`/fine_tuning` lists the choices, and what they were measured on.
