"""BigGAN: the self-attention GAN with shared class embeddings, split latents and truncation."""

import keras

from zoo import latents as latent_vectors
from zoo.errors import check_amount
from zoo.exporting.networks import Values, drawing
from zoo.layers.truncation import truncated
from zoo.models.sagan import SAGAN
from zoo.nets import conv, resnet
from zoo.nets.options import Count
from zoo.objectives import penalties
from zoo.sampling.conditions import Amount


@keras.saving.register_keras_serializable(package="zoo")
class BigGAN(SAGAN):
    """BigGAN (Brock et al. 2019): SAGAN with shared class embeddings, split latents and orthogonal regularization.

    All generator blocks share one class embedding, and each receives its own part of the latents. The generator loss
    adds a penalty that keeps weights W near orthogonal (eq. 3),

        orthogonal_weight * sum_W |W^T W * (1 - I)|^2    (* elementwise),

    so that `generate(truncation=...)` can trade variety for fidelity. The averaged generator has averaged batch
    statistics until `update_standing_statistics` computes those of the paper. The discriminator takes two steps per
    generator step. Adam(beta_1=0, beta_2=0.999) has learning rates of 5e-5 and 2e-4.

    Args:
        latent_dim: int, at least 1. Size of the latent vector. Defaults to 120.
        orthogonal_weight: float, at least 0. Beta of the orthogonal regularization; 0 disables it. Defaults to 1e-4.
        **arguments: those of `SAGAN`, where `ema_momentum` defaults to 0.9999 and `discriminator_steps` to 2; network
            options are those of `BigGAN.default_networks`.

    Raises:
        InputError: As for `SAGAN`.

    Example:

    ```python
    import zoo

    model = zoo.BigGAN((32, 32, 3), num_classes=10)
    model.compile()
    model.fit(images, labels, epochs=20)  # uint8 (n, 32, 32, 3), integers (n,)
    threes = model.generate(16, labels=3, truncation=0.5, seed=0)
    ```
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
        check_amount(orthogonal_weight, "orthogonal_weight")
        super().__init__(
            image_shape, latent_dim, ema_momentum=ema_momentum, discriminator_steps=discriminator_steps, **arguments
        )
        self.orthogonal_weight = orthogonal_weight
        self.conditions = (*self.conditions, Amount("truncation"))

    @staticmethod
    def default_networks(
        image_shape,
        latent_dim,
        filters: Count = 32,
        stages: Count | None = None,
        class_dim: Count = 128,
        num_classes=None,
    ):
        """Residual networks with `filters` features at the full resolution and a shared class embedding of `class_dim`.

        `stages` is the number of times that the image is halved; by default down to 4 pixels or an odd side.
        """
        stages = conv.stages_of(image_shape, stages)
        shared = {"num_classes": num_classes, "attention": True}
        return (
            resnet.generator(
                image_shape,
                latent_dim,
                filters,
                stages,
                class_dim=class_dim,
                spectral_norm=True,
                **shared,
            ),
            resnet.discriminator(image_shape, filters, stages, **shared),
            {"filters": filters, "stages": stages, "class_dim": class_dim},
        )

    @staticmethod
    def default_optimizers():
        """Returns Adam(5e-5, beta_1=0, beta_2=0.999) and Adam(2e-4, beta_1=0, beta_2=0.999)."""
        return keras.optimizers.Adam(5e-5, beta_1=0.0, beta_2=0.999), keras.optimizers.Adam(
            2e-4, beta_1=0.0, beta_2=0.999
        )

    def generator_loss(self, batch, training=True):
        loss, logs = super().generator_loss(batch, training)
        if self.orthogonal_weight and training:
            kernels = [v for v in self.generator.trainable_variables if v.path.endswith("kernel")]
            loss += self.orthogonal_weight * sum(penalties.overlap(kernel) for kernel in kernels)
        return loss, {**logs, "generator_loss": loss}

    def sample(self, latents, labels=None, truncation=None):
        if truncation is not None:
            latents = latent_vectors.truncate(latents, truncation)
        return super().sample(latents, labels)

    def exported_networks(self):
        """Returns the generator with a further input, the threshold of `truncation` for each image."""
        generator = super().exported_networks()["generator"]

        def draw(latents, truncation, **labels):
            return generator.run(latents=truncated(latents, truncation[:, None]), **labels)["images"]

        return {"generator": drawing(draw, **generator.inputs, truncation=Values((), range=(0.0, None)))}

    def get_config(self):
        return {**super().get_config(), "orthogonal_weight": self.orthogonal_weight}
