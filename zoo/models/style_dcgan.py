"""StyleDCGAN: the networks of DCGAN, with the mapping network, styles and noise of StyleGAN."""

import keras

from zoo.errors import InputError
from zoo.models.style_gan import StyleGAN
from zoo.nets import conv, style
from zoo.nets.options import Count, CountFromZero, Flag, Share


@keras.saving.register_keras_serializable(package="zoo")
class StyleDCGAN(StyleGAN):
    """DCGAN with the mapping network, styles and noise of StyleGAN, for images with sides divisible by 4.

    A style scales and shifts features after batch normalization, where AdaIN (Karras et al. 2019, eq. 1) normalizes
    each image. With y_s and y_b made of w by a dense layer, features x become

        y_s * (x - mean over the batch) / (standard deviation over the batch) + y_b.

    Batch normalization makes training with small batches on two cores possible: these networks draw faces after 200
    steps, where those of `StyleGAN` draw blots.

    Args:
        **arguments: those of `StyleGAN`; network options are those of `StyleDCGAN.default_networks`.

    Raises:
        InputError: If an argument is out of range, or sides are not divisible by 4.

    Example:

    ```python
    import zoo

    model = zoo.StyleDCGAN((32, 32, 3), filters=16)
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 32, 32, 3)
    new_images = model.generate(16, truncation=0.7, seed=0)
    ```
    """

    @staticmethod
    def default_networks(
        image_shape,
        latent_dim,
        filters: Count = 16,
        mapping_layers: Count = 4,
        mixing_probability: Share = 0.9,
        spectral_norm: Flag = False,
        second_convolutions: CountFromZero = 0,
        discriminator_units: CountFromZero = 0,
    ):
        """Networks of `DCGAN` with `filters` features at half the resolution, up to eight times as many below.

        The generator has a style and noise at each resolution; the first style also determines the coarsest features.
        Its finest `second_convolutions` resolutions have two convolutions. The discriminator has no batch
        normalization, and spectral normalization if `spectral_norm` is set. `discriminator_units` adds a hidden layer
        of this width before its linear output.

        The mapping network has `mapping_layers` dense layers. In training, a share of `mixing_probability` of the
        images mixes the styles of two latents.
        """
        stages = conv.stages_of(image_shape)
        if second_convolutions > stages + 1:
            raise InputError(
                f"second_convolutions is {second_convolutions}, expected at most {stages + 1}, as many as there are "
                "resolutions."
            )
        synthesis = style.normalized_synthesis(image_shape, latent_dim, filters, stages, second_convolutions)
        return (
            style.style_generator(synthesis, mapping_layers, mixing_probability),
            conv.dcgan_discriminator(
                image_shape,
                filters,
                stages,
                batch_norm=False,
                spectral_norm=spectral_norm,
                hidden_units=discriminator_units,
            ),
            {
                "filters": filters,
                "mapping_layers": mapping_layers,
                "mixing_probability": mixing_probability,
                "spectral_norm": spectral_norm,
                "second_convolutions": second_convolutions,
                "discriminator_units": discriminator_units,
            },
        )
