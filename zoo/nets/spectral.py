"""The networks that `ProjectionGAN` and `SAGAN` share: residual or strided ones under spectral normalization."""

from zoo.nets import conv, resnet


def networks(image_shape, latent_dim, filters, stages, residual, generator_norm=False, **shared):
    """Returns the generator, the discriminator with spectral normalization, and their options with defaults filled in.

    With `generator_norm` a residual generator has spectral normalization, too.
    """
    stages = conv.stages_of(image_shape, stages)
    if residual:
        networks = (
            resnet.generator(image_shape, latent_dim, filters, stages, spectral_norm=generator_norm, **shared),
            resnet.discriminator(image_shape, filters, stages, **shared),
        )
    else:
        networks = (
            conv.dcgan_generator(image_shape, latent_dim, filters, stages, class_norms=True, **shared),
            conv.dcgan_discriminator(
                image_shape, filters, stages, batch_norm=False, spectral_norm=True, projection=True, **shared
            ),
        )
    return *networks, {"filters": filters, "stages": stages, "residual": residual}
