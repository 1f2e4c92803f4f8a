"""The losses of the two networks of a GAN, as functions of the discriminator's outputs l(x), here called logits."""

import keras
from keras import ops

from zoo.errors import InputError, shown

register = keras.saving.register_keras_serializable(package="zoo")


class AdversarialObjective:
    """Base class of the objectives: a loss for each network and the scale of the discriminator's outputs."""

    #: The outputs of a perfect discriminator for real and generated images, or None if the outputs are unbounded.
    targets = None
    #: Whether `generator_loss` also takes logits of real images, which every generator step then has to compute.
    compares = False

    def discriminator_loss(self, real_logits, fake_logits):
        """Returns the scalar that the discriminator minimizes, from logits `(n, 1)` of real and generated images."""
        raise NotImplementedError

    def generator_loss(self, fake_logits, *real_logits):
        """Returns the scalar that the generator minimizes, from logits `(n, 1)` of generated images.

        If the objective `compares`, it also takes the logits of as many real images.
        """
        raise NotImplementedError

    def outputs(self, logits):
        """Returns the discriminator's outputs on the scale of `targets`, clipped to their range."""
        return logits if self.targets is None else ops.clip(logits, min(self.targets), max(self.targets))

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class _CrossEntropy(AdversarialObjective):
    """The discriminator of Goodfellow et al. 2014 (eq. 1), whose D(x) = sigmoid(l(x)) is the probability of real."""

    targets = (1.0, 0.0)

    def discriminator_loss(self, real_logits, fake_logits):
        # -E[log D(x)] - E[log(1 - D(G(z)))], where -log sigmoid(l) = softplus(-l)
        return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))

    def outputs(self, logits):
        return ops.sigmoid(logits)


@register
class Minimax(_CrossEntropy):
    """The minimax game of Goodfellow et al. 2014 (eq. 1).

    The discriminator maximizes and the generator minimizes

        E[log D(x)] + E[log(1 - D(G(z)))],    D(x) = sigmoid(l(x)).

    The generator's gradient vanishes while the discriminator wins.

    Example:

    ```python
    import zoo
    from zoo.objectives.adversarial import Minimax

    model = zoo.GAN((28, 28, 1), objective=Minimax())  # or objective="minimax"
    ```
    """

    def generator_loss(self, fake_logits):
        return -ops.mean(ops.softplus(fake_logits))


@register
class NonSaturating(_CrossEntropy):
    """The non-saturating loss of Goodfellow et al. 2014 (section 3).

    The discriminator is that of `Minimax`. The generator maximizes

        E[log D(G(z))],    D(x) = sigmoid(l(x)),

    whose gradient does not vanish while the discriminator wins.

    Example:

    ```python
    import zoo
    from zoo.objectives.adversarial import NonSaturating

    model = zoo.GAN((28, 28, 1), objective=NonSaturating())  # or objective="non_saturating"
    ```
    """

    def generator_loss(self, fake_logits):
        return ops.mean(ops.softplus(-fake_logits))


@register
class LeastSquares(AdversarialObjective):
    """Least squares to the targets 1 for real and 0 for generated images (Mao et al. 2017, eq. 9).

    The discriminator minimizes E[(l(x) - 1)^2] / 2 + E[l(G(z))^2] / 2. The generator minimizes E[(l(G(z)) - 1)^2] / 2,
    whose gradient does not vanish for images that the discriminator easily recognizes as generated.

    Example:

    ```python
    import zoo
    from zoo.objectives.adversarial import LeastSquares

    model = zoo.GAN((28, 28, 1), objective=LeastSquares())  # or objective="least_squares"
    ```
    """

    targets = (1.0, 0.0)

    def discriminator_loss(self, real_logits, fake_logits):
        return 0.5 * ops.mean(ops.square(real_logits - 1.0)) + 0.5 * ops.mean(ops.square(fake_logits))

    def generator_loss(self, fake_logits):
        return 0.5 * ops.mean(ops.square(fake_logits - 1.0))


@register
class Wasserstein(AdversarialObjective):
    """The Wasserstein loss (Arjovsky et al. 2017, eq. 2 and 3).

    The critic maximizes E[l(x)] - E[l(G(z))], and the generator maximizes E[l(G(z))]. If the critic is Lipschitz, which
    a penalty or a constraint must enforce, the maximum is proportional to the Wasserstein distance between the two
    distributions. The critic's negative loss is then an estimate of that distance.

    Example:

    ```python
    import zoo
    from zoo.objectives.adversarial import Wasserstein

    model = zoo.GAN((28, 28, 1), objective=Wasserstein(), penalties="gradient_penalty")
    ```
    """

    def discriminator_loss(self, real_logits, fake_logits):
        return ops.mean(fake_logits) - ops.mean(real_logits)

    def generator_loss(self, fake_logits):
        return -ops.mean(fake_logits)


@register
class Hinge(AdversarialObjective):
    """The hinge loss (Lim & Ye 2017; Zhang et al. 2019, eq. 4).

    The discriminator minimizes E[max(0, 1 - l(x))] + E[max(0, 1 + l(G(z)))], so images beyond the margin have no
    gradient. The generator maximizes E[l(G(z))].

    Example:

    ```python
    import zoo
    from zoo.objectives.adversarial import Hinge

    model = zoo.GAN((28, 28, 1), objective=Hinge())  # or objective="hinge"
    ```
    """

    targets = (1.0, -1.0)

    def discriminator_loss(self, real_logits, fake_logits):
        return ops.mean(ops.relu(1.0 - real_logits)) + ops.mean(ops.relu(1.0 + fake_logits))

    def generator_loss(self, fake_logits):
        return -ops.mean(fake_logits)


@register
class Relativistic(AdversarialObjective):
    """The relativistic pairing loss (RpGAN, Jolicoeur-Martineau 2019), in which the discriminator compares two images.

    The discriminator maximizes E[f(l(x) - l(G(z)))] and the generator maximizes E[f(l(G(z)) - l(x))], both over pairs
    of a real and a generated image. As in `NonSaturating`, f(t) = log sigmoid(t).

    The discriminator judges images relative to each other instead of by a fixed boundary, so a generator gains little
    by drawing one part of the data again and again. With both `R1` and `R2` this loss covers all of a thousand modes,
    and the non-saturating loss does not (Huang et al. 2024, section 2).

    Example:

    ```python
    import zoo
    from zoo.objectives.adversarial import Relativistic

    model = zoo.GAN((28, 28, 1), objective=Relativistic(), penalties=["r1", "r2"])
    ```
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
    """Returns an objective, given its name, its Keras config, or an instance.

    Args:
        identifier: str, dict or `AdversarialObjective`.

    Raises:
        InputError: If `identifier` is not the name, the config or an instance of an objective.
    """
    return named(identifier, OBJECTIVES, AdversarialObjective, "objective")


def named(identifier, known, cls, argument):
    """Returns an instance of `cls`, given its name in `known`, its Keras config, or the instance itself.

    Args:
        identifier: str, dict or instance of `cls`.
        known: dict from names to classes.
        cls: class or tuple of classes that the result must be an instance of.
        argument: str. Name of the argument for the error message.

    Raises:
        InputError: If `identifier` is none of these.
    """
    if isinstance(identifier, cls):
        return identifier
    if isinstance(identifier, str) and identifier in known:
        return known[identifier]()
    if isinstance(identifier, dict) and "class_name" in identifier:
        return named(keras.saving.deserialize_keras_object(identifier), known, cls, argument)
    raise InputError(f"{argument} is {shown(identifier)}, expected one of {', '.join(known)} or an instance of one.")
