"""The vector-quantized autoencoder with one grid of codes."""

import functools

import keras
import numpy as np
from keras import ops

from zoo.arrays import as_array
from zoo.callbacks import WarnOfUnusedCodes
from zoo.errors import InputError, check_amount, check_count, check_image_shape, is_number, shown
from zoo.exporting.networks import Network, Values, drawing
from zoo.images import to_uint8
from zoo.layers.vector_quantizer import VectorQuantizer
from zoo.models.code_prior import HasCodePrior
from zoo.nets import conv, vq
from zoo.nets.building import choose_networks
from zoo.nets.options import Count
from zoo.objectives.pixels import psnr
from zoo.progress import bar, predict_batch

# Number of images that are encoded or decoded at once.
_AT_ONCE = 256


@keras.saving.register_keras_serializable(package="zoo")
class VQVAE(HasCodePrior):
    """Vector-quantized variational autoencoder (van den Oord et al. 2017).

    An encoder maps an image x to a grid of vectors z. The nearest embedding e of a codebook replaces each vector, and a
    decoder maps the embeddings to an image. Training minimizes (eq. 3)

        -log p(x|e) + |sg(z) - e|^2 + commitment_cost * |z - sg(e)|^2,

    where sg stops the gradient. The encoder receives the gradient of the decoder's input unchanged (straight-through
    estimator). The likelihood is Gaussian with variance `data_variance / 2`, so up to a constant the first term is the
    squared error divided by `data_variance`, as in the authors' code. With `ema_decay`, exponential moving averages
    update the codebook and replace the second term (appendix A.1).

    A prior over the codes draws new images. It is a part of the model, and `fit_prior` trains it after `fit`.

    Args:
        image_shape: `(height, width, channels)`.
        num_embeddings: int, at least 1. Size of the codebook. Defaults to 512.
        embedding_dim: int, at least 1. Length of its vectors. Defaults to 64.
        commitment_cost: float, at least 0. Weight of the third term. Defaults to 0.25.
        ema_decay: float between 0 and 1, or None. Decay of the codebook's moving averages; None trains the codebook by
            the second term. Defaults to 0.99.
        data_variance: float above 0. Variance of the pixels in [-1, 1] of the data, which balances the terms. Defaults
            to 1.
        prior: dict of arguments of `build_prior`, or None for no prior yet. Defaults to None.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.
        **networks_and_options: `encoder`, a functional network from images in [-1, 1] to `(n, h, w, embedding_dim)`;
            `decoder`, a functional network from `(n, h, w, embedding_dim)` to `image_shape`; and arguments of
            `default_networks`.

    Raises:
        InputError: If an argument is out of range, or networks do not fit.

    Example:

    ```python
    import zoo

    model = zoo.VQVAE((32, 32, 3), num_embeddings=128, embedding_dim=16, filters=32)
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 32, 32, 3)
    model.fit_prior(images, epochs=20)
    new_images = model.generate(16, seed=0)
    codes = model.encode(images[:16])  # int32 (16, 8, 8)
    ```
    """

    network_arguments = ("encoder", "decoder")
    predicts_from_images = True

    def __init__(
        self,
        image_shape,
        num_embeddings=512,
        embedding_dim=64,
        *,
        commitment_cost=0.25,
        ema_decay=0.99,
        data_variance=1.0,
        prior=None,
        name=None,
        dtype=None,
        **networks_and_options,
    ):
        image_shape = check_image_shape(image_shape)
        num_embeddings = check_count(num_embeddings, "num_embeddings")
        embedding_dim = check_count(embedding_dim, "embedding_dim")
        monitored = ("loss", "reconstruction", "commitment", "psnr", "perplexity", "used_codes", "vq_gradient_norm")
        super().__init__(image_shape, monitored, name=name, dtype=dtype)
        self.prior = None
        check_amount(commitment_cost, "commitment_cost")
        check_amount(data_variance, "data_variance", positive=True)
        if ema_decay is not None and (not is_number(ema_decay) or not 0 < ema_decay < 1):
            raise InputError(f"ema_decay is {shown(ema_decay)}, expected a number between 0 and 1, or None.")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.commitment_cost, self.ema_decay, self.data_variance = commitment_cost, ema_decay, data_variance
        given = {argument: networks_and_options.pop(argument, None) for argument in self.network_arguments}
        networks, described = choose_networks(
            type(self), given, image_shape, embedding_dim, dtype, networks_and_options
        )
        for argument, network in networks.items():
            setattr(self, argument, network)
        self.described_networks = described
        self.code_shapes = self.find_code_shapes()
        self.check_networks()
        self.quantizers = []
        for index, code_shape in enumerate(self.code_shapes):
            quantizer = VectorQuantizer(num_embeddings, embedding_dim, ema_decay, name=f"quantizer_{index}")
            quantizer.build((None, *code_shape, embedding_dim))
            self.quantizers.append(quantizer)
        self.built = True
        # The attributes hold functions, because Keras would save models as parts of this one.
        self._codes = functools.partial(predict_batch, _Codes(self))
        self._images = functools.partial(predict_batch, _Images(self))
        self.build_prior_of(prior)

    @staticmethod
    def default_networks(
        image_shape, embedding_dim, filters: Count = 128, stages: Count = 2, residual_blocks: Count = 2
    ):
        """Convolutions that halve the image `stages` times, and residual blocks of width `filters` (section 4.1)."""
        conv.check_sides(image_shape, stages)
        return (
            vq.encoder(image_shape, embedding_dim, filters, stages, residual_blocks),
            vq.decoder(image_shape, embedding_dim, filters, stages, residual_blocks),
            {"filters": filters, "stages": stages, "residual_blocks": residual_blocks},
        )

    @staticmethod
    def default_optimizers():
        """Returns a new optimizer: Adam(3e-4)."""
        return (keras.optimizers.Adam(3e-4),)

    def call(self, images):
        """Reconstructs uint8 or [-1, 1] images, as floats in [-1, 1]."""
        levels = self.vectors_and_codes(self.prepare(images)["images"])
        return ops.clip(self.images_of([codes for _, codes in levels]), -1.0, 1.0)

    def find_code_shapes(self):
        """Returns `(height, width)` of each grid of codes, coarsest first."""
        return (tuple(self.encoder.output_shape[1:3]),)

    def check_networks(self):
        """Refuses networks that do not fit the images, the codes or each other."""
        grids = [(*shape, self.embedding_dim) for shape in self.code_shapes]
        self.check_ends("encoder", [self.image_shape], grids)
        self.check_ends("decoder", grids, [self.image_shape])

    def check_ends(self, argument, takes, makes):
        network = getattr(self, argument)
        for what, tensors, expected in (("takes", network.inputs, takes), ("makes", network.outputs, makes)):
            shapes = [tuple(tensor.shape[1:]) for tensor in tensors]
            if shapes != expected:
                found, wanted = (" and ".join(map(str, each)) for each in (shapes, expected))
                raise InputError(f"{argument} {what} {found}, expected {wanted}.")

    def vectors_and_codes(self, images, training=False):
        """Returns the encoder's vectors and their codes for each grid, coarsest first."""
        vectors = self.encoder(images, training=training)
        return [(vectors, self.quantizers[0].nearest(vectors))]

    def images_of(self, grids):
        """Returns the images of the codes of all grids."""
        return self.reconstruct_from(
            [quantizer.lookup(codes) for quantizer, codes in zip(self.quantizers, grids, strict=True)]
        )

    def reconstruct_from(self, embeddings, training=False):
        """Returns the images of the embeddings of all grids."""
        return self.decoder(*embeddings, training=training)

    def train_step(self, data):
        """Takes a step down the sum of reconstruction, codebook and commitment terms."""
        batch = self.prepare(data)
        logs = self.update("vq", self.vq_loss, batch, self._autoencoder_variables(), self.optimizer)
        return self.report(logs, batch)

    def _autoencoder_variables(self):
        parts = [*(getattr(self, argument) for argument in self.network_arguments), *self.quantizers]
        return [variable for part in parts for variable in part.trainable_variables]

    def optimized_variables(self):
        return {"optimizer": self._autoencoder_variables()}

    def test_step(self, data):
        batch = self.prepare(data)
        _, logs = self.vq_loss(batch, training=False)
        return self.report(logs, batch)

    def vq_loss(self, batch, training=True):
        """Returns the training loss, a mean over pixels and over the entries of the vectors, and a dict of logs.

        The logs include `reconstruction`, which is the mean squared error in [-1, 1], its `psnr` in dB, `commitment`,
        the `perplexity` of the codes of this batch, and `used_codes`. The latter is the number of different codes
        divided by the size of the codebook or by the number of codes in the batch, whichever is smaller. `perplexity`
        and `used_codes` are the minimum over all grids.
        """
        images = batch["images"]
        levels = self.vectors_and_codes(images, training)
        straight_through, commitment, codebook = [], 0.0, 0.0
        for quantizer, (vectors, codes) in zip(self.quantizers, levels, strict=True):
            embeddings = quantizer.lookup(codes)
            straight_through.append(quantizer.straight_through(vectors, embeddings))
            commitment += ops.mean(ops.square(vectors - ops.stop_gradient(embeddings)))
            codebook += ops.mean(ops.square(ops.stop_gradient(vectors) - embeddings))
        reconstruction = ops.mean(ops.square(images - self.reconstruct_from(straight_through, training)))

        loss = reconstruction / self.data_variance + self.commitment_cost * commitment
        if self.ema_decay is None:
            loss += codebook
        elif training:
            for quantizer, (vectors, codes) in zip(self.quantizers, levels, strict=True):
                quantizer.update(vectors, codes)
        usage = [self._usage(codes) for _, codes in levels]
        return loss, {
            "loss": loss,
            "reconstruction": reconstruction,
            "commitment": commitment,
            "psnr": psnr(reconstruction),
            "perplexity": ops.min(ops.stack([perplexity for perplexity, _ in usage])),
            "used_codes": ops.min(ops.stack([used for _, used in usage])),
        }

    def _usage(self, codes):
        """Returns the perplexity of codes, and the share of the usable codes that they use."""
        shares = ops.mean(ops.one_hot(ops.reshape(codes, (-1,)), self.num_embeddings, dtype="float32"), 0)
        entropy = -ops.sum(shares * ops.log(shares + 1e-10))
        most = ops.minimum(self.num_embeddings, ops.size(codes))
        return ops.exp(entropy), ops.sum(ops.cast(shares > 0, "float32")) / ops.cast(most, "float32")

    def training_callbacks(self, dataset):
        return [*super().training_callbacks(dataset), WarnOfUnusedCodes()]

    def forget_beside(self, fresh):
        for quantizer in self.quantizers:
            # Moving averages of the previous codebook would pull the new one towards 0.
            if any(place.endswith(quantizer.codebook.path) for place in fresh):
                quantizer.forget()

    # === Using ===

    def encode(self, images):
        """Returns codes, int32 `(n, *code_shapes[0])` in 0..num_embeddings - 1, for uint8 or [-1, 1] images."""
        return self.encode_grids(images)[0]

    def encode_grids(self, images):
        images = self.checked_images(images)
        grids = [np.empty((len(images), *shape), "int32") for shape in self.code_shapes]
        # Images are encoded in parts, because the distances to all embeddings need far more memory than the images.
        for start in _parts(len(images), "encoding"):
            rows = slice(start, start + _AT_ONCE)
            for grid, codes in zip(grids, self._codes(images[rows]), strict=True):
                grid[rows] = codes
        return grids

    def decode(self, codes):
        """Returns uint8 images `(n, height, width, channels)` for codes `(n, *code_shapes[0])`.

        Raises:
            InputError: If codes have another shape or lie outside of the codebook.
        """
        return self.decode_grids([codes])

    def decode_grids(self, grids):
        grids = [self._check_codes(codes, shape) for codes, shape in zip(grids, self.code_shapes, strict=True)]
        numbers = [len(codes) for codes in grids]
        if len(set(numbers)) > 1:
            raise InputError(f"codes has grids of {' and '.join(map(str, numbers))} images, expected as many of each.")
        parts = [
            to_uint8(self._images([codes[start : start + _AT_ONCE] for codes in grids]))
            for start in _parts(len(grids[0]), "decoding")
        ]
        return np.concatenate(parts)

    def _check_codes(self, codes, shape):
        codes = as_array(codes, "codes")
        if codes.dtype.kind not in "iu" or codes.ndim != 3 or codes.shape[1:] != shape or len(codes) == 0:
            expected = ", ".join(map(str, shape))
            raise InputError(f"codes is {codes.dtype} of shape {codes.shape}, expected integers (n, {expected}).")
        if codes.min() < 0 or codes.max() >= self.num_embeddings:
            raise InputError(
                f"codes has values from {codes.min()} to {codes.max()}, expected 0 to {self.num_embeddings - 1}."
            )
        return codes.astype("int32")

    def reconstruct(self, images):
        """Returns uint8 images decoded from the codes of `images`."""
        return self.decode(self.encode(images))

    def sample(self, noise, labels=None, temperature=1.0):
        return self._images(self.prior.sample_codes(noise, labels, temperature))

    def exported_networks(self):
        """Returns encoder and decoder, and the steps of the prior if there is one.

        The codes of several grids are called `codes_0`, the coarsest, and so on.
        """
        names = ["codes"] if len(self.code_shapes) == 1 else [f"codes_{i}" for i in range(len(self.code_shapes))]
        code_range = (0, self.num_embeddings - 1)

        def encode(image):
            return {name: codes for name, (_, codes) in zip(names, self.vectors_and_codes(image), strict=True)}

        codes = {name: Values(shape, "int32", code_range) for name, shape in zip(names, self.code_shapes, strict=True)}
        image = Values(self.image_shape, range=(-1.0, 1.0))
        networks = {
            "encoder": Network(encode, {"image": image}, dict.fromkeys(names, code_range)),
            "decoder": drawing(lambda **grids: self.images_of([grids[name] for name in names]), **codes),
        }
        prior = {} if self.prior is None else self.prior.exported_networks()
        return networks | {f"prior_{name}": network for name, network in prior.items()}

    def get_config(self):
        return {
            **super().get_config(),
            "num_embeddings": self.num_embeddings,
            "embedding_dim": self.embedding_dim,
            "commitment_cost": self.commitment_cost,
            "ema_decay": self.ema_decay,
            "data_variance": self.data_variance,
            "prior": None if self.prior is None else self.prior.options(),
        }


def _parts(number, what):
    """Returns a progress bar over the start indices of the parts in which images are encoded or decoded."""
    return bar(range(0, number, _AT_ONCE), what, unit="part")


class _Codes(keras.Model):
    """Computes codes of images; it is a model so that Keras compiles it on every backend."""

    def __init__(self, vq_vae):
        super().__init__(name="codes")
        self.vq_vae = vq_vae
        self.built = True

    def call(self, images):
        return [codes for _, codes in self.vq_vae.vectors_and_codes(images)]


class _Images(_Codes):
    """Computes images of codes; it is a model for the same reason as `_Codes`."""

    def call(self, grids):
        return self.vq_vae.images_of(grids)
