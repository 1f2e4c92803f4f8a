"""The original GAN and its convolutional descendants: default networks over the one adversarial step."""

import keras

from zoo.errors import check_count
from zoo.models.adversarial_model import AdversarialModel
from zoo.models.generative_model import check_image_shape
from zoo.nets import conv, mlp


@keras.saving.register_keras_serializable(package="zoo")
class GAN(AdversarialModel):
    """Generative adversarial network of dense layers (Goodfellow et al. 2014).

    Args:
        image_shape: `(height, width, channels)` of the images, which lie in [-1, 1].
        latent_dim: size of the latent vector.
        generator, discriminator: functional networks to use instead of the default ones.
        objective: `"non_saturating"`, `"minimax"`, or an instance with penalties.
        ema_momentum: of the averaged generator that `generate` uses.
        discriminator_steps: discriminator updates for each of the generator.
        name, dtype: as for every Keras model.
        **network_options: those of `default_networks`.

    Raises:
        InputError: an argument out of range.
    """

    network_arguments = ("generator", "discriminator")

    def __init__(
        self,
        image_shape,
        latent_dim=100,
        *,
        generator=None,
        discriminator=None,
        objective="non_saturating",
        ema_momentum=0.999,
        discriminator_steps=1,
        name=None,
        dtype=None,
        **network_options,
    ):
        image_shape, latent_dim = check_image_shape(image_shape), check_count(latent_dim, "latent_dim")
        networks, described = self._choose_networks(
            {"generator": generator, "discriminator": discriminator}, image_shape, latent_dim, dtype, network_options
        )
        super().__init__(
            image_shape,
            latent_dim,
            *networks.values(),
            objective,
            ema_momentum,
            discriminator_steps,
            name,
            dtype,
        )
        self._described_networks = described

    @staticmethod
    def default_networks(image_shape, latent_dim, hidden_units=(256, 512), dropout=0.3):
        """Dense networks of these widths, the discriminator's in reverse order and with this dropout.

        Returns:
            Generator, discriminator, and the options with their defaults filled in.
        """
        return (
            mlp.generator(image_shape, latent_dim, hidden_units),
            mlp.discriminator(image_shape, hidden_units[::-1], dropout),
            {"hidden_units": list(hidden_units), "dropout": dropout},
        )


@keras.saving.register_keras_serializable(package="zoo")
class DCGAN(GAN):
    """Deep convolutional GAN (Radford et al. 2016), for images whose sides are divisible by 4.

    Arguments are those of `GAN`; the network options are those of `default_networks` here.
    """

    @staticmethod
    def default_networks(image_shape, latent_dim, filters=64, stages=None, discriminator_batch_norm=True):
        """Strided convolutions, `filters` wide at the finest hidden resolution.

        `stages` is how often the image is halved, by default down to 4 pixels or an odd side.
        `discriminator_batch_norm` off is for gradient penalties.
        """
        stages = stages or conv.default_stages(image_shape)
        return (
            conv.dcgan_generator(image_shape, latent_dim, filters, stages),
            conv.dcgan_discriminator(image_shape, filters, stages, discriminator_batch_norm),
            {"filters": filters, "stages": stages, "discriminator_batch_norm": discriminator_batch_norm},
        )
