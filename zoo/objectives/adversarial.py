"""What the two networks of a GAN minimize, given the discriminator's outputs l(x), here called logits."""

import keras
from keras import ops

from zoo.errors import InputError, shown

register = keras.saving.register_keras_serializable(package="zoo")


class AdversarialObjective:
    """Base of the objectives: two scalars to minimize, and what `fit` shows of the discriminator."""

    #: Outputs of a discriminator that tells every real and every generated image, or None where they have no bounds.
    targets = None
    #: Whether `generator_loss` takes logits of real images, too, which a step of the generator then has to compute.
    compares = False

    def discriminator_loss(self, real_logits, fake_logits):
        """Scalar to minimize over the discriminator, from logits `(n, 1)` of real and generated images."""
        raise NotImplementedError

    def generator_loss(self, fake_logits, *real_logits):
        """Scalar to minimize over the generator, from logits `(n, 1)` of generated images.

        An objective that `compares` takes those of as many real images besides.
        """
        raise NotImplementedError

    def outputs(self, logits):
        """The discriminator's outputs on the scale of `targets`, and not beyond them."""
        return logits if self.targets is None else ops.clip(logits, min(self.targets), max(self.targets))

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class _CrossEntropy(AdversarialObjective):
    """The discriminator of Goodfellow et al. 2014, eq. 1, a probability D(x) = sigmoid(l(x)) of being real."""

    targets = (1.0, 0.0)

    def discriminator_loss(self, real_logits, fake_logits):
        # -E[log D(x)] - E[log(1 - D(G(z)))], where -log sigmoid(l) = softplus(-l)
        return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))

    def outputs(self, logits):
        return ops.sigmoid(logits)


@register
class Minimax(_CrossEntropy):
    """The game of Goodfellow et al. 2014, eq. 1: both play E[log D(x)] + E[log(1 - D(G(z)))].

    Its gradient for the generator vanishes while the discriminator wins.
    """

    def generator_loss(self, fake_logits):
        return -ops.mean(ops.softplus(fake_logits))


@register
class NonSaturating(_CrossEntropy):
    """The discriminator of eq. 1; the generator maximizes E[log D(G(z))] (Goodfellow et al. 2014, section 3)."""

    def generator_loss(self, fake_logits):
        return ops.mean(ops.softplus(-fake_logits))


@register
class LeastSquares(AdversarialObjective):
    """Least squares to the targets 1 for real and 0 for generated images (Mao et al. 2017, eq. 9).

    The generator minimizes E[(l(G(z)) - 1)^2] / 2, whose gradient does not vanish for images that are told easily.
    """

    targets = (1.0, 0.0)

    def discriminator_loss(self, real_logits, fake_logits):
        return 0.5 * ops.mean(ops.square(real_logits - 1.0)) + 0.5 * ops.mean(ops.square(fake_logits))

    def generator_loss(self, fake_logits):
        return 0.5 * ops.mean(ops.square(fake_logits - 1.0))


@register
class Wasserstein(AdversarialObjective):
    """The critic maximizes E[l(x)] - E[l(G(z))] and the generator E[l(G(z))] (Arjovsky et al. 2017, eq. 2 and 3).

    If the critic is Lipschitz, which a penalty or a constraint has to see to, the maximum is proportional to the
    Wasserstein distance of the two distributions, so that the critic's negative loss estimates it.
    """

    def discriminator_loss(self, real_logits, fake_logits):
        return ops.mean(fake_logits) - ops.mean(real_logits)

    def generator_loss(self, fake_logits):
        return -ops.mean(fake_logits)


@register
class Hinge(AdversarialObjective):
    """Hinge loss (Lim & Ye 2017; Zhang et al. 2019, eq. 4).

    The discriminator minimizes E[max(0, 1 - l(x))] + E[max(0, 1 + l(G(z)))], so images beyond the margin teach it
    nothing; the generator maximizes E[l(G(z))].
    """

    targets = (1.0, -1.0)

    def discriminator_loss(self, real_logits, fake_logits):
        return ops.mean(ops.relu(1.0 - real_logits)) + ops.mean(ops.relu(1.0 + fake_logits))

    def generator_loss(self, fake_logits):
        return -ops.mean(fake_logits)


@register
class Relativistic(AdversarialObjective):
    """The discriminator says which of two images is the real one (RpGAN, Jolicoeur-Martineau 2019).

    It maximizes E[f(l(x) - l(G(z)))] and the generator E[f(l(G(z)) - l(x))], on pairs of images and with the f(t) =
    log sigmoid(t) of `NonSaturating`. Since images are judged beside others, not by a fixed boundary, a generator gains
    little by drawing one part of the data again and again: with both `R1` and `R2` it drew all of a thousand modes,
    which by the other objective it did not (Huang et al. 2024, section 2).
    """

    compares = True

    def discriminator_loss(self, real_logits, fake_logits):
        return ops.mean(ops.softplus(fake_logits - real_logits))

    def generator_loss(self, fake_logits, real_logits):
        return ops.mean(ops.softplus(real_logits - fake_logits))


OBJECTIVES = {
    "minimax": Minimax,
    "non_saturating": NonSaturating,
    "least_squares": LeastSquares,
    "wasserstein": Wasserstein,
    "hinge": Hinge,
    "relativistic": Relativistic,
}


def get(identifier):
    """An objective from its name, its Keras config, or itself.

    Raises:
        InputError: no objective of that name, or something else entirely.
    """
    return named(identifier, OBJECTIVES, AdversarialObjective, "objective")


def named(identifier, known, cls, argument):
    """An object of `cls` from its name in `known`, its Keras config, or itself; `InputError` names the argument."""
    if isinstance(identifier, cls):
        return identifier
    if isinstance(identifier, str) and identifier in known:
        return known[identifier]()
    if isinstance(identifier, dict) and "class_name" in identifier:
        return named(keras.saving.deserialize_keras_object(identifier), known, cls, argument)
    raise InputError(f"{argument} is {shown(identifier)}, expected one of {', '.join(known)} or an instance of one.")
