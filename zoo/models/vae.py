"""The variational autoencoder, the importance-weighted autoencoder and the beta-VAE."""

import functools
import inspect

import keras
import numpy as np
from keras import ops

from zoo import latents as latent_vectors
from zoo.errors import (
    InputError,
    check_amount,
    check_count,
    check_flag,
    check_image_shape,
    check_text,
    shown,
)
from zoo.exporting.networks import Network, Values, drawing
from zoo.images import binarize, to_uint8
from zoo.latents import check_seed
from zoo.layers.log_variance import bounded_log_variance
from zoo.models.generative_model import GenerativeModel
from zoo.nets import conv, mlp
from zoo.nets.building import choose_networks
from zoo.nets.options import Count, Counts
from zoo.nets.shapes import check_makes, check_takes
from zoo.objectives import variational
from zoo.progress import bar, predict_batch, traced_quietly
from zoo.sampling.attributes import AttributeDirections
from zoo.sampling.conditions import Latents, temperature

# Maximal number of decoded samples in memory while a likelihood is estimated.
_SAMPLES_AT_ONCE = 5000
# Momentum of the moving average of the Gaussian likelihood's variance, which batches share.
_VARIANCE_MOMENTUM = 0.9


@keras.saving.register_keras_serializable(package="zoo")
class VAE(GenerativeModel):
    """Variational autoencoder (Kingma & Welling 2014; Rezende et al. 2014) with a standard normal prior.

    Training minimizes the negative evidence lower bound

        -ELBO = E_q(z|x)[-log p(x|z)] + beta * KL(q(z|x) || p(z)),

    with q(z|x) = N(mean(x), exp(log_variance(x))), sampled as mean + exp(log_variance / 2) * noise. With K =
    `num_importance_samples` above 1 it minimizes the importance-weighted bound instead, which is tighter (Burda et al.
    2016, eq. 8):

        -log 1/K sum_k p(x, z_k) / q(z_k|x).

    The variance of a Gaussian likelihood is always the optimum for K equally weighted samples, which is slightly above
    the one that maximizes the importance-weighted bound. It is at least 5e-6, the variance of rounding to uint8. The
    log variances of q(z|x) are the encoder's where these lie from -20 to 6, and never leave the range from -22 to 8, so
    that images unlike all training images cannot overflow them.

    Inputs and outputs are uint8 or float images in [-1, 1]. A Bernoulli likelihood reads grey values as probabilities
    and draws a binary image in {0, 1} at every step.

    Args:
        image_shape: `(height, width, channels)`.
        latent_dim: int, at least 1. Size of the latent vector. Defaults to 40.
        likelihood: `"bernoulli"` for nearly black and white images, `"gaussian"` for others, or None. Defaults to None,
            which is `"bernoulli"` for images of one channel and `"gaussian"` for colour images.
        beta: float, at least 0. Weight of the KL term (Higgins et al. 2017); 1 is the bound itself. Defaults to 1.
        num_importance_samples: int, at least 1. K of the training bound. Defaults to 1.
        encoder: functional network that replaces the default one, from images in [-1, 1] to `(n, 2 * latent_dim)`, mean
            and log variance side by side.
        decoder: functional network that replaces the default one, from latents to `image_shape`: Bernoulli logits or
            Gaussian means.
        attribute_directions: dict of latent directions by attribute name for `edit`, or None. Values are those of
            `zoo.latents.attribute_direction` or `attribute_changes`, or texts of `get_config`; see `learn_attribute`.
            Defaults to None.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        **network_options: arguments of `default_networks`.

    Raises:
        InputError: If an argument is out of range, or `beta` is not 1 with more than one importance sample.

    Example:

    ```python
    import zoo

    model = zoo.VAE((28, 28, 1), latent_dim=16)
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 28, 28, 1)
    new_images = model.generate(16, seed=0)
    reconstructions = model.reconstruct(images[:16])
    ```
    """

    predicts_from_images = True
    network_arguments = ("encoder", "decoder")

    def __init__(
        self,
        image_shape,
        latent_dim=40,
        *,
        likelihood=None,
        beta=1.0,
        num_importance_samples=1,
        encoder=None,
        decoder=None,
        attribute_directions=None,
        name=None,
        dtype=None,
        **network_options,
    ):
        image_shape, latent_dim = check_image_shape(image_shape), check_count(latent_dim, "latent_dim")
        super().__init__(
            image_shape, monitored=("loss", "elbo", "reconstruction", "kl", "vae_gradient_norm"), name=name, dtype=dtype
        )
        check_amount(beta, "beta")
        num_importance_samples = check_count(num_importance_samples, "num_importance_samples")
        if num_importance_samples > 1 and beta != 1:
            raise InputError(f"beta is {shown(beta)}, expected 1 with num_importance_samples above 1.")
        self.latent_dim, self.beta, self.num_importance_samples = latent_dim, beta, num_importance_samples
        if likelihood is None:
            likelihood = "bernoulli" if image_shape[-1] == 1 else "gaussian"
        self.likelihood = variational.get(likelihood)
        networks, described = choose_networks(
            type(self), {"encoder": encoder, "decoder": decoder}, image_shape, latent_dim, dtype, network_options
        )
        self.encoder, self.decoder = networks["encoder"], networks["decoder"]
        self.described_networks = described
        self._latents = Latents(latent_dim)
        self.conditions = (self._latents, temperature())
        check_takes("encoder", self.encoder, self.image_shape)
        check_makes("encoder", self.encoder, (2 * latent_dim,))
        check_takes("decoder", self.decoder, (latent_dim,), f"latent_dim={latent_dim}")
        check_makes("decoder", self.decoder, self.image_shape)
        self._directions = AttributeDirections(attribute_directions, latent_dim)
        # All pixels share one variance, which only the Gaussian likelihood has.
        self.log_variance = (
            self.add_weight(
                shape=(),
                initializer="zeros",
                dtype="float32",
                trainable=False,
                aggregation="mean",
                name="log_variance",
            )
            if likelihood == "gaussian"
            else None
        )
        self.built = True
        # The attribute holds a function, because Keras would save a model as a part of this one.
        self._log_weights = functools.partial(predict_batch, _ImportanceWeights(self))

    @staticmethod
    def default_networks(image_shape, latent_dim, hidden_units: Counts = (400, 400)):
        """Gated dense layers with `hidden_units`; the decoder reverses their order."""
        hidden_units = list(hidden_units)
        return (
            mlp.gated_encoder(image_shape, latent_dim, hidden_units),
            mlp.gated_decoder(image_shape, latent_dim, hidden_units[::-1]),
            {"hidden_units": hidden_units},
        )

    def call(self, images):
        """Reconstructs uint8 or [-1, 1] images from the posterior mean, as floats in [-1, 1]."""
        mean, _ = self._posterior(self.prepare(images)["images"])
        return self.likelihood.mean_images(self.decoder(mean, training=False))

    def train_step(self, data):
        """Takes a step down the negative evidence lower bound."""
        batch = self.prepare(data)
        logs = self.update("vae", self.negative_bound, batch, self.trainable_variables, self.optimizer)
        return self.report(logs, batch)

    def test_step(self, data):
        batch = self.prepare(data)
        _, logs = self.negative_bound(batch, training=False)
        return self.report(logs, batch)

    def negative_bound(self, batch, training=True):
        """Returns the training loss in nats per image, and a dict of logs.

        The logs include `elbo`, `reconstruction`, which is E[-log p(x|z)], and `kl`.
        """
        images = self.likelihood.prepare(batch["images"], self.seed_generator)
        mean, log_variance = self._posterior(self.likelihood.encoder_inputs(images), training)
        count = self.num_importance_samples
        noise = keras.random.normal((count, *_shape(mean)), seed=self.seed_generator)
        latents = mean + ops.exp(0.5 * log_variance) * noise

        log_likelihood = self._log_likelihood(images, latents, training)
        kl = variational.kl_to_standard_normal(mean, log_variance)
        reconstruction = -ops.mean(log_likelihood)
        elbo = -reconstruction - ops.mean(kl)
        if count == 1:
            loss = reconstruction + self.beta * ops.mean(kl)
        else:
            log_weights = log_likelihood + log_density_ratio(latents, mean, log_variance)
            loss = -ops.mean(variational.importance_weighted_bound(log_weights))
        return loss, {"loss": loss, "elbo": elbo, "reconstruction": reconstruction, "kl": ops.mean(kl)}

    def _posterior(self, inputs, training=False):
        """Returns mean and log variance of q(z|x), each `(n, latent_dim)`."""
        return _mean_and_log_variance(self.encoder(inputs, training=training))

    def _log_likelihood(self, images, latents, training=False):
        """Returns log p(x|z) in nats, `(K, n)`, for images `(n, h, w, c)` and latents `(K, n, latent_dim)`."""
        outputs = self.decoder(ops.reshape(latents, (-1, self.latent_dim)), training=training)
        pixels = int(np.prod(self.image_shape))
        outputs = ops.reshape(outputs, (ops.shape(latents)[0], -1, pixels))
        images, log_variance = ops.reshape(images, (-1, pixels)), self.log_variance
        if training and log_variance is not None:
            log_variance = variational.best_log_variance(images, outputs)
            moved = _VARIANCE_MOMENTUM * self.log_variance + (1.0 - _VARIANCE_MOMENTUM) * log_variance
            # A replica may get no images of a small last batch, which have no variance.
            self.log_variance.assign(ops.where(ops.shape(images)[0] > 0, moved, self.log_variance.value))
        return self.likelihood.log_likelihood(images, outputs, log_variance)

    # === Using ===

    def encode(self, images):
        """Returns the posterior's mean and log variance, float32 `(n, latent_dim)` each, of uint8 or [-1, 1] images."""
        return self._encode(self.checked_images(images))

    def decode(self, latents):
        """Returns the likelihood's mean images, uint8 `(n, height, width, channels)`, for latents `(n, latent_dim)`."""
        return self.generate(latents=self._latents.checked(latents))

    def reconstruct(self, images):
        """Returns uint8 images decoded from the posterior means of `images`."""
        return self.decode(self.encode(images)[0])

    def log_likelihood_bound(self, images, num_importance_samples=5000, seed=0):
        """Returns the importance-weighted bound log 1/K sum_k p(x, z_k) / q(z_k|x) on log p(x) of each image.

        This lower bound tightens as K grows (Burda et al. 2016, theorem 1). A Bernoulli likelihood needs binary images;
        it binarizes grey ones once, by `seed`.

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`.
            num_importance_samples: int, at least 1. K. Defaults to 5000.
            seed: int. Seed of the binarization and the samples. Defaults to 0.

        Returns:
            float64 array `(n,)` in nats.
        """
        num_importance_samples = check_count(num_importance_samples, "num_importance_samples")
        images, seed = self.checked_images(images), check_seed(seed)
        if self._binary:
            images = binarize(images, seed)
        mean, log_variance = self._encode(images)
        chunk = min(num_importance_samples, _SAMPLES_AT_ONCE)
        together = max(1, _SAMPLES_AT_ONCE // num_importance_samples)
        bounds = np.empty(len(images))
        stream = np.random.Generator(np.random.Philox(key=[seed, 1]))
        for start in bar(range(0, len(images), together), "likelihood", unit="image", unit_scale=together):
            rows = slice(start, start + together)
            parts = []
            for first in range(0, num_importance_samples, chunk):
                count = min(chunk, num_importance_samples - first)
                noise = stream.standard_normal((count, len(mean[rows]), self.latent_dim), "float32")
                parts.append(self._log_weights([images[rows], mean[rows], log_variance[rows], noise]))
            log_weights = np.concatenate(parts).astype("float64")
            top = log_weights.max(0)
            bounds[rows] = top + np.log(np.mean(np.exp(log_weights - top), 0))
        return bounds

    # === Editing ===

    @classmethod
    def changed_arguments(cls, arguments, overrides):
        pretrained = arguments["likelihood"]
        likelihood = overrides.get("likelihood", pretrained)
        if likelihood != pretrained:
            raise InputError(
                f"likelihood is {shown(likelihood)}, expected {pretrained!r}, which says what the pretrained decoder's "
                f"outputs mean; build a {cls.__name__} from scratch for another."
            )
        forgotten = ""
        of_networks = inspect.signature(cls.default_networks).parameters
        if overrides.keys() & {"encoder", *of_networks} and arguments["attribute_directions"]:
            # The directions refer to the pretrained latents.
            arguments = {**arguments, "attribute_directions": None}
            forgotten = "Its attributes are forgotten; learn_attribute finds their directions anew."
        return super().changed_arguments(arguments, overrides)[0], forgotten

    def learn_attribute(self, name, images, present, others=None, scale=1.0):
        """Finds the latent direction of an attribute from labelled images and stores it under `name`, for `edit`.

        Args:
            name: str. Name of the attribute.
            images: uint8 or [-1, 1] images `(n, height, width, channels)`.
            present: as for `zoo.latents.attribute_direction`.
            others: as for `zoo.latents.attribute_changes`, which finds a direction for each image; None finds one
                direction for all images. Defaults to None.
            scale: float above 0. Multiple of the attribute's change that `edit` applies for an amount of 1. Defaults to
                1.

        Raises:
            InputError: If `name` is no text, `scale` is not finite and above 0, or `images` and `present` do not suit
                `attribute_direction`.
        """
        check_text(name, "name")
        check_amount(scale, "scale", positive=True)
        self._directions.learn(name, self.encode(images)[0], present, others, scale)

    @property
    def attributes(self):
        """Sorted names of the attributes that `edit` can change."""
        return self._directions.names

    def edit(self, images, attribute, amount=1.0, keep_details=False):
        """Returns reconstructions of `images` with more of an attribute, or less for a negative amount.

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`.
            attribute: one of `attributes`.
            amount: float, or one for each image. Number of steps along the direction; `learn_attribute` sets the size
                of a step. If it was given `others`, positive amounts suit images without the attribute, and negative
                ones images with it. Defaults to 1.
            keep_details: bool. Whether to add the change between the reconstructions to `images` themselves. This keeps
                details that the latents do not store, but if something moves, as in a rotation, its old position
                remains visible. Defaults to False.

        Returns:
            uint8 images of the same shape.

        Raises:
            InputError: If the attribute is unknown.
        """
        direction = self._directions.of(attribute)
        images, keep_details = self.checked_images(images), check_flag(keep_details, "keep_details")
        latents = self._encode(images)[0]
        edited = self.decode(latent_vectors.move(latents, direction, amount))
        if not keep_details:
            return edited
        change = edited.astype("float32") - self.decode(latents)
        return to_uint8(images + change / np.float32(127.5))

    @property
    def _binary(self):
        return self.likelihood.name == "bernoulli"

    def _encode(self, images):
        with traced_quietly():
            outputs = self.encoder.predict(images, batch_size=500, verbose=0)
        return tuple(map(ops.convert_to_numpy, _mean_and_log_variance(outputs)))

    def sample(self, latents, temperature=1.0):
        outputs = predict_batch(self.decoder, latents * np.float32(temperature))
        return ops.convert_to_numpy(self.likelihood.mean_images(outputs))

    def exported_networks(self):
        """Returns encoder and decoder, and a network that edits latents if the model knows attributes."""

        def encode(image):
            mean, log_variance = self._posterior(image)
            return {"mean": mean, "log_variance": log_variance}

        def decode(latents):
            return self.likelihood.mean_images(self.decoder(latents, training=False))

        return {
            "encoder": Network(encode, {"image": Values(self.image_shape, range=(-1.0, 1.0))}),
            "decoder": drawing(decode, latents=Values((self.latent_dim,))),
            **self._directions.exported_networks(),
        }

    def exported_facts(self):
        return {**super().exported_facts(), "attributes": self.attributes}

    def get_config(self):
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "likelihood": self.likelihood.name,
            "beta": self.beta,
            "num_importance_samples": self.num_importance_samples,
            "attribute_directions": self._directions.as_texts(),
        }


@keras.saving.register_keras_serializable(package="zoo")
class BetaVAE(VAE):
    """beta-VAE (Higgins et al. 2017): a convolutional VAE with a larger weight of the KL term, for latents to edit.

    Training minimizes (eq. 4)

        -E_q(z|x)[log p(x|z)] + beta * KL(q(z|x) || p(z)),    beta > 1.

    The larger weight makes single latent dimensions represent single factors of the images, at the cost of detail.

    Args:
        latent_dim: int, at least 1. Size of the latent vector. Defaults to 32.
        **arguments: those of `VAE`, where `likelihood` defaults to `"gaussian"` and `beta` to 4; network options are
            those of `BetaVAE.default_networks`.

    Raises:
        InputError: As for `VAE`.

    Example:

    ```python
    import zoo

    model = zoo.BetaVAE((32, 32, 3), latent_dim=16)
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 32, 32, 3)
    model.learn_attribute("bright", images, present=images.mean((1, 2, 3)) > 127)
    brighter = model.edit(images[:16], "bright", amount=2.0)
    ```
    """

    def __init__(self, image_shape, latent_dim=32, *, likelihood="gaussian", beta=4.0, **arguments):
        super().__init__(image_shape, latent_dim, likelihood=likelihood, beta=beta, **arguments)

    @staticmethod
    def default_networks(image_shape, latent_dim, filters: Count = 32, stages: Count | None = None, units: Count = 256):
        """Strided convolutions with `filters` features at half resolution, and dense layers with `units` units.

        `stages` is the number of times that the image is halved; by default down to 4 pixels or an odd side.
        """
        stages = conv.stages_of(image_shape, stages)
        return (
            conv.encoder(image_shape, 2 * latent_dim, filters, stages, units),
            conv.decoder(image_shape, latent_dim, filters, stages, units),
            {"filters": filters, "stages": stages, "units": units},
        )


class _ImportanceWeights(keras.Model):
    """Computes log p(x, z) / q(z|x) of posterior samples; it is a model so that Keras compiles it on every backend."""

    def __init__(self, vae):
        # The differences of densities of thousands of nats need float32 under every dtype policy.
        super().__init__(name="importance_weights", dtype="float32")
        self.vae = vae
        self.built = True

    def call(self, inputs):
        images, mean, log_variance, noise = inputs
        if self.vae._binary:
            images = 0.5 * (images + 1.0)
        latents = mean + ops.exp(0.5 * log_variance) * noise
        return self.vae._log_likelihood(images, latents) + log_density_ratio(latents, mean, log_variance)


def _mean_and_log_variance(outputs):
    """Returns mean and bounded log variance, each `(n, latent_dim)`, of an encoder's outputs."""
    mean, log_variance = ops.split(outputs, 2, axis=-1)
    return mean, bounded_log_variance(log_variance)


def log_density_ratio(latents, mean, log_variance):
    """Returns log p(z) - log q(z|x), `(K, n)`."""
    prior = variational.gaussian_log_density(latents, 0.0, ops.zeros_like(log_variance))
    return prior - variational.gaussian_log_density(latents, mean, log_variance)


def _shape(tensor):
    return tuple(ops.shape(tensor))
