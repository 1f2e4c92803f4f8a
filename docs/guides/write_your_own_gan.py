"""
Write your own GAN
==================

A GAN of your own is two networks and, if you like, a loss. Training, pictures, files and fine-tuning come with the base
class.
"""

# %%
# The images
# ----------
# Garments that a preset draws stand for yours here: a folder or an array of any images will do.

import inspect

import keras
import matplotlib.pyplot as plt
from keras import layers, ops

import zoo
from zoo.nets.options import Count

# sphinx_gallery_thumbnail_number = 3

images = zoo.load("dcgan_fashion_mnist_28").generate(2000, seed=0)


def show(images):
    """Shows images, sixteen in a row."""
    plt.imshow(zoo.images.grid(images, columns=16).squeeze(), cmap="gray")
    plt.axis("off")
    plt.show()


# %%
# Two networks
# ------------
# `default_networks` returns a generator from latents to images in [-1, 1], a discriminator from images to logits, and
# the options of both. The registered name lets Keras find the class in a file.


@keras.saving.register_keras_serializable(package="my_models")
class SmallGAN(zoo.GAN):
    """A GAN of small convolutional networks."""

    @staticmethod
    def default_networks(image_shape, latent_dim, filters: Count = 16):
        height, width, channels = image_shape
        generator = keras.Sequential(
            [
                keras.Input((latent_dim,)),
                layers.Dense(height // 4 * (width // 4) * 4 * filters, use_bias=False),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.Reshape((height // 4, width // 4, 4 * filters)),
                layers.Conv2DTranspose(2 * filters, 4, strides=2, padding="same", use_bias=False),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.Conv2DTranspose(channels, 4, strides=2, padding="same", activation="tanh", dtype="float32"),
            ]
        )
        discriminator = keras.Sequential(
            [
                keras.Input(image_shape),
                layers.Conv2D(filters, 4, strides=2, padding="same", activation="leaky_relu"),
                layers.Conv2D(2 * filters, 4, strides=2, padding="same", activation="leaky_relu"),
                layers.Flatten(),
                layers.Dense(1, dtype="float32"),
            ]
        )
        return generator, discriminator, {"filters": filters}


# %%
# It takes every objective, penalty and augmentation of the zoo, and trains on whatever `fit` reads. Ten epochs show
# shapes; details take a hundred.

ADAM = {"beta_1": 0.0, "beta_2": 0.99}
gan = SmallGAN((28, 28, 1), latent_dim=32, penalties="r1", ema_momentum=0.99)
gan.compile(keras.optimizers.Adam(4e-3, **ADAM), keras.optimizers.Adam(1e-3, **ADAM))
gan.fit(images, batch_size=32, epochs=10)
show(gan.generate(32, seed=0))

# %%
# The step
# --------
# This is the step of every GAN here, as the paper states it. `prepare` scales a batch, and each update takes one step
# down a loss. A GAN with another step overrides it.

print(inspect.getsource(zoo.GAN.train_step))

# %%
# A loss
# ------
# Mode-seeking (Mao et al. 2019) asks that different latents give different images: the generator also minimizes the
# distance of two latents over that of their images.


@keras.saving.register_keras_serializable(package="my_models")
class ModeSeekingGAN(SmallGAN):
    """Adds the mode-seeking term (Mao et al. 2019, eq. 4) to the generator's loss."""

    loss_terms = ("mode_seeking",)

    def generator_loss(self, batch, training=True):
        loss, logs = super().generator_loss(batch, training)
        first, second = self.generator_inputs(batch), self.generator_inputs(batch)
        of_images = ops.mean(ops.abs(self.generated(first, training) - self.generated(second, training)))
        mode_seeking = ops.mean(ops.abs(first - second)) / (of_images + 1e-5)
        loss += 0.1 * mode_seeking
        return loss, {**logs, "generator_loss": loss, "mode_seeking": mode_seeking}


gan = ModeSeekingGAN((28, 28, 1), latent_dim=32, penalties="r1", ema_momentum=0.99)
gan.compile(keras.optimizers.Adam(4e-3, **ADAM), keras.optimizers.Adam(1e-3, **ADAM))
history = gan.fit(images, batch_size=32, epochs=6, verbose=0)
print(history.history["mode_seeking"])
show(gan.generate(32, seed=0))

# %%
# What comes with it
# ------------------
# A preset, as those of the zoo. It holds no code: whoever loads it imports your class first.

gan.save_to_preset("my_gan")
again = zoo.load("my_gan")
print((again.generate(8, seed=1) == gan.generate(8, seed=1)).all())

# %%
# And everything else: `fine_tune`, exact resuming, the Hub, the export to ONNX. :doc:`/new_model` has models of other
# kinds, and what their `generate` can be asked for.
