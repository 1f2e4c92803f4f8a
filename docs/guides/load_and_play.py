"""
Load and play
=============

Pretrained models come with the package. Load one, draw images, choose what they show, and walk from one to another.
"""

# %%
# Draw
# ----
# `zoo.list_presets` names the models, and `zoo.load` loads one. The same seed always draws the same images.

import matplotlib.pyplot as plt

import zoo


def show(images):
    """Shows images, eight in a row."""
    plt.imshow(zoo.images.grid(images, columns=8).squeeze(), cmap="gray")
    plt.axis("off")
    plt.show()


for name in zoo.list_presets("*avatars*"):
    print(name)

faces = zoo.load("dcgan_avatars_64")
show(faces.generate(24, seed=0))

# %%
# Another seed draws other faces. The seventh image of a call is the same, however many images are drawn.

show(faces.generate(24, seed=1))

# %%
# Walk
# ----
# An image follows from its latents, a vector of random numbers. Between the latents of two faces lie other faces.

ends = zoo.latents.sample(2, faces.noise_shape, seed=7)
way = zoo.latents.interpolate(ends[:1], ends[1:], steps=8)
show(faces.generate(latents=way.reshape(-1, *faces.noise_shape)))

# %%
# Choose
# ------
# Models that learned with labels draw the class that you ask for, by number or by name.

garments = zoo.load("big_gan_fashion_mnist_28")
print(garments.class_names)
show(garments.generate(16, labels=garments.class_names[0], seed=0))

# %%
# Lower truncation makes the images more alike and more typical.

show(garments.generate(16, labels=garments.class_names[0], truncation=0.5, seed=0))

# %%
# Save
# ----
# Images are arrays of uint8. `write_png` writes a grid of them.

images = faces.generate(16, seed=0)
print(images.shape, images.dtype)
zoo.images.write_png("faces.png", zoo.images.grid(images))
