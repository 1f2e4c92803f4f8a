"""The self-attention GAN."""

import keras

from zoo.models.gan import GAN
from zoo.nets import spectral
from zoo.nets.options import Count, Flag


@keras.saving.register_keras_serializable(package="zoo")
class SAGAN(GAN):
    """Self-attention GAN (Zhang et al. 2019), for images with sides divisible by 4.

    Both networks have a self-attention layer at half of the full resolution. Both have spectral normalization, except
    for a generator with `residual=False`. They minimize the hinge loss (eq. 4) of logits l,

        L_D = E[max(0, 1 - l(x))] + E[max(0, 1 + l(G(z)))],    L_G = -E[l(G(z))].

    Adam(beta_1=0, beta_2=0.9) has a learning rate of 1e-4 for the generator and 4e-4 for the discriminator, which
    therefore needs only one step per generator step. `num_classes` makes the model conditional.

    Args:
        latent_dim: int, at least 1. Size of the latent vector. Defaults to 128.
        **arguments: those of `GAN`, where `objective` defaults to `"hinge"`; network options are those of
            `SAGAN.default_networks`.

    Raises:
        InputError: As for `GAN`, or sides are not divisible by 4.

    Example:

    ```python
    import zoo

    model = zoo.SAGAN((32, 32, 3), num_classes=10)
    model.compile()
    model.fit(images, labels, epochs=20)  # uint8 (n, 32, 32, 3), integers (n,)
    threes = model.generate(16, labels=3, seed=0)
    ```
    """

    def __init__(self, image_shape, latent_dim=128, *, objective="hinge", **arguments):
        super().__init__(image_shape, latent_dim, objective=objective, **arguments)

    @staticmethod
    def default_networks(
        image_shape,
        latent_dim,
        filters: Count = 32,
        stages: Count | None = None,
        residual: Flag = True,
        num_classes=None,
    ):
        """Residual networks with `filters` features at full resolution, or DCGAN networks with as many at half of it.

        `stages` is the number of times that the image is halved; by default down to 4 pixels or an odd side.
        `residual=False` selects the DCGAN networks. They take a quarter of the time and learn layouts sooner, because
        their discriminator does not sum over pixels.
        """
        return spectral.networks(
            image_shape,
            latent_dim,
            filters,
            stages,
            residual,
            generator_norm=True,
            num_classes=num_classes,
            attention=True,
        )

    @staticmethod
    def default_optimizers():
        """Returns Adam(1e-4, beta_1=0, beta_2=0.9) and Adam(4e-4, beta_1=0, beta_2=0.9)."""
        return keras.optimizers.Adam(1e-4, beta_1=0.0, beta_2=0.9), keras.optimizers.Adam(4e-4, beta_1=0.0, beta_2=0.9)
