"""The GAN with projection discriminator."""

import keras

from zoo.errors import check_count
from zoo.models.gan import GAN
from zoo.nets import spectral
from zoo.nets.options import Count, Flag


@keras.saving.register_keras_serializable(package="zoo")
class ProjectionGAN(GAN):
    """GAN with projection discriminator (Miyato & Koyama 2018), for images with sides divisible by 4.

    The logit is a function of the image features phi(x) plus their inner product with an embedding of the label (eq.
    5):

        l(x, y) = y^T V phi(x) + psi(phi(x)).

    The generator has class-conditional batch normalization and the discriminator has spectral normalization. Both train
    with the hinge loss, five discriminator steps per generator step, and Adam(2e-4, beta_1=0, beta_2=0.9).

    Args:
        latent_dim: int, at least 1. Size of the latent vector. Defaults to 128.
        num_classes: int, at least 1. Number of classes.
        **arguments: those of `GAN`, where `objective` defaults to `"hinge"` and `discriminator_steps` to 5; network
            options are those of `ProjectionGAN.default_networks`.

    Raises:
        InputError: As for `GAN`, or sides are not divisible by 4.

    Example:

    ```python
    import zoo

    model = zoo.ProjectionGAN((32, 32, 3), num_classes=10)
    model.compile()
    model.fit(images, labels, epochs=20)  # uint8 (n, 32, 32, 3), integers (n,)
    threes = model.generate(16, labels=3, seed=0)
    ```
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
    def default_networks(
        image_shape,
        latent_dim,
        filters: Count = 32,
        stages: Count | None = None,
        residual: Flag = True,
        *,
        num_classes,
    ):
        """Residual networks with `filters` features at full resolution, or DCGAN networks with as many at half of it.

        `stages` is the number of times that the image is halved; by default down to 4 pixels or an odd side.
        `residual=False` selects the DCGAN networks.
        """
        return spectral.networks(image_shape, latent_dim, filters, stages, residual, num_classes=num_classes)

    @staticmethod
    def default_optimizers():
        """Returns Adam(2e-4, beta_1=0, beta_2=0.9) for both networks."""
        return keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9), keras.optimizers.Adam(2e-4, beta_1=0.0, beta_2=0.9)
