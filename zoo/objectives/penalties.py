"""Penalties on a discriminator. Each is called with the discriminator as a function, never with a model."""

import keras
from keras import ops

from zoo.errors import InputError


@keras.saving.register_keras_serializable(package="zoo")
class R1:
    """Gradient penalty on real images, weight / 2 * E[|grad l(x)|^2] (Mescheder et al. 2018, eq. 9).

    Computed on every `interval`-th step and then counted `interval` times, which costs less and trains alike
    (Karras et al. 2020, section 3.1). Not for discriminators with batch norm, which couples the images.

    Args:
        weight: gamma of the paper; 0.1 to 10 is usual, growing with the resolution.
        interval: steps between two penalties.
    """

    def __init__(self, weight=1.0, interval=1):
        if weight <= 0:
            raise InputError(f"weight is {weight!r}, expected a positive number.")
        if interval < 1:
            raise InputError(f"interval is {interval!r}, expected an integer of at least 1.")
        self.weight, self.interval = weight, interval

    def __call__(self, discriminator, real, fake, step, input_gradient):
        """Scalar penalty.

        Args:
            discriminator: function from images to logits.
            real, fake: images `(n, h, w, c)`; only the real ones matter here.
            step: number of discriminator updates before this one, a scalar tensor.
            input_gradient: function `(fn, x)` that returns the gradient of `sum(fn(x))` with respect to x.
        """

        def penalty():
            gradient = ops.cast(input_gradient(discriminator, real), "float32")
            squared = ops.sum(ops.square(gradient), axis=tuple(range(1, len(real.shape))))
            return 0.5 * self.weight * self.interval * ops.mean(squared)

        if self.interval == 1:
            return penalty()
        return ops.cond(ops.equal(step % self.interval, 0), penalty, lambda: ops.zeros((), "float32"))

    def get_config(self):
        return {"weight": self.weight, "interval": self.interval}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
