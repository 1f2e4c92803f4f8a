"""The progressive GAN, whose networks grow from a few pixels to the full resolution while they train."""

import warnings

import keras
import numpy as np
from keras import ops

from zoo.arrays import as_numbers
from zoo.errors import InputError, first_line, shown
from zoo.layers.growing import Growing
from zoo.models.gan import GAN
from zoo.nets import style


@keras.saving.register_keras_serializable(package="zoo")
class ProgressiveGAN(GAN):
    """GAN whose networks grow (Karras et al. 2018), for images whose sides double from 4 to 7 pixels.

    Both networks have a stage for each resolution. `fit` with the callback `zoo.callbacks.Grow` begins at the
    coarsest and fades in one after the other; without it all stages train from the start. At every stage the model
    takes and makes images of `image_shape`: it shrinks real ones, and enlarges its own, so that a penalty on the
    gradient by the pixels of an image is weaker for coarse stages, which have fewer.

    How far the networks have grown is saved with their weights, in presets too; a model that loads weights is at
    their stage.

    Learning rates are equalized, generated features normed pixel by pixel, and the discriminator sees how much a batch
    varies (sections 3 and 4). The objective is non-saturating with R1, as in Karras et al. 2019, where the paper has
    WGAN-GP.

    Args:
        penalties: as for `GAN`; default R1.
        Others: as for `GAN`; the network options are those of `default_networks` here.

    Raises:
        InputError: an argument out of range, an image whose size the stages do not reach, or networks that cannot grow.
    """

    def __init__(self, image_shape, latent_dim=128, *, penalties="r1", **arguments):
        super().__init__(image_shape, latent_dim, penalties=penalties, **arguments)
        for name in ("generator", "discriminator"):
            if len(self._growing(name)) != 1:
                raise InputError(f"{name} has {len(self._growing(name))} Growing layers, expected one.")
        (generator,), (discriminator,) = self._growing("generator"), self._growing("discriminator")
        if generator.last_stage != discriminator.last_stage:
            raise InputError(
                f"generator grows through {generator.last_stage + 1} stages and discriminator through "
                f"{discriminator.last_stage + 1}, expected the same."
            )
        self.grown_steps = self.add_weight(
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="grown_steps",
        )
        self._compiled_growth = self._static()

    @staticmethod
    def default_networks(image_shape, latent_dim, filters=16, max_filters=128):
        """Networks with `filters` features at the full resolution, twice as many at each below up to `max_filters`."""
        return (
            style.progressive_generator(image_shape, latent_dim, filters, max_filters),
            style.progressive_discriminator(image_shape, filters, max_filters),
            {"filters": filters, "max_filters": max_filters},
        )

    @staticmethod
    def default_optimizers():
        """Adam with the rate 1e-3 and the betas 0 and 0.99 (appendix A.1)."""
        return tuple(keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-8) for _ in range(2))

    # === Growing ===

    @property
    def last_stage(self):
        """The stage of the full resolution, counted from 0."""
        return self._growing("generator")[0].last_stage

    @property
    def stage(self):
        """The stage that the networks have grown to, counted from 0."""
        return int(np.count_nonzero(self._fade()))

    @property
    def alpha(self):
        """How far the stage is faded in, above 0 and up to 1."""
        return float(self._fade()[self.stage - 1]) if self.stage else 1.0

    def grow(self, fade):
        """Sets how far each stage after the first is faded in.

        Args:
            fade: `(last_stage,)` numbers from 0 to 1, in which 0 is followed by 0 alone.

        Raises:
            InputError: other numbers.
        """
        expected = f"{self.last_stage} numbers from 0 to 1, in which 0 is followed by 0 alone"
        fade = as_numbers(fade, "fade", expected)
        in_order = fade.shape == (self.last_stage,) and (np.diff((fade > 0).astype(int)) <= 0).all()
        if not in_order or not ((fade >= 0) & (fade <= 1)).all():
            raise InputError(f"fade is {shown(fade.ravel()[:99].tolist())}, expected {expected}.")
        before = self.stage
        for growing in self._growing("generator", "ema_generator", "discriminator"):
            growing.fade.assign(fade)
        if self.stage > before:
            # Or the average would still be half of what new layers began as when they are faded in.
            self.averaged_steps.steps.assign(0)
        self._follow()

    def _fade(self):
        return ops.convert_to_numpy(self._growing("generator")[0].fade)

    # A method, since Keras would save a property's layers as parts of the model.
    def _growing(self, *networks):
        return [layer for name in networks for layer in getattr(self, name).layers if isinstance(layer, Growing)]

    def _static(self):
        """What compiled functions cannot change."""
        return self.stage, self.alpha < 1

    def _follow(self):
        """Compiles anew what was compiled for another stage than that of the variables."""
        for growing in self._growing("generator", "ema_generator", "discriminator"):
            growing.follow()
        if self._static() == self._compiled_growth:
            return
        self._compiled_growth = self._static()
        self.test_function = self.predict_function = self.ema_generator.predict_function = None
        if self.train_function is not None:
            # Not left to the next `fit`: one that is running looks it up at every step.
            super().make_train_function(force=True)

    def make_train_function(self, force=False):
        self._follow()
        return super().make_train_function(force)

    def make_test_function(self, force=False):
        self._follow()
        return super().make_test_function(force)

    def make_predict_function(self, force=False):
        self._follow()
        return super().make_predict_function(force)

    def set_weights(self, weights):
        super().set_weights(weights)
        self._follow()

    def _generate_batch(self, latents, **conditions):
        self._follow()
        return super()._generate_batch(latents, **conditions)

    def load_weights(self, filepath, **kwargs):
        """Keras' `load_weights`, after which the model is at the stage of the weights.

        Raises:
            InputError: the weights are those of another architecture, such as one of more stages.
        """
        stage, trained = self.stage, self.compiled and int(ops.convert_to_numpy(self.optimizer.iterations)) > 0
        try:
            super().load_weights(filepath, **kwargs)
        except ValueError as error:
            raise InputError(
                f"The weights in {filepath} do not fit a {type(self).__name__} of {self.last_stage + 1} stages, up to "
                f"{self._size(self.last_stage)} pixels ({first_line(error)})"
            ) from error
        if trained and stage != self.stage:
            warnings.warn(
                f"The weights in {filepath} are of stage {self.stage} ({self._size(self.stage)} pixels), but the model "
                f"was at stage {stage} ({self._size(stage)}); it goes on at stage {self.stage}.",
                stacklevel=2,
            )
        self._follow()

    def _size(self, stage):
        return "x".join(map(str, self._growing("generator")[0].size(stage)))

    # === Training ===

    def _optimized_variables(self):
        """All that will be trained, and not only what the present stage trains."""
        found = {}
        for name in ("generator", "discriminator"):
            (growing,) = self._growing(name)
            grows = {id(v) for v in growing.weights if v is not growing.fade}
            found[f"{name}_optimizer"] = [v for v in getattr(self, name).weights if v.trainable or id(v) in grows]
        return found

    def _canonical(self, batch):
        """Real images have no more detail than the stage knows."""
        batch = super()._canonical(batch)
        return {**batch, "images": self._growing("discriminator")[0].blurred(batch["images"])}
