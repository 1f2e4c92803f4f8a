"""Models that make an image from another one: Pix2Pix, and the base that super-resolution shares with it."""

import keras
from keras import ops

from zoo.errors import InputError, check_amount, check_image_shape
from zoo.exporting.networks import Values, drawing
from zoo.images import to_uint8
from zoo.models.adversarial_model import AdversarialModel
from zoo.nets import conv, image_to_image
from zoo.nets.options import Count, Share
from zoo.nets.shapes import check_makes, check_takes
from zoo.progress import predict_batch
from zoo.sampling.conditions import SourceImages
from zoo.training.sources import entries_of


class FromImages:
    """Base of models that make each image from a source image alone.

    They train on `(source_images, images)`, a dict of both, or a folder as `zoo.data.read_pairs` takes it.
    """

    noise_shape = (1,)
    #: Whether `translate(reverse=True)` makes source images from images.
    translates_back = False

    @property
    def source_shape(self):
        """Shape `(height, width, channels)` of the source images."""
        return self.image_shape

    def set_source_images(self, made=None):
        """Makes source images the condition of training and of `generate`.

        Args:
            made: function that makes the source images of a batch of images that holds none, or None. Defaults to None.
        """
        self.conditions = self.trained_conditions = (SourceImages(self.source_shape, made),)

    def read(self, source, split):
        from zoo import data

        paired = self.trains_on_pairs
        return self.accepted(data.read_pairs(source, self.image_shape, self.source_shape, paired=paired, split=split))

    def unpack(self, batch):
        batch, *images = entries_of(batch)
        if images:
            return {"source_images": batch, "images": images[0]}
        return batch if isinstance(batch, dict) else {"images": batch}

    def checked_inputs(self, x):
        # Only arrays are checked; other inputs are batches, or formats of a subclass.
        return self.checked_images(x, "x", self.source_shape) if hasattr(x, "__array__") else x

    def translate(self, images):
        """Translates source images to images.

        Args:
            images: uint8 or [-1, 1] source images `(n, *source_shape)`.

        Returns:
            uint8 array `(n, height, width, channels)`.

        Raises:
            InputError: If images have another shape, dtype or range.
        """
        return self.translated(self.translate_batch, images)

    def translated(self, translate, images):
        """Applies `translate`, a function of a batch, to any number of the user's source images."""
        source_images = self.checked_images(images, "images", self.source_shape)
        return to_uint8(self.in_batches(translate, {"source_images": source_images}, "translating"))

    def translate_batch(self, source_images):
        """Returns the translations of a batch of source images in [-1, 1], in the same range."""
        return predict_batch(self.ema_generator, source_images)

    @property
    def exported_image(self):
        """The source image among the inputs of exported networks."""
        return Values(self.source_shape, range=(-1.0, 1.0))

    def exported_networks(self):
        return {
            "generator": drawing(lambda image: self.ema_generator(image, training=False), image=self.exported_image)
        }

    def sample(self, noise, source_images):
        return self.translate_batch(source_images)


@keras.saving.register_keras_serializable(package="zoo")
class Pix2Pix(FromImages, AdversarialModel):
    """Translates images, learning from pairs (Isola et al. 2017).

    The discriminator sees an image next to its source image and judges patches. The generator G minimizes (eq. 4)

        adversarial loss of G(s) + l1_weight * E|x - G(s)|,

    where x is the image that belongs to the source image s. Dropout during training is the only noise, so each source
    image has one translation.

    Args:
        image_shape: `(height, width, channels)` of the images.
        source_shape: `(height, width, channels)` of the source images, of the same height and width. Defaults to
            `image_shape`.
        generator: functional network that replaces the default one, from source images to images in [-1, 1].
        discriminator: functional network that replaces the default one, from a dict of `images` and `source_images` to
            logits of any shape.
        objective, penalties, ema_momentum, discriminator_steps: as for `GAN`.
        augmentation: as for `GAN`, applied to an image and its source image together.
        l1_weight: float, at least 0. Lambda of the paper. Defaults to 100.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        **network_options: arguments of `default_networks`.

    Raises:
        InputError: If an argument is out of range, or arguments do not fit together.

    Example:

    ```python
    import zoo

    model = zoo.Pix2Pix((32, 32, 3), filters=16)
    model.compile()
    model.fit((source_images, images), batch_size=4, epochs=20)  # uint8 (n, 32, 32, 3) each
    translated = model.translate(source_images)
    ```
    """

    loss_terms = ("l1",)

    def __init__(self, image_shape, source_shape=None, *, l1_weight=100.0, **arguments):
        image_shape = check_image_shape(image_shape)
        source_shape = image_shape if source_shape is None else check_image_shape(source_shape, "source_shape")
        if source_shape[:2] != image_shape[:2]:
            raise InputError(f"source_shape is {source_shape}, expected the sides of image_shape={image_shape}.")
        check_amount(l1_weight, "l1_weight")
        super().__init__(image_shape, source_shape, **arguments)
        self._source_shape, self.l1_weight = source_shape, l1_weight
        self.set_source_images()
        check_takes("generator", self.generator, source_shape)
        check_takes("discriminator", self.discriminator, {"images": image_shape, "source_images": source_shape})
        check_makes("generator", self.generator, image_shape, f"image_shape={image_shape}")

    @staticmethod
    def default_networks(
        image_shape,
        source_shape,
        filters: Count = 64,
        stages: Count | None = None,
        dropout: Share = 0.3,
        patch_stages: Count = 2,
    ):
        """A U-Net with `filters` features at half the resolution, and a patch discriminator of the same width.

        `stages` is the number of times that the U-Net halves the image; by default down to 2 pixels or an odd side.
        `patch_stages` is the number of times that the discriminator halves it.
        """
        if stages is None:
            stages = conv.stages_of(image_shape, least=1, coarsest=2)
        return (
            image_to_image.u_net(source_shape, image_shape[-1], filters, stages, dropout),
            image_to_image.patch_discriminator(image_shape, filters, patch_stages, source_shape),
            {"filters": filters, "stages": stages, "dropout": dropout, "patch_stages": patch_stages},
        )

    @property
    def source_shape(self):
        return self._source_shape

    @classmethod
    def changed_arguments(cls, arguments, overrides):
        if "image_shape" in overrides and "source_shape" not in overrides:
            sides = check_image_shape(overrides["image_shape"])[:2]
            arguments = {**arguments, "source_shape": [*sides, arguments["source_shape"][-1]]}
        return super().changed_arguments(arguments, overrides)

    def train_step(self, data):
        """Alternates updates of discriminator and generator (Isola et al. 2017, section 3.3)."""
        batch = self.prepare(data)
        for part in self.parts(batch):
            logs = self.update_discriminator(part)
        logs |= self.update_generator(part)
        return self.report(logs, batch)

    def generator_inputs(self, batch):
        return batch["source_images"]

    def augmented(self, images, batch):
        if self.augmentation is None:
            return images
        # Both images share their channels in one tensor, so that the augmentation moves them together.
        both = ops.concatenate([images, batch["source_images"]], axis=-1)
        return self.augmentation(both, seed=self.seed_generator, first=images.shape[-1])

    def input_gradient(self, fn, inputs):
        # Penalties apply to the gradient with respect to the image, not to the source image next to it.
        return super().input_gradient(fn, inputs)[..., : self.image_shape[-1]]

    def discriminator_inputs(self, images, batch):
        channels = self.image_shape[-1]
        if images.shape[-1] == channels:
            return {"images": images, "source_images": batch["source_images"]}
        return {"images": images[..., :channels], "source_images": images[..., channels:]}

    def generator_loss(self, batch, training=True):
        fake = self.generated(self.generator_inputs(batch), training)
        l1 = ops.mean(ops.abs(batch["images"] - fake))
        loss = self.adversarial_loss(fake, batch, training) + self.l1_weight * l1
        return loss, {"generator_loss": loss, "l1": l1}

    def get_config(self):
        return {
            **super().get_config(),
            "source_shape": list(self.source_shape),
            "l1_weight": self.l1_weight,
        }
