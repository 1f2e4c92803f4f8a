"""The original GAN and its descendants: default networks, objective and optimizers over the one adversarial step."""

import keras

from zoo import latents as latent_vectors
from zoo.errors import InputError, check_count
from zoo.models.adversarial_model import AdversarialModel
from zoo.models.generative_model import check_image_shape
from zoo.nets import conv, mlp, resnet
from zoo.objectives import penalties


@keras.saving.register_keras_serializable(package="zoo")
class GAN(AdversarialModel):
    """Generative adversarial network of dense layers (Goodfellow et al. 2014).

    Args:
        image_shape: `(height, width, channels)` of the images, which lie in [-1, 1].
        latent_dim: size of the latent vector.
        generator, discriminator: functional networks to use instead of the default ones.
        objective: `"non_saturating"`, `"minimax"`, `"least_squares"`, `"wasserstein"`, `"hinge"`, or an instance.
        penalties: on the discriminator: `"r1"`, `"gradient_penalty"`, `"weight_clipping"`, an instance, or a list.
        augmentation: `"diff_augment"`, `"adaptive"`, an instance, or None.
        num_classes: how many classes the labels name, or None for a model without labels.
        class_names: their names, for `generate`, or None.
        ema_momentum: of the averaged generator that `generate` uses.
        discriminator_steps: discriminator updates for each of the generator.
        name, dtype: as for every Keras model.
        **network_options: those of `default_networks`.

    Raises:
        InputError: an argument out of range, or arguments that do not go together.
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
        penalties=(),
        augmentation=None,
        num_classes=None,
        class_names=None,
        ema_momentum=0.999,
        discriminator_steps=1,
        name=None,
        dtype=None,
        **network_options,
    ):
        image_shape, latent_dim = check_image_shape(image_shape), check_count(latent_dim, "latent_dim")
        networks, described = self._choose_networks(
            {"generator": generator, "discriminator": discriminator},
            image_shape,
            latent_dim,
            dtype,
            network_options,
            None if num_classes is None else check_count(num_classes, "num_classes"),
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
            penalties=penalties,
            augmentation=augmentation,
            num_classes=num_classes,
            class_names=class_names,
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
    def default_networks(
        image_shape, latent_dim, filters=64, stages=None, discriminator_batch_norm=True, num_classes=None
    ):
        """Strided convolutions, `filters` wide at the finest hidden resolution.

        `stages` is how often the image is halved, by default down to 4 pixels or an odd side.
        `discriminator_batch_norm` off is for gradient penalties.
        """
        stages = stages or conv.default_stages(image_shape)
        return (
            conv.dcgan_generator(image_shape, latent_dim, filters, stages, num_classes),
            conv.dcgan_discriminator(image_shape, filters, stages, discriminator_batch_norm, num_classes),
            {"filters": filters, "stages": stages, "discriminator_batch_norm": discriminator_batch_norm},
        )


@keras.saving.register_keras_serializable(package="zoo")
class WGAN(DCGAN):
    """Wasserstein GAN (Arjovsky et al. 2017, algorithm 1): a critic with clipped weights instead of a discriminator.

    The critic takes five steps for each of the generator, and both RMSprop of the rate 5e-5. Arguments are those of
    `DCGAN`.
    """

    def __init__(
        self,
        image_shape,
        latent_dim=100,
        *,
        objective="wasserstein",
        penalties="weight_clipping",
        discriminator_steps=5,
        **arguments,
    ):
        super().__init__(
            image_shape,
            latent_dim,
            objective=objective,
            penalties=penalties,
            discriminator_steps=discriminator_steps,
            **arguments,
        )

    @staticmethod
    def default_networks(
        image_shape, latent_dim, filters=64, stages=None, discriminator_batch_norm=False, num_classes=None
    ):
        """Those of `DCGAN`, with a critic that has no batch norm unless asked for."""
        return DCGAN.default_networks(image_shape, latent_dim, filters, stages, discriminator_batch_norm, num_classes)

    @staticmethod
    def default_optimizers():
        return keras.optimizers.RMSprop(5e-5), keras.optimizers.RMSprop(5e-5)


@keras.saving.register_keras_serializable(package="zoo")
class WGANGP(WGAN):
    """WGAN with gradient penalty (Gulrajani et al. 2017, algorithm 1), and Adam of the rate 1e-4 and betas 0 and 0.9.

    Arguments are those of `DCGAN`.
    """

    def __init__(self, image_shape, latent_dim=100, *, penalties="gradient_penalty", **arguments):
        super().__init__(image_shape, latent_dim, penalties=penalties, **arguments)

    @staticmethod
    def default_optimizers():
        return _adam(1e-4), _adam(1e-4)


@keras.saving.register_keras_serializable(package="zoo")
class ConditionalGAN(DCGAN):
    """Conditional GAN (Mirza & Osindero 2014, eq. 2): both networks are given the label, here as learned embeddings.

    Arguments are those of `DCGAN`, of which `num_classes` is needed.
    """

    def __init__(self, image_shape, latent_dim=100, *, num_classes, **arguments):
        num_classes = check_count(num_classes, "num_classes")
        super().__init__(image_shape, latent_dim, num_classes=num_classes, **arguments)


@keras.saving.register_keras_serializable(package="zoo")
class ProjectionGAN(GAN):
    """GAN with projection discriminator (Miyato & Koyama 2018), for images whose sides are divisible by 4.

    The generator has class-conditional batch norm and the discriminator spectral normalization; the objective is the
    hinge loss, with five steps of the discriminator for each of the generator and Adam of the rate 2e-4 and betas 0 and
    0.9. Arguments are those of `GAN`, of which `num_classes` is needed; the network options are those of
    `default_networks` here.
    """

    def __init__(
        self, image_shape, latent_dim=128, *, num_classes, objective="hinge", discriminator_steps=5, **arguments
    ):
        super().__init__(
            image_shape,
            latent_dim,
            num_classes=check_count(num_classes, "num_classes"),
            objective=objective,
            discriminator_steps=discriminator_steps,
            **arguments,
        )

    @staticmethod
    def default_networks(image_shape, latent_dim, filters=32, stages=None, *, num_classes):
        """Residual networks, `filters` wide at the full resolution.

        `stages` is how often the image is halved, by default down to 4 pixels or an odd side.
        """
        stages = stages or conv.default_stages(image_shape)
        return (
            resnet.generator(image_shape, latent_dim, filters, stages, num_classes=num_classes),
            resnet.discriminator(image_shape, filters, stages, num_classes=num_classes),
            {"filters": filters, "stages": stages},
        )

    @staticmethod
    def default_optimizers():
        return _adam(2e-4), _adam(2e-4)


@keras.saving.register_keras_serializable(package="zoo")
class SAGAN(GAN):
    """Self-attention GAN (Zhang et al. 2019), for images whose sides are divisible by 4.

    Both networks have self-attention at half of the full resolution, and spectral normalization; the objective is the
    hinge loss. Adam of betas 0 and 0.9 has the rate 1e-4 for the generator and 4e-4 for the discriminator, which so
    needs one step only. `num_classes` makes it conditional. Arguments are those of `GAN`; the network options are those
    of `default_networks` here.
    """

    def __init__(self, image_shape, latent_dim=128, *, objective="hinge", **arguments):
        super().__init__(image_shape, latent_dim, objective=objective, **arguments)

    @staticmethod
    def default_networks(image_shape, latent_dim, filters=32, stages=None, num_classes=None):
        """Residual networks, `filters` wide at the full resolution.

        `stages` is how often the image is halved, by default down to 4 pixels or an odd side.
        """
        stages = stages or conv.default_stages(image_shape)
        shared = {"num_classes": num_classes, "attention": True}
        return (
            resnet.generator(image_shape, latent_dim, filters, stages, spectral_norm=True, **shared),
            resnet.discriminator(image_shape, filters, stages, **shared),
            {"filters": filters, "stages": stages},
        )

    @staticmethod
    def default_optimizers():
        return _adam(1e-4), _adam(4e-4)


@keras.saving.register_keras_serializable(package="zoo")
class BigGAN(SAGAN):
    """BigGAN (Brock et al. 2019), at any size: what it adds to SAGAN.

    Blocks of the generator share one embedding of the class and each have a part of the latents; its weights are kept
    orthogonal by a penalty, so that `generate(truncation=...)` draws images of less variety and more fidelity. The
    average has averaged batch statistics, which spares the paper's standing statistics. The discriminator takes two
    steps for each of the generator; Adam of betas 0 and 0.999 has the rates 5e-5 and 2e-4.

    Args:
        orthogonal_weight: beta of the orthogonal regularization (eq. 3); 0 leaves it out.
        Others: as for `SAGAN`; the network options are those of `default_networks` here.
    """

    averages_statistics = True

    def __init__(
        self,
        image_shape,
        latent_dim=120,
        *,
        orthogonal_weight=1e-4,
        ema_momentum=0.9999,
        discriminator_steps=2,
        **arguments,
    ):
        if orthogonal_weight < 0:
            raise InputError(f"orthogonal_weight is {orthogonal_weight!r}, expected a number of at least 0.")
        super().__init__(
            image_shape, latent_dim, ema_momentum=ema_momentum, discriminator_steps=discriminator_steps, **arguments
        )
        self.orthogonal_weight = orthogonal_weight

    @staticmethod
    def default_networks(image_shape, latent_dim, filters=32, stages=None, class_dim=128, num_classes=None):
        """Residual networks, `filters` wide at the full resolution; `class_dim` is the length of the shared embedding.

        `stages` is how often the image is halved, by default down to 4 pixels or an odd side.
        """
        stages = stages or conv.default_stages(image_shape)
        shared = {"num_classes": num_classes, "attention": True}
        return (
            resnet.generator(
                image_shape,
                latent_dim,
                filters,
                stages,
                class_dim=class_dim,
                skip_latents=True,
                spectral_norm=True,
                **shared,
            ),
            resnet.discriminator(image_shape, filters, stages, **shared),
            {"filters": filters, "stages": stages, "class_dim": class_dim},
        )

    @staticmethod
    def default_optimizers():
        return _adam(5e-5, 0.999), _adam(2e-4, 0.999)

    def generator_loss(self, batch):
        loss, logs = super().generator_loss(batch)
        if self.orthogonal_weight:
            kernels = [v for v in self.generator.trainable_variables if v.path.endswith("kernel")]
            loss += self.orthogonal_weight * sum(penalties.overlap(kernel) for kernel in kernels)
        return loss, {**logs, "generator_loss": loss}

    @property
    def generate_arguments(self):
        return (*super().generate_arguments, "truncation")

    def _generate_batch(self, latents, labels=None, truncation=None):
        if truncation is not None:
            latents = latent_vectors.truncate(latents, truncation)
        return super()._generate_batch(latents, labels)

    def get_config(self):
        return {**super().get_config(), "orthogonal_weight": self.orthogonal_weight}


def _adam(rate, beta_2=0.9):
    return keras.optimizers.Adam(rate, beta_1=0.0, beta_2=beta_2)
