"""Autoencoders with a prior: the stage of the autoencoder, and then that of the prior."""

import dataclasses

from zoo import callbacks
from zoo.metrics import psnr
from zoo.training.pictures import reconstructions
from zoo.training.run.stages import Stage


@dataclasses.dataclass(kw_only=True)
class PriorStage(Stage):
    """The training of a prior on what a trained autoencoder encodes; it draws grids with the whole model.

    Attributes:
        prior: dict of arguments of `build_prior`; default none.

    Example:

    ```python
    run.PriorStage(images, epochs=8, batch_size=64, learning_rate=1e-3, name="prior", prior={"filters": 64})
    ```
    """

    prior: dict = dataclasses.field(default_factory=dict)

    def begin(self, model, seed):
        model.build_prior(**self.prior)
        if self.draw is None:
            self.draw = lambda: model.generate(64, seed=seed)
        return model.prior, self.of_length(model.prior_dataset(self.images, batch_size=self.batch_size))


def autoencoder_stage(model, train, validation, epochs, batch_size, learning_rate):
    """Returns the stage of an autoencoder with a prior itself, which watches the PSNR of validation images.

    Args:
        model: the `zoo.VQVAE` or `zoo.LatentFlow` that is trained.
        train, validation: `zoo.data.ImageSet`.
        epochs, batch_size, learning_rate: as for `Stage`.

    Example:

    ```python
    autoencoder = run.autoencoder_stage(vq_vae, train, validation, 20, 64, 1e-3)
    prior = run.prior_stage(vq_vae, train, validation, 20, 64, 1e-3, {"filters": 64})
    run.train(trial, vq_vae, [autoencoder, prior])
    ```
    """
    images = validation.images
    return Stage(
        train,
        epochs,
        batch_size,
        learning_rate,
        name="autoencoder",
        metrics=[callbacks.SampleMetric("val_psnr", lambda _: psnr(images, model.reconstruct(images)))],
        draw=lambda: reconstructions(model, images[:32]),
    )


def prior_stage(model, train, validation, epochs, batch_size, learning_rate, prior):
    """Returns the stage of the prior of a `zoo.VQVAE`, which watches the bits that the codes of validation images take.

    Args:
        model: the `zoo.VQVAE` that is trained.
        train, validation: `zoo.data.ImageSet`, with labels if the prior has classes.
        epochs, batch_size, learning_rate: as for `Stage`.
        prior: dict of arguments of `build_prior`.
    """
    images, labels = validation.images, validation.labels if prior.get("num_classes") else None
    bits = callbacks.SampleMetric("val_bits", lambda _: model.bits_per_image(images, labels).mean())
    return PriorStage(train, epochs, batch_size, learning_rate, name="prior", metrics=[bits], prior=prior)
