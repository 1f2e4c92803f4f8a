"""The latent flow: a rectified flow that draws the latents of an autoencoder."""

import math

import keras
import numpy as np
from keras import ops

from zoo.arrays import as_numbers
from zoo.errors import InputError, check_amount, check_count, check_image_shape
from zoo.exporting.networks import Network, Values, drawing
from zoo.images import to_uint8
from zoo.models.prior import HasPrior, Prior
from zoo.models.prompted import Prompted
from zoo.models.rectified_flow import RectifiedFlow
from zoo.nets import latent
from zoo.nets.building import choose_networks
from zoo.nets.efficientnet_lite import LITE0
from zoo.nets.options import Count
from zoo.nets.shapes import check_makes, check_takes
from zoo.objectives import variational
from zoo.objectives.perceptual import perceptual_distance
from zoo.objectives.pixels import psnr
from zoo.progress import predict_batch, traced_quietly
from zoo.training.frozen_features import FrozenFeatures

# Number of images that are encoded or decoded at once.
_AT_ONCE = 256
# Share of the latents' statistics that each training step keeps.
_STATISTICS_MOMENTUM = 0.99
# A channel that is the same everywhere has no variance.
_LEAST_VARIANCE = 1e-6


@keras.saving.register_keras_serializable(package="zoo")
class LatentPrior(Prior, RectifiedFlow):
    """Rectified flow over latents: its images are what an encoder makes of images."""

    drawn_range = (-math.inf, math.inf)

    def options(self):
        """Returns the arguments that recreate this prior for the same latents."""
        config = self.get_config()
        derived = ("name", "dtype", "image_shape", "frozen_layers")
        return {name: value for name, value in config.items() if name not in derived}


@keras.saving.register_keras_serializable(package="zoo")
class LatentFlow(HasPrior, Prompted):
    """Rectified flow on the latents of an autoencoder (Rombach et al. 2022).

    The encoder maps an image x to a normal distribution of latents z for each place of a small grid, and the decoder D
    maps latents back to an image. `fit` trains both to minimize

        E|x - D(z)|^2 + perceptual_weight * E d(x, D(z)) + kl_weight * E KL(q(z|x) || N(0, 1)),

    means over pixels, places and latents, where d is the distance of fine features of EfficientNet-Lite0 (Zhang et al.
    2018). A `RectifiedFlow` over the means of the latents, scaled to mean 0 and variance 1, draws new images. It is a
    part of the model, and `fit_prior` trains it after `fit`. Its steps cost a fraction of those over pixels.

    Args:
        image_shape: `(height, width, channels)`.
        latent_channels: int, at least 1. Number of latents at each place of the grid. Defaults to 4.
        kl_weight: float, at least 0. Weight of the third term. Defaults to 1e-5.
        perceptual_weight: float, at least 0. Weight of the second term; 0 leaves it out. Defaults to 0.01.
        prior: dict of arguments of `build_prior`, or None for no prior yet. Defaults to None.
        encoder: functional network that replaces the default one, from images in [-1, 1] to mean and log variance of
            latents, side by side, `(n, h, w, 2 * latent_channels)`.
        decoder: functional network that replaces the default one, from `(n, h, w, latent_channels)` to `image_shape`.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        **network_options: arguments of `default_networks`.

    Raises:
        InputError: If an argument is out of range, or networks do not fit.

    Example:

    ```python
    import zoo

    model = zoo.LatentFlow((64, 64, 3))
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 64, 64, 3)
    model.build_prior(num_classes=5)
    model.fit_prior(images, labels, epochs=60)  # integers (n,)
    new_images = model.generate(16, labels=3, guidance=2.0, seed=0)
    latents = model.encode(images[:16])  # float32 (16, 16, 16, 4)
    ```
    """

    left_out_of_presets = RectifiedFlow.left_out_of_presets
    prior_class = LatentPrior
    network_arguments = ("encoder", "decoder")
    predicts_from_images = True

    def __init__(
        self,
        image_shape,
        latent_channels=4,
        *,
        kl_weight=1e-5,
        perceptual_weight=0.01,
        prior=None,
        encoder=None,
        decoder=None,
        name=None,
        dtype=None,
        **network_options,
    ):
        image_shape, latent_channels = check_image_shape(image_shape), check_count(latent_channels, "latent_channels")
        monitored = ("loss", "reconstruction", "psnr", "perceptual", "kl", "autoencoder_gradient_norm")
        super().__init__(image_shape, monitored, name=name, dtype=dtype)
        self.prior, self.latent_channels = None, latent_channels
        self.kl_weight = check_amount(kl_weight, "kl_weight")
        self.perceptual_weight = check_amount(perceptual_weight, "perceptual_weight")
        self.frozen_features = FrozenFeatures(image_shape) if perceptual_weight else None
        given = {"encoder": encoder, "decoder": decoder}
        networks, self.described_networks = choose_networks(
            type(self), given, image_shape, latent_channels, dtype, network_options
        )
        self.encoder, self.decoder = networks["encoder"], networks["decoder"]
        check_takes("encoder", self.encoder, image_shape)
        self.latent_shape = (*self.encoder.output_shape[1:3], latent_channels)
        self.latent_dim = math.prod(self.latent_shape)
        check_makes("encoder", self.encoder, (*self.latent_shape[:2], 2 * latent_channels))
        check_takes("decoder", self.decoder, self.latent_shape)
        check_makes("decoder", self.decoder, image_shape)
        # Mean and variance of each channel of the means, over many training steps.
        statistic = {"shape": (latent_channels,), "trainable": False, "dtype": "float32"}
        self.latent_mean = self.add_weight(initializer="zeros", name="latent_mean", **statistic)
        self.latent_variance = self.add_weight(initializer="ones", name="latent_variance", **statistic)
        self.built = True
        self.build_prior_of(prior)

    @staticmethod
    def default_networks(image_shape, latent_channels, filters: Count = 128, patch_size: Count = 4, blocks: Count = 3):
        """Residual blocks of `filters` features over patches of `patch_size` by `patch_size` pixels."""
        options = {"filters": filters, "patch_size": patch_size, "blocks": blocks}
        return (
            latent.encoder(image_shape, latent_channels, **options),
            latent.decoder(image_shape, latent_channels, **options),
            options,
        )

    @staticmethod
    def default_optimizers():
        """Returns Adam with a learning rate of 1e-3."""
        return (keras.optimizers.Adam(1e-3),)

    @property
    def trained_on_features(self):
        """Feature networks that never judge what this model draws."""
        return (LITE0,) if self.perceptual_weight else ()

    # === The step ===

    def train_step(self, data):
        """Takes a step down the error of the autoencoder."""
        batch = self.prepare(data)
        logs = self.update("autoencoder", self.autoencoder_error, batch, self._autoencoder_variables(), self.optimizer)
        return self.report(logs, batch)

    def test_step(self, data):
        batch = self.prepare(data)
        _, logs = self.autoencoder_error(batch, training=False)
        return self.report(logs, batch)

    def autoencoder_error(self, batch, training=True):
        """Returns the loss of encoder and decoder, and a dict of logs."""
        images = batch["images"]
        mean, log_variance = ops.split(self.encoder(images, training=training), 2, axis=-1)
        if training:
            self._follow_statistics(mean)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        outputs = self.decoder(mean + ops.exp(0.5 * log_variance) * noise, training=training)
        reconstruction = ops.mean(ops.square(images - outputs))
        kl = ops.mean(variational.kl_to_standard_normal(mean, log_variance)) / self.latent_channels
        loss, perceptual = reconstruction + self.kl_weight * kl, ops.zeros(())
        if self.perceptual_weight:
            perceptual = perceptual_distance(self._fine_features, images, outputs)
            loss += self.perceptual_weight * perceptual
        return loss, {
            "loss": loss,
            "reconstruction": reconstruction,
            "psnr": psnr(reconstruction),
            "perceptual": perceptual,
            "kl": kl,
        }

    def _follow_statistics(self, mean):
        rows = ops.stop_gradient(mean)
        for kept, now in zip((self.latent_mean, self.latent_variance), ops.moments(rows, (0, 1, 2)), strict=True):
            moved = _STATISTICS_MOMENTUM * kept + (1.0 - _STATISTICS_MOMENTUM) * now
            # A replica may get no images of a small last batch, which have no variance.
            kept.assign(ops.where(ops.shape(rows)[0] > 0, moved, kept.value))

    def scaled(self, mean):
        """Returns means of latents `(n, *latent_shape)` with mean 0 and variance 1 over the training images."""
        return (mean - self.latent_mean) * ops.rsqrt(self.latent_variance + _LEAST_VARIANCE)

    def unscaled(self, latents):
        """Undoes `scaled`."""
        return latents * ops.sqrt(self.latent_variance + _LEAST_VARIANCE) + self.latent_mean

    def _fine_features(self, images):
        # The two finest scales see edges and textures, at half the cost of all four.
        return self.frozen_features(images)[:2]

    def _autoencoder_variables(self):
        return [*self.encoder.trainable_variables, *self.decoder.trainable_variables]

    def optimized_variables(self):
        return {"optimizer": self._autoencoder_variables()}

    def call(self, images):
        """Reconstructs uint8 or [-1, 1] images from the means of their latents, as floats in [-1, 1]."""
        mean, _ = ops.split(self.encoder(self.prepare(images)["images"], training=False), 2, axis=-1)
        return ops.clip(self.decoder(mean, training=False), -1.0, 1.0)

    # === The prior ===

    def build_prior(self, **options):
        """Creates an untrained prior, a `RectifiedFlow` over the latents, which replaces an existing one.

        Args:
            **options: arguments of `RectifiedFlow`, such as `num_classes`, `vocabulary` and `steps`, and the options of
                its network. By default, the network has 128 `filters`.
        """
        options = {"dtype": self.dtype_policy, **options}
        if "field" not in options:
            options = {"filters": 128, **options}
        elif isinstance(options["field"], dict):
            options["field"] = keras.saving.deserialize_keras_object(options["field"])
        self.replace_prior(LatentPrior(self.latent_shape, name="prior", **options))

    def rows(self, images):
        """Returns the latents of images, for the prior."""
        return self.encode(images)

    @property
    def prompts(self):
        """`zoo.sampling.conditions.Prompts` of the prior, or None for a model without texts."""
        return None if self.prior is None else self.prior.prompts

    @property
    def max_words(self):
        """Maximal number of words in a prompt, or None for a model without prior."""
        return None if self.prior is None else self.prior.max_words

    @property
    def conditions(self):
        return () if self.prior is None else self.prior.conditions_for(self.image_shape)

    @property
    def noise_shape(self):
        self.check_prior()
        return (self.latent_dim,)

    # === Using ===

    def encode(self, images):
        """Returns the scaled means of the latents, float32 `(n, *latent_shape)`, of uint8 or [-1, 1] images."""
        with traced_quietly():
            return self._latents_of(self.encoder.predict(self.checked_images(images), batch_size=_AT_ONCE, verbose=0))

    def _latents_of(self, encoded):
        """Returns the scaled means among the encoder's outputs, as an array."""
        return ops.convert_to_numpy(self.scaled(encoded[..., : self.latent_channels]))

    def decode(self, latents):
        """Returns uint8 images `(n, height, width, channels)` for latents `(n, *latent_shape)`.

        Raises:
            InputError: If `latents` has another shape or holds other things than finite numbers.
        """
        expected = f"finite numbers (n, {', '.join(map(str, self.latent_shape))})"
        latents = as_numbers(latents, "latents", expected)
        if latents.shape[1:] != self.latent_shape or len(latents) == 0:
            raise InputError(f"latents has shape {latents.shape}, expected {expected}.")
        with traced_quietly():
            return to_uint8(self.decoder.predict(self._decoder_inputs(latents), batch_size=_AT_ONCE, verbose=0))

    def _decoder_inputs(self, latents):
        return ops.convert_to_numpy(self.unscaled(latents.astype("float32")))

    def reconstruct(self, images):
        """Returns uint8 images decoded from the latents of `images`."""
        return self.decode(self.encode(images))

    def sample(self, noise, source_images=None, mask=None, **conditions):
        if mask is None:
            return predict_batch(self.decoder, self._decoder_inputs(self.prior.sample(noise, **conditions)))
        (height, width, _), (rows, columns, _) = self.image_shape, self.latent_shape
        # Latents of places that are kept as a whole are known.
        known = mask.reshape(rows, height // rows, columns, width // columns).all((1, 3))
        given = self._latents_of(predict_batch(self.encoder, source_images))
        latents = self.prior.sample(noise, source_images=given, mask=known, **conditions)
        return np.where(mask[:, :, None], source_images, predict_batch(self.decoder, self._decoder_inputs(latents)))

    def encode_image(self, images, labels=None, *, prompts=None, steps=None):
        """Finds the noise that images are drawn from; arguments and errors are those of `RectifiedFlow.encode_image`.

        `generate(latents=model.encode_image(images, prompts=a), prompts=b)` draws the same images by another text.
        """
        self.check_prior()
        latents = self.encode(images)
        return self.prior.noise_of(latents, self.prior.given_conditions(len(latents), labels, prompts), steps)

    # === Files ===

    @property
    def preset_aliases(self):
        # Keras saves the prior among the layers.
        place = "layers/latent_prior"
        return () if self.prior is None else ((f"{place}/field", f"{place}/ema_field"),)

    def exported_networks(self):
        """Returns encoder and decoder, and the velocity of the prior if there is one."""

        def encode(image):
            return {"latents": self.scaled(self.encoder(image, training=False)[..., : self.latent_channels])}

        networks = {
            "encoder": Network(encode, {"image": Values(self.image_shape, range=(-1.0, 1.0))}),
            "decoder": drawing(
                lambda latents: self.decoder(self.unscaled(latents), training=False), latents=Values(self.latent_shape)
            ),
        }
        return networks if self.prior is None else {**networks, **self.prior.exported_networks()}

    def exported_facts(self):
        facts = {} if self.prior is None else {"steps": self.prior.steps, "guidance": self.prior.guidance}
        return {**super().exported_facts(), "latent_shape": self.latent_shape, **facts}

    def get_config(self):
        return {
            **super().get_config(),
            "latent_channels": self.latent_channels,
            "kl_weight": self.kl_weight,
            "perceptual_weight": self.perceptual_weight,
            "prior": None if self.prior is None else self.prior.options(),
        }
