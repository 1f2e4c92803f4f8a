"""The gated PixelCNN: an autoregressive model with an exact likelihood."""

import math

import keras
import numpy as np
from keras import ops

from zoo.arrays import as_array
from zoo.callbacks import PredictionProgress
from zoo.errors import InputError, check_count, check_image_shape
from zoo.images import binarize
from zoo.latents import check_seed
from zoo.models.autoregressive_model import AutoregressiveModel, CodeSampler
from zoo.nets.pixel_cnn import gated_pixel_cnn
from zoo.objectives import likelihoods
from zoo.training.checks import built_under


@keras.saving.register_keras_serializable(package="zoo")
class PixelCNN(AutoregressiveModel):
    """Gated PixelCNN (van den Oord et al. 2016b), which draws an image pixel by pixel, row by row.

    The likelihood of an image is that of each pixel given those above it and to its left (eq. 1),

        log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)),

    and training maximizes it. The channels of a pixel follow one another in the same way. With `num_classes`, labels
    condition every gate, everywhere in the same way (eq. 4) or, with `class_map_features`, by the place too (eq. 5).

    Images are uint8 or floats in [-1, 1] outside, as everywhere. A Bernoulli likelihood takes grey values as the
    probability of white and draws a binary image at every step; the others round to the nearest of `levels` grey
    values. `generate` returns samples, not means, and completes images: it keeps the pixels of `source_images` where
    `mask` is True and draws the others, each from the pixels before it alone.

    Args:
        image_shape: `(height, width, channels)`.
        filters: features of the vertical and of the horizontal stack; a multiple of `channels` unless the likelihood
            is a logistic mixture.
        num_blocks: gated blocks; each lets a pixel see one further row and column with the default `kernel_size`.
        kernel_size: of the convolutions, odd and at least 3.
        first_kernel_size: of the first block's.
        likelihood: `"bernoulli"` for images that are close to black and white; `"categorical"`, a probability for
            each of `levels`; or `"logistic_mixture"` (Salimans et al. 2017), which knows that levels have an order.
        levels: grey values of the last two, at most 256, which is the default.
        num_mixtures: components of the logistic mixture.
        num_classes: how many classes the labels name, or None for a model without labels.
        class_names: their names, for `generate`, or None.
        class_map_features: features, at least 1, of a map learned for each class, a table where the paper's is made by
            a network; for classes whose pixels have their places. None: classes say the same everywhere.
        name, dtype: as for every Keras model.

    Raises:
        InputError: an argument out of range, or a map for classes where there are none.
    """

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
        # Half precision, to which Keras casts what a model is called on, blurs levels.
        self.autocast = False
        self.filters, self.num_blocks = check_count(filters, "filters"), check_count(num_blocks, "num_blocks")
        self.kernel_size = check_count(kernel_size, "kernel_size")
        self.first_kernel_size = check_count(first_kernel_size, "first_kernel_size")
        self._set_classes(num_classes, class_names)
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
        with built_under(dtype):
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
        # The methods, not the models, which Keras would save as parts of this one.
        self._log_likelihoods = _LogLikelihood(self.network, self.likelihood).predict
        self._sample = CodeSampler(self.network, self.likelihood).sample

    @classmethod
    def changed_arguments(cls, arguments, overrides):
        if overrides.get("num_classes", arguments["num_classes"]) is None:
            # They are maps of the classes.
            arguments = {**arguments, "class_map_features": None}
        return super().changed_arguments(arguments, overrides)

    @property
    def generate_arguments(self):
        labels = () if self.num_classes is None else ("labels",)
        return (*labels, "source_images", "mask", "temperature")

    @property
    def noise_shape(self):
        return self.image_shape

    def call(self, inputs):
        """The likelihood's parameters `(n, height, width, any)` of images in [-1, 1].

        `inputs` are images, or a dict of `images` and `labels`.
        """
        batch = self._canonical(inputs)
        return self._outputs(self.likelihood.nearest(batch["images"]), batch)

    def negative_log_likelihood(self, batch):
        """What training minimizes, -log p(x) in nats an image, averaged over the batch.

        Returns:
            The scalar loss, and a dict with `bits_per_dim`, the same in bits for each value of an image, besides.
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
        """The exact log p(x) of each image, or log p(x | label).

        Args:
            images: uint8 or [-1, 1] images `(n, height, width, channels)`. Under a Bernoulli likelihood, grey values
                are binarized once, by `seed`; under the others they are rounded to the nearest level.
            labels: integers `(n,)` or one for all; needed by a model with classes, and by no other.
            seed: of the binarization.

        Returns:
            float64 array `(n,)` in nats.

        Raises:
            InputError: images of another shape or range, labels out of range, missing, or of a model without classes.
        """
        images, seed = self._checked(images), check_seed(seed)
        if self.likelihood.name == "bernoulli":
            images = binarize(images, seed)
        inputs = {"codes": ops.convert_to_numpy(self.likelihood.nearest(images))}
        labels = self._labels_of(len(images), labels)
        if labels is not None:
            inputs["labels"] = labels
        progress = [PredictionProgress("likelihoods")]
        return self._log_likelihoods(inputs, batch_size=100, verbose=0, callbacks=progress).astype("float64")

    def bits_per_dim(self, images, labels=None, *, seed=0):
        """-log2 p(x) for each value of an image, float64 `(n,)`; arguments and errors as for `log_prob`."""
        return self._bits_per_dim(-self.log_prob(images, labels, seed=seed))

    def _check_conditions(self, given):
        given = super()._check_conditions(given)
        if ("source_images" in given) != ("mask" in given):
            missing = "source_images" if "mask" in given else "mask"
            raise InputError(f"{missing} is None, expected source_images and mask together.")
        if "mask" in given:
            mask = as_array(given["mask"], "mask")
            if mask.dtype != bool or mask.shape != self.image_shape[:2]:
                raise InputError(
                    f"mask has dtype {mask.dtype} and shape {mask.shape}, expected bool {self.image_shape[:2]}."
                )
            given["mask"] = mask
        return given

    def _generate_batch(self, noise, labels=None, source_images=None, mask=None, temperature=1.0):
        given = {} if labels is None else {"labels": labels}
        if mask is not None:
            codes = ops.convert_to_numpy(self.likelihood.nearest(source_images))
            given |= {"codes": codes, "keep": mask}
        drawn = ops.convert_to_numpy(self.likelihood.images(self._sample(noise, temperature, **given)))
        return drawn if mask is None else np.where(mask[:, :, None], source_images, drawn)

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
    """log p of codes, as a model so that Keras compiles it on every backend."""

    def __init__(self, network, likelihood):
        super().__init__(name="log_likelihood", dtype="float32")
        self.network, self.likelihood = network, likelihood
        self.built = True

    def call(self, inputs):
        return self.likelihood.log_likelihood(inputs["codes"], self.network(inputs))
