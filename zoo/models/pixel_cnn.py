"""The gated PixelCNN: an autoregressive model with an exact likelihood."""

import math

import keras
import numpy as np
from keras import ops

from zoo.callbacks import PredictionProgress
from zoo.errors import InputError, check_count, check_image_shape
from zoo.images import binarize
from zoo.latents import check_seed
from zoo.models.generative_model import GenerativeModel
from zoo.nets.building import dtype_scope
from zoo.nets.pixel_cnn import gated_pixel_cnn
from zoo.objectives import likelihoods
from zoo.sampling.codes import CodeSampler, exported_steps
from zoo.sampling.conditions import CompletedImages, Mask, temperature


@keras.saving.register_keras_serializable(package="zoo")
class PixelCNN(GenerativeModel):
    """Gated PixelCNN (van den Oord et al. 2016b), which draws an image pixel by pixel, row by row.

    Training maximizes the likelihood of an image, the product over all pixels given those above and to the left (eq.
    1):

        log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)).

    The channels of a pixel follow one another in the same way. With `num_classes`, labels condition every gate, with
    the same bias at all positions (eq. 4) or, with `class_map_features`, a bias per position (eq. 5).

    Inputs and outputs are uint8 or float images in [-1, 1]. A Bernoulli likelihood reads grey values as the probability
    of white and draws a binary image at every step. The other likelihoods round to the nearest of `levels` grey values.
    `generate` returns samples, not means. It also completes images: it keeps the pixels of `source_images` where `mask`
    is True, and draws each other pixel from the pixels before it.

    Args:
        image_shape: `(height, width, channels)`.
        filters: int, at least 1. Features of the vertical and of the horizontal stack, a multiple of `channels` unless
            the likelihood is a logistic mixture. Defaults to 64.
        num_blocks: int, at least 1. Number of gated blocks; with the default `kernel_size` each extends the receptive
            field by one row and column. Defaults to 10.
        kernel_size: odd int, at least 3. Kernel size of the convolutions. Defaults to 3.
        first_kernel_size: odd int, at least 3. Kernel size of the first block. Defaults to 7.
        likelihood: `"bernoulli"` for nearly black and white images; `"categorical"`, a probability for each of
            `levels`; or `"logistic_mixture"` (Salimans et al. 2017), which models the order of levels. Defaults to
            `"bernoulli"`.
        levels: int, at most 256, or None. Number of grey values of the last two likelihoods; None is 256. Defaults to
            None.
        num_mixtures: int, at least 1. Components of the logistic mixture. Defaults to 10.
        num_classes: int or None. Number of classes that the labels name; None for an unconditional model. Defaults to
            None.
        class_names: list of `num_classes` texts for `generate`, or None. Defaults to None.
        class_map_features: int, at least 1, or None. Features of a map learned for each class; it suits classes whose
            pixels have fixed positions. The map is a table, where the paper uses a network. None conditions all
            positions alike. Defaults to None.
        name: str or None. Name of the Keras model.
        dtype: str, `keras.DTypePolicy` or None. None is the global policy.

    Raises:
        InputError: If an argument is out of range, or `class_map_features` is given without classes.

    Example:

    ```python
    import zoo

    model = zoo.PixelCNN((28, 28, 1), filters=32, num_blocks=5)
    model.compile()
    model.fit(images, epochs=20)  # uint8 (n, 28, 28, 1)
    new_images = model.generate(16, seed=0)
    bits = model.bits_per_dim(images)
    ```
    """

    noise_distribution = "uniform"
    predicts_from_images = True

    def __init__(
        self,
        image_shape,
        filters=64,
        num_blocks=10,
        *,
        kernel_size=3,
        first_kernel_size=7,
        likelihood="bernoulli",
        levels=None,
        num_mixtures=10,
        num_classes=None,
        class_names=None,
        class_map_features=None,
        name=None,
        dtype=None,
    ):
        image_shape = check_image_shape(image_shape)
        super().__init__(
            image_shape, monitored=("loss", "bits_per_dim", "network_gradient_norm"), name=name, dtype=dtype
        )
        # Keras would cast inputs to half precision, which cannot represent all levels.
        self.autocast = False
        self.filters, self.num_blocks = check_count(filters, "filters"), check_count(num_blocks, "num_blocks")
        self.kernel_size = check_count(kernel_size, "kernel_size")
        self.first_kernel_size = check_count(first_kernel_size, "first_kernel_size")
        self.set_classes(num_classes, class_names)
        self.trained_conditions = self.label_conditions
        self.conditions = (
            *self.trained_conditions,
            CompletedImages(image_shape),
            Mask(image_shape),
            temperature(of_uniform_noise=True),
        )
        self.class_map_features = None
        if class_map_features is not None:
            self.class_map_features = check_count(class_map_features, "class_map_features")
            if num_classes is None:
                raise InputError(
                    f"class_map_features is {class_map_features}, expected None for a model without classes."
                )
        self.likelihood = likelihoods.get(likelihood, levels, num_mixtures)
        if self.likelihood.levels > 256:
            raise InputError(f"levels is {levels}, expected at most 256, since images have no more.")
        self.levels, self.num_mixtures = levels, check_count(num_mixtures, "num_mixtures")
        channels = image_shape[-1]
        with dtype_scope(dtype):
            self.network = gated_pixel_cnn(
                image_shape,
                self.likelihood.levels,
                self.likelihood.num_outputs(channels),
                self.filters,
                self.num_blocks,
                kernel_size=self.kernel_size,
                first_kernel_size=self.first_kernel_size,
                channel_groups=channels if self.likelihood.masks_channels else 1,
                num_classes=self.num_classes,
                class_map_features=self.class_map_features,
            )
        self.built = True
        # The attributes hold methods, because Keras would save models as parts of this one.
        self._log_likelihoods = _LogLikelihood(self.network, self.likelihood).predict
        self._draw_codes = CodeSampler(self.network, self.likelihood).sample

    @classmethod
    def changed_arguments(cls, arguments, overrides):
        if overrides.get("num_classes", arguments["num_classes"]) is None:
            # Class maps need classes.
            arguments = {**arguments, "class_map_features": None}
        return super().changed_arguments(arguments, overrides)

    @property
    def noise_shape(self):
        return self.image_shape

    def call(self, inputs):
        """Returns the likelihood's parameters `(n, height, width, parameters)` for images in [-1, 1].

        `inputs` are images, or a dict of `images` and `labels`.
        """
        batch = self.prepare(inputs)
        return self._outputs(self.likelihood.nearest(batch["images"]), batch)

    def train_step(self, data):
        """Takes a step down the negative log-likelihood."""
        batch = self.prepare(data)
        logs = self.update("network", self.negative_log_likelihood, batch, self.trainable_variables, self.optimizer)
        return self.report(logs, batch)

    def test_step(self, data):
        batch = self.prepare(data)
        _, logs = self.negative_log_likelihood(batch)
        return self.report(logs, batch)

    def negative_log_likelihood(self, batch):
        """Returns -log p(x) in nats per image, averaged over the batch, and a dict of logs.

        The log `bits_per_dim` is the same value in bits per pixel and channel.
        """
        codes = self.likelihood.prepare(batch["images"], self.seed_generator)
        loss = -ops.mean(self.likelihood.log_likelihood(codes, self._outputs(codes, batch)))
        return loss, {"loss": loss, "bits_per_dim": self._bits_per_dim(loss)}

    def _outputs(self, codes, batch):
        inputs = {"codes": codes}
        if self.num_classes is not None:
            inputs["labels"] = ops.cast(batch["labels"], "int32")
        return self.network(inputs)

    def _bits_per_dim(self, nats):
        return nats / (math.prod(self.image_shape) * math.log(2.0))

    # === Using ===

    def log_prob(self, images, labels=None, *, seed=0):
        """Returns the exact log p(x) of each image, or log p(x | label).

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`. A Bernoulli likelihood binarizes grey values
                once; the others round them to the nearest level.
            labels: integers `(n,)` or one for all. A model with classes requires them; any other model refuses them.
            seed: int. Seed of the binarization. Defaults to 0.

        Returns:
            float64 array `(n,)` in nats.

        Raises:
            InputError: If images have another shape or range, or labels are missing, out of range, or given without
                classes.
        """
        images, seed = self.checked_images(images), check_seed(seed)
        if self.likelihood.name == "bernoulli":
            images = binarize(images, seed)
        inputs = {"codes": ops.convert_to_numpy(self.likelihood.nearest(images))}
        labels = self.labels_for(len(images), labels)
        if labels is not None:
            inputs["labels"] = labels
        progress = [PredictionProgress("likelihoods")]
        return self._log_likelihoods(inputs, batch_size=100, verbose=0, callbacks=progress).astype("float64")

    def bits_per_dim(self, images, labels=None, *, seed=0):
        """Returns -log2 p(x) per pixel and channel, float64 `(n,)`; arguments and errors are those of `log_prob`."""
        return self._bits_per_dim(-self.log_prob(images, labels, seed=seed))

    def sample(self, noise, labels=None, source_images=None, mask=None, temperature=1.0):
        given = {} if labels is None else {"labels": labels}
        if mask is not None:
            codes = ops.convert_to_numpy(self.likelihood.nearest(source_images))
            given |= {"codes": codes, "keep": mask}
        drawn = ops.convert_to_numpy(self.likelihood.images(self._draw_codes(noise, temperature, **given)))
        return drawn if mask is None else np.where(mask[:, :, None], source_images, drawn)

    def exported_networks(self):
        """Returns the networks `above` and `step`, by which images are drawn code by code."""
        return exported_steps(self.network, self.likelihood, self.exported_labels)

    def exported_facts(self):
        return {**super().exported_facts(), "levels": self.likelihood.levels}

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_blocks": self.num_blocks,
            "kernel_size": self.kernel_size,
            "first_kernel_size": self.first_kernel_size,
            "likelihood": self.likelihood.name,
            "levels": self.levels,
            "num_mixtures": self.num_mixtures,
            "num_classes": self.num_classes,
            "class_names": self.class_names,
            "class_map_features": self.class_map_features,
        }


class _LogLikelihood(keras.Model):
    """Computes log p of codes; it is a model so that Keras compiles it on every backend."""

    def __init__(self, network, likelihood):
        super().__init__(name="log_likelihood", dtype="float32")
        self.network, self.likelihood = network, likelihood
        self.built = True

    def call(self, inputs):
        return self.likelihood.log_likelihood(inputs["codes"], self.network(inputs))
