"""The progressive GAN, whose networks grow from a few pixels to the full resolution during training."""

import warnings

import keras
import numpy as np
from keras import ops

from zoo.arrays import as_numbers
from zoo.errors import InputError, first_line, shown
from zoo.layers.growing import Growing
from zoo.models.gan import GAN
from zoo.nets import style
from zoo.nets.options import Count


@keras.saving.register_keras_serializable(package="zoo")
class ProgressiveGAN(GAN):
    """GAN whose networks grow (Karras et al. 2018), for images whose sides are 4 to 7 pixels times a power of two.

    Both networks have a stage for each resolution. A new stage is faded in (section 2, figure 2):

        image = (1 - alpha) * upsampled coarser image + alpha * new stage's image.

    With the callback `zoo.callbacks.Grow`, `fit` begins at the coarsest resolution and fades in one stage after
    another; without it all stages train from the start. At every stage the model reads and makes images of
    `image_shape`: it shrinks real images and enlarges its own. A gradient penalty with respect to pixels is therefore
    weaker at coarse stages, which have fewer pixels.

    Weights and presets store the growth, so a model continues at the stage of the weights that it loads.

    The networks have equalized learning rates, pixelwise normalization of the generator's features, and a minibatch
    standard deviation layer in the discriminator (sections 3 and 4). The objective is non-saturating with R1, as in
    Karras et al. 2019, where the paper uses WGAN-GP.

    Args:
        latent_dim: int, at least 1. Size of the latent vector. Defaults to 128.
        penalties: as for `GAN`. Defaults to `"r1"`.
        **arguments: those of `GAN`; network options are those of `ProgressiveGAN.default_networks`.

    Raises:
        InputError: If an argument is out of range, the stages do not reach the image size, or the networks cannot grow.

    Example:

    ```python
    import zoo
    from zoo.callbacks import Grow

    model = zoo.ProgressiveGAN((32, 32, 3), filters=8)
    model.compile()
    model.fit(images, epochs=20, callbacks=[Grow(stable_steps=1000, fade_steps=1000)])  # uint8 (n, 32, 32, 3)
    new_images = model.generate(16, seed=0)
    ```
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
    def default_networks(image_shape, latent_dim, filters: Count = 16):
        """Networks with `filters` features at full resolution, and twice as many at each below, up to eight times."""
        return (
            style.progressive_generator(image_shape, latent_dim, filters),
            style.progressive_discriminator(image_shape, filters),
            {"filters": filters},
        )

    @staticmethod
    def default_optimizers():
        """Returns Adam(1e-3, beta_1=0, beta_2=0.99) for both networks (appendix A.1)."""
        return tuple(keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.99, epsilon=1e-8) for _ in range(2))

    # === Growing ===

    @property
    def last_stage(self):
        """The stage of the full resolution, counted from 0."""
        return self._growing("generator")[0].last_stage

    @property
    def stage(self):
        """The stage that the networks have reached, counted from 0."""
        return int(np.count_nonzero(self._fade()))

    @property
    def alpha(self):
        """The share of the current stage that is faded in, above 0 and up to 1."""
        return float(self._fade()[self.stage - 1]) if self.stage else 1.0

    def grow(self, fade):
        """Sets the faded-in share of each stage after the first.

        Args:
            fade: `(last_stage,)` floats from 0 to 1. A 0 may be followed by 0 only.

        Raises:
            InputError: If `fade` is malformed.
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
            # The average restarts; otherwise it would still be half the initial values of the new layers when they are
            # faded in.
            self.averaged_steps.steps.assign(0)
        self._follow()

    def _fade(self):
        return ops.convert_to_numpy(self._growing("generator")[0].fade)

    # This is a method, because Keras would save the layers of a property as parts of the model.
    def _growing(self, *networks):
        return [layer for name in networks for layer in getattr(self, name).layers if isinstance(layer, Growing)]

    def _static(self):
        """Returns the part of the growth that a compiled function has fixed."""
        return self.stage, self.alpha < 1

    def _follow(self):
        """Recompiles functions that were compiled for another stage."""
        for growing in self._growing("generator", "ema_generator", "discriminator"):
            growing.follow()
        if self._static() == self._compiled_growth:
            return
        self._compiled_growth = self._static()
        self.test_function = self.predict_function = self.ema_generator.predict_function = None
        if self.train_function is not None:
            # A running `fit` looks the function up at every step, so it changes at once.
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

    def sample(self, latents, **conditions):
        self._follow()
        return super().sample(latents, **conditions)

    def exported_networks(self):
        self._follow()
        return super().exported_networks()

    def load_weights(self, filepath, **kwargs):
        """Loads weights like Keras' `load_weights`, and continues at their stage.

        Raises:
            InputError: If the weights belong to another architecture, such as one with more stages.
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

    def optimized_variables(self):
        """Returns all variables of each network that any stage trains, not only the current one."""
        found = {}
        for name in ("generator", "discriminator"):
            (growing,) = self._growing(name)
            grows = {id(v) for v in growing.weights if v is not growing.fade}
            found[f"{name}_optimizer"] = [v for v in getattr(self, name).weights if v.trainable or id(v) in grows]
        return found

    def prepare(self, data):
        """Returns the batch with real images reduced to the detail of the current stage."""
        batch = super().prepare(data)
        return {**batch, "images": self._growing("discriminator")[0].blurred(batch["images"])}
