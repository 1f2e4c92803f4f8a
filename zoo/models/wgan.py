"""The Wasserstein GAN with weight clipping, and with gradient penalty."""

import keras

from zoo.models.dcgan import DCGAN
from zoo.nets.options import Count, Flag


@keras.saving.register_keras_serializable(package="zoo")
class WGAN(DCGAN):
    """Wasserstein GAN with weight clipping (Arjovsky et al. 2017, algorithm 1).

    A critic f with bounded slope replaces the discriminator (eq. 3):

        max_f  E[f(x)] - E[f(G(z))],    min_G  -E[f(G(z))].

    The critic takes five steps per generator step, and both networks use RMSprop(5e-5).

    Args:
        **arguments: those of `DCGAN`, where `objective` defaults to `"wasserstein"`, `penalties` to `"weight_clipping"`
            and `discriminator_steps` to 5.

    Raises:
        InputError: As for `DCGAN`.

    Example:

    ```python
    import zoo

    model = zoo.WGAN((32, 32, 3))
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 32, 32, 3)
    ```
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
        image_shape,
        latent_dim,
        filters: Count = 64,
        stages: Count | None = None,
        discriminator_batch_norm: Flag = False,
        num_classes=None,
    ):
        """Networks of `DCGAN`, with a critic without batch normalization by default."""
        return DCGAN.default_networks(image_shape, latent_dim, filters, stages, discriminator_batch_norm, num_classes)

    @staticmethod
    def default_optimizers():
        """Returns RMSprop(5e-5) for both networks (algorithm 1)."""
        return keras.optimizers.RMSprop(5e-5), keras.optimizers.RMSprop(5e-5)


@keras.saving.register_keras_serializable(package="zoo")
class WGANGP(WGAN):
    """WGAN with gradient penalty (Gulrajani et al. 2017, algorithm 1).

    The critic f minimizes (eq. 3), at points y between real and generated images,

        E[f(G(z))] - E[f(x)] + lambda * E[(|grad f(y)| - 1)^2].

    Both networks use Adam(1e-4, beta_1=0, beta_2=0.9).

    Args:
        **arguments: those of `WGAN`, where `penalties` defaults to `"gradient_penalty"`.

    Raises:
        InputError: As for `DCGAN`.

    Example:

    ```python
    import zoo

    model = zoo.WGANGP((32, 32, 3))
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 32, 32, 3)
    ```
    """

    def __init__(self, image_shape, latent_dim=100, *, penalties="gradient_penalty", **arguments):
        super().__init__(image_shape, latent_dim, penalties=penalties, **arguments)

    @staticmethod
    def default_optimizers():
        """Returns Adam(1e-4, beta_1=0, beta_2=0.9) for both networks (algorithm 1)."""
        return keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9), keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9)
