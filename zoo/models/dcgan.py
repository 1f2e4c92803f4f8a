"""The deep convolutional GAN, and the conditional GAN with its networks."""

import keras

from zoo.errors import check_count
from zoo.models.gan import GAN
from zoo.nets import conv
from zoo.nets.options import Count, Flag


@keras.saving.register_keras_serializable(package="zoo")
class DCGAN(GAN):
    """Deep convolutional GAN (Radford et al. 2016), for images with sides divisible by 4.

    The loss is that of `GAN`, with logits of strided convolutions (section 3):

        max_D  E[log D(x)] + E[log(1 - D(G(z)))],    max_G  E[log D(G(z))].

    Args:
        **arguments: those of `GAN`; network options are those of `DCGAN.default_networks`.

    Raises:
        InputError: As for `GAN`, or sides are not divisible by 4.

    Example:

    ```python
    import zoo

    model = zoo.DCGAN((32, 32, 3), filters=32, augmentation="diff_augment")
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 32, 32, 3)
    new_images = model.generate(16, seed=0)
    ```
    """

    @staticmethod
    def default_networks(
        image_shape,
        latent_dim,
        filters: Count = 64,
        stages: Count | None = None,
        discriminator_batch_norm: Flag = True,
        num_classes=None,
    ):
        """Strided convolutions with `filters` features at the finest hidden resolution.

        `stages` is the number of times that the image is halved; by default down to 4 pixels or an odd side. Gradient
        penalties need `discriminator_batch_norm=False`.
        """
        stages = conv.stages_of(image_shape, stages)
        return (
            conv.dcgan_generator(image_shape, latent_dim, filters, stages, num_classes),
            conv.dcgan_discriminator(image_shape, filters, stages, discriminator_batch_norm, num_classes),
            {"filters": filters, "stages": stages, "discriminator_batch_norm": discriminator_batch_norm},
        )


@keras.saving.register_keras_serializable(package="zoo")
class ConditionalGAN(DCGAN):
    """Conditional GAN (Mirza & Osindero 2014): both networks receive the label y as a learned embedding.

        min_G max_D  E[log D(x|y)] + E[log(1 - D(G(z|y)))]    (eq. 2)

    Args:
        num_classes: int, at least 1. Number of classes.
        **arguments: those of `DCGAN`.

    Raises:
        InputError: As for `DCGAN`.

    Example:

    ```python
    import zoo

    model = zoo.ConditionalGAN((32, 32, 3), num_classes=10)
    model.compile()
    model.fit(images, labels, epochs=20)  # uint8 (n, 32, 32, 3), integers (n,)
    threes = model.generate(16, labels=3, seed=0)
    ```
    """

    def __init__(self, image_shape, latent_dim=100, *, num_classes, **arguments):
        num_classes = check_count(num_classes, "num_classes")
        super().__init__(image_shape, latent_dim, num_classes=num_classes, **arguments)
