"""
Publish to the Hub
==================

A model that you trained becomes a repository on the Hugging Face Hub, with a card, and anyone loads it in one line.
"""

# %%
# A preset
# --------
# What is published is a preset: the configuration, the weights and a description. It holds no code and no state of the
# optimizers. Here a pretrained model stands for one of yours.

from pathlib import Path

import matplotlib.pyplot as plt

import zoo

gan = zoo.load("dcgan_fashion_mnist_28")
plt.imshow(zoo.images.grid(gan.generate(48, seed=0), columns=16).squeeze(), cmap="gray")
plt.axis("off")
plt.show()

# %%
# The folder has three files.

gan.save_to_preset("my_gan")
for path in sorted(Path("my_gan").iterdir()):
    print(f"{path.stat().st_size:>9,}  {path.name}")

# %%
# The push
# --------
# You need an account and a token that may write, from the settings of the Hub. The client reads it from the environment
# variable `HF_TOKEN`, or from `hf auth login`. Then name your repository here. One push is one commit.

REPOSITORY = None  # "your-name/my-gan"

if REPOSITORY:
    print(gan.push_to_hub(REPOSITORY, tag="v1"))

# %%
# The card
# --------
# The push writes a card with samples, figures and three lines to use the model. On the page of the repository, add what
# others must know: where the images come from, their licence, and what the model does badly. Later pushes keep your
# text.

# %%
# Load it anywhere
# ----------------
# A tag or a commit after the `@` makes sure that it is always the same model. The files are verified before Keras reads
# them, and only classes that the zoo or you registered are loaded.

if REPOSITORY:
    theirs = zoo.load(f"hf://{REPOSITORY}@v1")
    print((theirs.generate(4, seed=0) == gan.generate(4, seed=0)).all())

# %%
# On the command line:
#
# .. code-block:: sh
#
#    zoo publish my_gan/ --repo me/my-gan
#    zoo info hf://me/my-gan
#
# :doc:`/sharing` describes private repositories, branches and the cache, and :doc:`/project/security` what a stranger's
# preset can and cannot do.
