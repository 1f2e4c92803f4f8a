"""
Edit faces
==========

Add a smile, take glasses off, tilt a head: attributes are directions in the latents of an autoencoder.
"""

# %%
# Encode and decode
# -----------------
# `beta_vae_avatars_64` encodes a face as a vector, its latents, and decodes latents as a face.

import matplotlib.pyplot as plt
import numpy as np

import zoo
from zoo import latents

# sphinx_gallery_thumbnail_number = 2

editor = zoo.load("beta_vae_avatars_64")
faces = zoo.load("style_dcgan_avatars_64").generate(8, seed=3)  # or `zoo.data.read("my_faces/", (64, 64, 3)).images`


def show(*rows):
    """Shows rows of images, one below the other."""
    plt.imshow(zoo.images.grid(np.concatenate(rows), columns=len(rows[0])))
    plt.axis("off")
    plt.show()


means, log_variances = editor.encode(faces)
show(faces, editor.decode(means))

# %%
# One attribute
# -------------
# `edit` moves the latents along an attribute. What a smile changes depends on the rest of the face, so each face has a
# direction of its own.

print(editor.attributes)
show(*(editor.edit(faces, "smile", amount=amount) for amount in (-1, 0, 1)))

# %%
# A decoded face is softer than the face itself. `keep_details` adds the change to the original instead.

show(faces, editor.edit(faces, "smile", amount=1, keep_details=True))

# %%
# Kept details stay where they were, so a tilt needs the decoded face.

show(*(editor.edit(faces, "rotation", amount=amount) for amount in (-0.6, 0, 0.6)))

# %%
# Glasses are the weak point: where they are taken off, thin traces remain, and some eyebrows change.

show(faces, *(editor.edit(faces, "glasses", amount=amount, keep_details=True) for amount in (1, -1)))

# %%
# An attribute of your own
# ------------------------
# `learn_attribute` finds a direction in examples with and without something. Here this is a warm background, which the
# colour of a corner tells. For most attributes a person has to say which examples have it.

examples = zoo.load("style_dcgan_avatars_64").generate(600, seed=5)
corners = examples[:, 2, 2].astype(int)
editor.learn_attribute("warm_background", examples, corners[:, 0] > corners[:, 2])
show(*(editor.edit(faces, "warm_background", amount=amount) for amount in (-1, 0, 1)))

# %%
# Between two faces
# -----------------
# Latents of faces can be mixed. `interpolate` walks from one to another.

show(*(editor.decode(latents.interpolate(means[i], means[i + 1], 8)) for i in (0, 2, 4)))

# %%
# Mix styles
# ----------
# A generator with styles takes each layer's style from another face: here poses and shapes come from the first column,
# tones from the first row.

style_gan = zoo.load("style_dcgan_avatars_64")
coarse, fine = (latents.sample(number, style_gan.noise_shape, seed=number) for number in (3, 7))
mixed = style_gan.mix_styles(coarse, fine, at_layer=1)
corner = np.full_like(faces[:1], 255)
columns = style_gan.generate(latents=coarse)
show(
    np.concatenate([corner, style_gan.generate(latents=fine)]),
    *(np.concatenate([columns[i : i + 1], mixed[i]]) for i in range(len(coarse))),
)

# %%
# On the command line, one picture at a time:
#
# .. code-block:: sh
#
#    zoo edit beta_vae_avatars_64 --image face.png --attribute smile --amount 1 --keep-details -o smiling.png
#
# :doc:`/editing` has more, such as the arithmetic of latents and the latents of a given image.
