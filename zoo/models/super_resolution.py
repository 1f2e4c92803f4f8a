"""Super-resolution: a residual network trained on pixel errors, and the same network trained as a GAN."""

import itertools
import math

import keras
import numpy as np
from keras import ops

from zoo.bicubic import resize_bicubic, resize_matrix
from zoo.errors import InputError, check_amount, check_count, check_image_shape
from zoo.exporting.networks import Values, drawing
from zoo.images import as_pixels, to_float, to_uint8
from zoo.models.adversarial_model import AdversarialModel
from zoo.models.generative_model import GenerativeModel
from zoo.models.image_to_image import FromImages
from zoo.nets import image_to_image, super_resolution
from zoo.nets.building import check_functional, choose_networks
from zoo.nets.options import Count
from zoo.nets.shapes import check_takes, input_shapes
from zoo.objectives.pixels import psnr
from zoo.progress import bar, predict_batch
from zoo.training.sources import entries_of

# Largest side of the part of a small image that is enlarged at once: smaller parts overlap more, larger ones need more
# memory.
_TILE = 384
# Reach of the bicubic kernel, in pixels of the small image.
_BICUBIC_REACH = 3


class Upscaling(FromImages):
    """Base of models that enlarge images `scale` times with networks for images of any size.

    They train on images of `image_shape` alone, which they shrink with MATLAB's bicubic `imresize` to 8 bits. They also
    train on pairs: a dict of `images` and `source_images`, or a folder with the small images in `A` and the large ones
    in `B`.
    """

    def read(self, source, split):
        from zoo import data

        if not data.holds_pairs(source):
            return self.accepted(data.read(source, self.image_shape, split=split))
        shapes = self.image_shape, self.source_shape
        return self.accepted(data.read_pairs(source, *shapes, scale=self.scale, split=split))

    def unpack(self, batch):
        first, *second = entries_of(batch)
        if second and _are_labels(second[0]):
            return {"images": first, "labels": second[0]}
        return super().unpack(batch)

    def check_batch(self, batch, what, parts=1):
        from zoo import data

        batch = self.unpack(batch)
        if "source_images" in batch:
            data.check_scaled(batch["source_images"], self.image_shape, self.scale)
        super().check_batch(batch, what, parts)

    def checked_inputs(self, x):
        # Networks accept images of any size.
        return self.checked_images(x, "x", (*np.shape(x)[1:3], self.image_shape[-1])) if np.ndim(x) == 4 else x

    @property
    def source_shape(self):
        height, width, channels = self.image_shape
        return height // self.scale, width // self.scale, channels

    def _shrunk(self, images):
        """Returns the small images of a batch of large ones in [-1, 1]."""
        height, width, _ = self.image_shape
        rows, columns = (resize_matrix(side, side // self.scale).astype("float32") for side in (height, width))
        small = _to_levels(ops.einsum("yh,nhwc->nywc", rows, images))
        return _to_levels(ops.einsum("xw,nywc->nyxc", columns, small))

    def _check_scale(self, scale, image_shape):
        scale = check_count(scale, "scale")
        if image_shape[0] % scale or image_shape[1] % scale:
            raise InputError(f"image_shape is {image_shape}, expected sides divisible by scale={scale}.")
        return scale

    def _check_upscaler(self, network):
        channels = network.inputs[0].shape[-1]
        if channels != self.image_shape[-1]:
            raise InputError(f"generator takes images of {channels} channels, expected {self.image_shape[-1]}.")
        made = network.compute_output_shape((1, *self.source_shape))
        if tuple(made[1:]) != self.image_shape:
            raise InputError(f"generator makes {made[1:]} of {self.source_shape}, expected {self.image_shape}.")

    @property
    def _upscaler(self):
        """The network that `upscale` uses."""
        return self.ema_generator

    def translate_batch(self, source_images):
        return predict_batch(self._upscaler, source_images)

    def exported_networks(self):
        """Returns the generator for images of any size."""
        image = Values((None, None, self.image_shape[-1]), range=(-1.0, 1.0))
        return {"generator": drawing(lambda image: self._upscaler(image, training=False), image=image)}

    def exported_facts(self):
        # Parts of a large image overlap by the halo on each side.
        return {**super().exported_facts(), "scale": self.scale, "halo": super_resolution.halo(self._upscaler)}

    def upscale(self, image):
        """Enlarges images of any size part by part, so that a photograph of many megapixels needs little memory.

        Parts overlap by the receptive field of the network, so that no seams are visible.

        Args:
            image: uint8 array `(h, w)` or `(h, w, channels)`, several as `(n, h, w, channels)`, or a Pillow image. A
                model of colour images also accepts grey ones. An alpha channel after the colours is enlarged
                bicubically.

        Returns:
            uint8 array, `scale` times as high and wide, otherwise like `image`.

        Raises:
            InputError: If `image` is not uint8 or has unsupported channels.
        """
        if getattr(image, "ndim", 0) == 4 and len(image):
            return np.stack([self.upscale(each) for each in image])
        image = as_pixels(image)
        bands = self.upscale_bands(image)
        height, width, *channels = np.shape(image)
        large = np.empty((height * self.scale, width * self.scale, *channels), "uint8")
        top = 0
        for band in bands:
            large[top : top + len(band)] = band
            top += len(band)
        return large

    def upscale_bands(self, image):
        """Computes `upscale` in bands from top to bottom, so that a file can be written without a second copy.

        Args:
            image: one image, as for `upscale`.

        Returns:
            Iterator over uint8 arrays of the full width, each computed on demand.

        Raises:
            InputError: As for `upscale`, at the call rather than on iteration.
        """
        image = as_pixels(image)
        pixels = image if image.ndim == 3 else image[..., None]
        own = self.image_shape[-1]
        grey = own == 3 and pixels.shape[-1] in (1, 2)
        colours = 1 if grey else own
        if pixels.shape[-1] not in (colours, colours + 1):
            raise InputError(f"image has {pixels.shape[-1]} channels, expected {'1 to 4' if own == 3 else f'{own}'}.")
        bands = self._upscaled_bands(pixels, colours)
        return bands if image.ndim == 3 else (band[..., 0] for band in bands)

    def _upscaled_bands(self, pixels, colours):
        height, width, channels = pixels.shape
        scale, halo = self.scale, max(super_resolution.halo(self._upscaler), _BICUBIC_REACH)
        rows_of_parts, columns_of_parts = _parts(height), _parts(width)
        number = len(rows_of_parts) * len(columns_of_parts)
        with bar(total=number, desc="upscaling", unit="part") as progress:
            for top, bottom in rows_of_parts:
                above = max(top - halo, 0)
                rows = slice((top - above) * scale, (bottom - above) * scale)
                band = np.empty(((bottom - top) * scale, width * scale, channels), "uint8")
                for left, right in columns_of_parts:
                    before = max(left - halo, 0)
                    made = self._upscale_part(pixels[above : bottom + halo, before : right + halo], colours)
                    columns = slice((left - before) * scale, (right - before) * scale)
                    band[:, left * scale : right * scale] = made[rows, columns]
                    progress.update()
                yield band

    def _upscale_part(self, pixels, colours):
        own = self.image_shape[-1]
        given = to_float(np.repeat(pixels[..., :colours], own // colours, -1))
        made = to_uint8(predict_batch(self._upscaler, given[None])[0])
        if colours < own:
            made = np.rint(made.mean(-1, keepdims=True)).astype("uint8")
        if pixels.shape[-1] > colours:
            made = np.concatenate([made, resize_bicubic(pixels[..., colours:], made.shape[:2])], -1)
        return made


@keras.saving.register_keras_serializable(package="zoo")
class SRResNet(Upscaling, GenerativeModel):
    """The generator of SRGAN trained for the least pixel error (Ledig et al. 2017, section 2.2).

    Training minimizes E|x - G(s)| for large images x and small images s. Lim et al. 2017 find that it works better than
    the squared error.

    Args:
        image_shape: `(height, width, channels)` of the large training images, height and width divisible by `scale`.
        scale: int, at least 1. Factor by which images grow in height and width. Defaults to 4.
        generator: functional network that replaces the default one, from and to images in [-1, 1] of any size.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        **network_options: arguments of `default_networks`.

    Raises:
        InputError: If an argument is out of range, or the network does not fit.

    Example:

    ```python
    import zoo

    model = zoo.SRResNet((64, 64, 3), scale=2, filters=16, residual_blocks=2)
    model.compile()
    model.fit(images, batch_size=16, epochs=20)  # uint8 (n, 64, 64, 3)
    large = model.upscale(photo)  # uint8 (h, w, 3)
    ```
    """

    network_arguments = ("generator",)

    def __init__(self, image_shape, scale=4, *, generator=None, name=None, dtype=None, **network_options):
        image_shape = check_image_shape(image_shape)
        super().__init__(image_shape, ("loss", "psnr", "generator_gradient_norm"), name, dtype)
        self.scale = self._check_scale(scale, image_shape)
        networks, described = choose_networks(
            type(self), {"generator": generator}, image_shape, self.scale, dtype, network_options
        )
        self.generator = networks["generator"]
        self.described_networks = described
        self.set_source_images(self._shrunk)
        self._check_upscaler(self.generator)
        self.built = True

    @staticmethod
    def default_networks(image_shape, scale, filters: Count = 64, residual_blocks: Count = 8):
        """An upscaler with `residual_blocks` blocks of `filters` features."""
        return (
            super_resolution.residual_upscaler(image_shape[-1], scale, filters, residual_blocks),
            {"filters": filters, "residual_blocks": residual_blocks},
        )

    @staticmethod
    def default_optimizers():
        """Returns a new optimizer: Adam(2e-4)."""
        return (keras.optimizers.Adam(2e-4),)

    def call(self, images):
        """Enlarges images in [-1, 1]."""
        return self.generator(images)

    def train_step(self, data):
        """Takes a step down the absolute error of the pixels."""
        batch = self.prepare(data)
        logs = self.update("generator", self.pixel_loss, batch, self.trainable_variables, self.optimizer)
        return self.report(logs, batch)

    def test_step(self, data):
        batch = self.prepare(data)
        _, logs = self.pixel_loss(batch, training=False)
        return self.report(logs, batch)

    def pixel_loss(self, batch, training=True):
        """Returns the mean absolute error in [-1, 1], and a dict with the PSNR of the batch in dB."""
        error = batch["images"] - self.generator(batch["source_images"], training=training)
        loss = ops.mean(ops.abs(error))
        return loss, {"loss": loss, "psnr": psnr(ops.mean(ops.square(error)))}

    @property
    def _upscaler(self):
        return self.generator

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="zoo")
class SRGAN(Upscaling, AdversarialModel):
    """Super-resolution with sharp details (Ledig et al. 2017): a GAN with an additional loss on features.

    The generator G minimizes, for large images x and small images s,

        pixel_weight * E|x - G(s)| + perceptual_weight * E|phi(x) - phi(G(s))|^2
        + adversarial_weight * adversarial loss of G(s),

    where phi are the features of a fixed network (eq. 5). The pixel term is that of ESRGAN (Wang et al. 2018, eq. 3).
    Training works best if the generator is first trained on pixels, as an `SRResNet`.

    Args:
        image_shape: `(height, width, channels)` of the large training images, height and width divisible by `scale`.
        scale: int, at least 1. Factor by which images grow in height and width. Defaults to 4.
        generator: functional network that replaces the default one, from and to images in [-1, 1] of any size.
            `upscale` derives its receptive field from its Keras convolutions, which must not be strided. Pooling,
            attention or normalization over the image would cause seams.
        discriminator: functional network that replaces the default one, from images of `image_shape` to logits of any
            shape.
        feature_network: functional network phi from images in [-1, 1], or None to leave out its term. Defaults to None.
        objective, penalties, augmentation, ema_momentum, discriminator_steps: as for `GAN`.
        pixel_weight, perceptual_weight, adversarial_weight: floats, at least 0. Weights of the terms above. Default to
            1, 1 and 5e-3.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        **network_options: arguments of `default_networks`.

    Raises:
        InputError: If an argument is out of range, or networks do not fit.

    Example:

    ```python
    import zoo

    pixel_model = zoo.SRResNet((64, 64, 3), scale=2, filters=16, residual_blocks=2)
    pixel_model.compile()
    pixel_model.fit(images, batch_size=16, epochs=20)  # uint8 (n, 64, 64, 3)

    model = zoo.SRGAN((64, 64, 3), scale=2, generator=pixel_model.generator, patch_filters=16)
    model.compile()
    model.fit(images, batch_size=16, epochs=20)
    large = model.upscale(photo)  # uint8 (h, w, 3)
    ```
    """

    loss_terms = ("l1", "perceptual")
    never_trained = (*AdversarialModel.never_trained, "feature_network")

    def __init__(
        self,
        image_shape,
        scale=4,
        *,
        feature_network=None,
        pixel_weight=1.0,
        perceptual_weight=1.0,
        adversarial_weight=5e-3,
        **arguments,
    ):
        image_shape = check_image_shape(image_shape)
        scale = self._check_scale(scale, image_shape)
        weights = {"pixel": pixel_weight, "perceptual": perceptual_weight, "adversarial": adversarial_weight}
        for term, weight in weights.items():
            check_amount(weight, f"{term}_weight")
        super().__init__(image_shape, scale, **arguments)
        self.scale, self._weights = scale, weights
        self.set_source_images(self._shrunk)
        self._check_upscaler(self.generator)
        check_takes("discriminator", self.discriminator, image_shape)
        if isinstance(feature_network, dict):
            feature_network = keras.saving.deserialize_keras_object(feature_network)
        if feature_network is not None:
            check_functional("feature_network", feature_network)
            takes = input_shapes(feature_network)
            if len(takes) != 3 or any(side not in (None, own) for side, own in zip(takes, image_shape, strict=True)):
                raise InputError(f"feature_network takes {takes}, expected {image_shape}.")
            feature_network.trainable = False
        self.feature_network = feature_network

    @staticmethod
    def default_networks(
        image_shape,
        scale,
        filters: Count = 64,
        residual_blocks: Count = 8,
        patch_filters: Count = 48,
        patch_stages: Count = 3,
    ):
        """The generator of `SRResNet`, and a patch discriminator."""
        generator, options = SRResNet.default_networks(image_shape, scale, filters, residual_blocks)
        return (
            generator,
            image_to_image.patch_discriminator(image_shape, patch_filters, patch_stages),
            {**options, "patch_filters": patch_filters, "patch_stages": patch_stages},
        )

    @staticmethod
    def default_optimizers():
        """Returns Adam(1e-4) for both networks (section 3.2)."""
        return keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)

    def train_step(self, data):
        """Alternates updates of discriminator and generator (Ledig et al. 2017, section 2.1)."""
        batch = self.prepare(data)
        for part in self.parts(batch):
            logs = self.update_discriminator(part)
        logs |= self.update_generator(part)
        return self.report(logs, batch)

    def generator_inputs(self, batch):
        return batch["source_images"]

    def generator_loss(self, batch, training=True):
        fake, real = self.generated(self.generator_inputs(batch), training), batch["images"]
        terms = {"pixel": ops.mean(ops.abs(real - fake)), "adversarial": self.adversarial_loss(fake, batch, training)}
        terms["perceptual"] = ops.zeros(())
        if self.feature_network is not None:
            # The squares would overflow in half precision.
            features = (ops.cast(self.feature_network(images, training=False), "float32") for images in (real, fake))
            terms["perceptual"] = ops.mean(ops.square(ops.subtract(*features)))
        loss = sum(self._weights[term] * value for term, value in terms.items())
        return loss, {"generator_loss": loss, "l1": terms["pixel"], "perceptual": terms["perceptual"]}

    def get_config(self):
        return {
            **super().get_config(),
            "scale": self.scale,
            "feature_network": self.feature_network and keras.saving.serialize_keras_object(self.feature_network),
            **{f"{term}_weight": weight for term, weight in self._weights.items()},
        }


def _parts(side):
    """Returns where the parts of a side begin and end, of which none is longer than `_TILE`."""
    number = math.ceil(side / _TILE)
    return list(itertools.pairwise(side * part // number for part in range(number + 1)))


def _are_labels(rows):
    """Returns whether the second entry of a batch has fewer axes than images."""
    shape = np.shape(rows)
    # A pipeline of Python functions does not know how many axes its images have.
    return getattr(shape, "rank", 0) is not None and len(shape) < 4


def _to_levels(images):
    """Rounds images near [-1, 1] to the values of uint8, as MATLAB does after each axis."""
    return ops.clip(ops.round((images + 1.0) * 127.5), 0.0, 255.0) / 127.5 - 1.0
