"""ProjectedGAN: discriminators that judge images by frozen features of an ImageNet network."""

import keras
from keras import ops

from zoo.errors import check_image_shape
from zoo.models.gan import GAN
from zoo.nets import projected
from zoo.nets.efficientnet_lite import LITE0
from zoo.nets.options import Count
from zoo.nets.shapes import check_takes
from zoo.training.frozen_features import FrozenFeatures


@keras.saving.register_keras_serializable(package="zoo")
class ProjectedGAN(GAN):
    """GAN whose discriminators see random projections of frozen features (Sauer et al. 2021).

    Four discriminators D_l, one for each scale of the features P_l of EfficientNet-Lite0, play against a light
    generator (Liu et al. 2021). With the hinge objective (eq. 3)

        max_D  sum_l  E[min(0, D_l(P_l(x)) - 1)] + E[min(0, -D_l(P_l(G(z))) - 1)],
        max_G  sum_l  E[D_l(P_l(G(z)))].

    The features know what photographs look like, so that photographs are learned in a fraction of the usual time. They
    help little with flat drawings. Since the generator is trained on this network, `zoo evaluate` judges it by another.

    Args:
        image_shape: `(height, width, channels)`, height and width divisible by 4, 1 or 3 channels.
        latent_dim: int, at least 1. Size of the latent vector. Defaults to 128.
        objective: as for `GAN`. Defaults to `"hinge"`.
        augmentation: as for `GAN`. Defaults to `"diff_augment"`.
        **arguments: those of `GAN`. The default networks' options are those of `ProjectedGAN.default_networks`. A
            discriminator of one's own takes a dict of the features `scale_0` to `scale_3`, the finest first.

    Raises:
        InputError: As for `GAN`, or sides are not divisible by 4.

    Example:

    ```python
    import zoo

    model = zoo.ProjectedGAN((64, 64, 3))
    model.compile()
    model.fit("my_photographs/", epochs=100, batch_size=32)
    new_images = model.generate(16, seed=0)
    ```
    """

    #: Feature networks that never judge what the generator draws.
    trained_on_features = (LITE0,)

    def __init__(self, image_shape, latent_dim=128, *, objective="hinge", augmentation="diff_augment", **arguments):
        self.frozen_features = FrozenFeatures(check_image_shape(image_shape))
        super().__init__(image_shape, latent_dim, objective=objective, augmentation=augmentation, **arguments)

    @staticmethod
    def default_networks(
        image_shape,
        latent_dim,
        filters: Count = 24,
        discriminator_filters: Count = 96,
        mixed_channels: Count = 64,
        *,
        num_classes=None,
    ):
        """A generator with `filters` features at full resolution, and discriminators of `discriminator_filters`.

        `mixed_channels` is the number of channels of each random projection.
        """
        return (
            projected.generator(image_shape, latent_dim, filters, num_classes),
            projected.discriminator(
                image_shape, FrozenFeatures(image_shape).shapes, discriminator_filters, mixed_channels, num_classes
            ),
            {
                "filters": filters,
                "discriminator_filters": discriminator_filters,
                "mixed_channels": mixed_channels,
            },
        )

    @staticmethod
    def default_optimizers():
        """Returns Adam(2e-4, beta_1=0, beta_2=0.99) for both networks."""
        return keras.optimizers.Adam(2e-4, 0.0, 0.99), keras.optimizers.Adam(2e-4, 0.0, 0.99)

    def discriminator_inputs(self, images, batch):
        scales = {f"scale_{index}": values for index, values in enumerate(self.frozen_features(images))}
        inputs = {"images": images, **scales}
        return inputs if self.is_unconditional else {**inputs, "labels": ops.cast(batch["labels"], "int32")}

    def _check_discriminator(self):
        scales = {f"scale_{index}": shape for index, shape in enumerate(self.frozen_features.shapes)}
        labels = {} if self.is_unconditional else {"labels": ()}
        check_takes("discriminator", self.discriminator, {"images": self.image_shape, **scales, **labels})
