"""Warnings about problems in training, such as mode collapse and exploding gradients."""

import math
import warnings

import keras
import numpy as np

from zoo.errors import check_count
from zoo.images import check_images, to_uint8
from zoo.neighbors import nearest_images


class WarnOfUnusedCodes(keras.callbacks.Callback):
    """Warns once if a codebook collapses, that is, if an epoch's batches use less than a tenth of it on average."""

    def __init__(self):
        super().__init__()
        self._warned = False

    def on_epoch_end(self, epoch, logs=None):
        share = (logs or {}).get("used_codes", 1.0)
        if share < 0.1 and not self._warned:
            self._warned = True
            warnings.warn(
                f"The codebook collapses: in epoch {epoch + 1} a batch used {100 * share:.1f} % of it, perplexity "
                f"{logs['perplexity']:.1f}; running means (ema_decay) restart unused codes, and larger batches help.",
                stacklevel=2,
            )


class WarnOfStalePrior(keras.callbacks.Callback):
    """Warns at the end of training if the model has a prior, because that prior was fitted to the earlier encoder."""

    def on_train_end(self, logs=None):
        if self.model.prior is not None:
            warnings.warn(
                "The prior learned from an earlier encoder, and generate draws from it; fit_prior teaches it anew.",
                stacklevel=2,
            )


class WarnOfFewSteps(keras.callbacks.Callback):
    """Warns if the first `fit` of a loaded preset has less than 200 steps, which leave most new images unlearned."""

    _FEWEST = 200

    def on_epoch_begin(self, epoch, logs=None):
        # A backup has been restored by now, and a resumed training has steps behind it.
        begins = self.model.just_loaded and int(keras.ops.convert_to_numpy(self.model.optimizer.iterations)) == 0
        self.model.just_loaded = False
        # The number of batches of a generator is unknown.
        steps, epochs = self.params["steps"], self.params["epochs"]
        if begins and steps and steps * (epochs - epoch) < self._FEWEST:
            warnings.warn(
                f"epochs={epochs} means {steps * (epochs - epoch)} of the {self._FEWEST} steps that a preset needs at "
                f"least to learn new images; epochs={epoch + math.ceil(self._FEWEST / steps)} reaches them, and "
                "model.fine_tune(data, steps=1000) also chooses learning rates.",
                stacklevel=2,
            )


class WarnOfWinningDiscriminator(keras.callbacks.Callback):
    """Warns once if the discriminator separates real from generated images so well that the generator learns little.

    The condition is that its mean outputs of an epoch, on real and on generated images, both lie within 2 % of the
    objective's targets. Objectives with unbounded outputs are not checked.
    """

    def __init__(self):
        super().__init__()
        self._warned = False

    def on_epoch_end(self, epoch, logs=None):
        targets = self.model.objective.targets
        if self._warned or targets is None:
            return
        (high, low), real, fake = targets, logs["discriminator_real"], logs["discriminator_fake"]
        margin = 0.02 * (high - low)
        if real >= high - margin and fake <= low + margin:
            self._warned = True
            warnings.warn(
                f"The discriminator wins: in epoch {epoch + 1} its mean output was {real:.3f} on real and {fake:.3f} "
                f"on generated images, where {high:g} and {low:g} tell all, so the generator learns little; "
                "penalties='r1', augmentation, or a smaller rate of the discriminator help.",
                stacklevel=2,
            )


class WarnOfExplodingGradients(keras.callbacks.Callback):
    """Warns once if the mean gradient norm of a network exceeds 10 and 100 times that of its calmest epoch."""

    def __init__(self):
        super().__init__()
        self._calmest, self._warned = {}, False

    def on_epoch_end(self, epoch, logs=None):
        for name, norm in (logs or {}).items():
            # The norm of an epoch without data is NaN.
            if not name.endswith("_gradient_norm") or name.startswith("val_") or np.isnan(norm):
                continue
            calmest = self._calmest[name] = min(norm, self._calmest.get(name, norm))
            if norm > max(10.0, 100.0 * calmest) and not self._warned:
                self._warned = True
                part = name.removesuffix("_gradient_norm")
                warnings.warn(
                    f"The {part}'s gradients explode: their mean norm was {norm:.3g} in epoch {epoch + 1} and "
                    f"{calmest:.3g} in its calmest; a smaller learning rate, clipping (global_clipnorm of the "
                    "optimizer) or a penalty on the discriminator help.",
                    stacklevel=2,
                )


class WarnOfModeCollapse(keras.callbacks.Callback):
    """Warns once of mode collapse, that is, if the samples share very few nearest neighbours among real images.

    After each epoch, 64 samples are compared pixel by pixel with up to 1000 real images. Diverse samples have diverse
    nearest neighbours; fewer than 8 distinct ones are far from chance.

    Args:
        images: real images `(n, height, width, channels)`, uint8 or float in [-1, 1].
        min_steps: updates of the generator before it is judged, because an untrained generator is collapsed, too;
            default 1000.

    Raises:
        InputError: the images are invalid, or `min_steps` is negative.
    """

    _NUM_SAMPLES, _FEWEST = 64, 8

    def __init__(self, images, min_steps=1000):
        super().__init__()
        # The rows are spread over the whole set, which may be sorted by class.
        images, min_steps = check_images(images), check_count(min_steps, "min_steps", least=0)
        images = images[np.linspace(0, len(images) - 1, min(len(images), 1000)).astype(int)]
        self._images = images if images.dtype == np.uint8 else to_uint8(images)
        self._min_steps, self._warned = min_steps, False

    def on_epoch_end(self, epoch, logs=None):
        trained = int(keras.ops.convert_to_numpy(self.model.generator_optimizer.iterations)) >= self._min_steps
        # With fewer images, few distinct neighbours are to be expected.
        if self._warned or not trained or len(self._images) < self._NUM_SAMPLES:
            return
        samples = self.model.generate(self._NUM_SAMPLES, seed=0)
        nearest, _ = nearest_images(samples, self._images)
        different = len(np.unique(nearest))
        if different < self._FEWEST:
            self._warned = True
            warnings.warn(
                f"The generator collapses: after epoch {epoch + 1} its {self._NUM_SAMPLES} samples have {different} "
                f"different nearest neighbours among {len(self._images)} training images; a penalty on the "
                "discriminator, smaller learning rates or another objective help.",
                stacklevel=2,
            )
