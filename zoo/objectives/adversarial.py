"""What the two networks of a GAN minimize, given the discriminator's logits l, with D(x) = sigmoid(l(x))."""

import keras
from keras import ops

from zoo.errors import InputError

register = keras.saving.register_keras_serializable(package="zoo")


class AdversarialObjective:
    """Base of the objectives.

    Args:
        penalties: penalties added to the discriminator's loss (`zoo.objectives.penalties`).
    """

    def __init__(self, penalties=()):
        self.penalties = list(penalties)

    def discriminator_loss(self, real_logits, fake_logits):
        """Scalar to minimize over the discriminator, from logits `(n, 1)` of real and generated images."""
        # -E[log D(x)] - E[log(1 - D(G(z)))], where -log sigmoid(l) = softplus(-l)
        return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))

    def generator_loss(self, fake_logits):
        """Scalar to minimize over the generator, from logits `(n, 1)` of generated images."""
        raise NotImplementedError

    def get_config(self):
        return {"penalties": [keras.saving.serialize_keras_object(p) for p in self.penalties]}

    @classmethod
    def from_config(cls, config):
        return cls([keras.saving.deserialize_keras_object(p) for p in config["penalties"]])


@register
class Minimax(AdversarialObjective):
    """The game of Goodfellow et al. 2014, eq. 1: both play E[log D(x)] + E[log(1 - D(G(z)))].

    Its gradient for the generator vanishes while the discriminator wins.
    """

    def generator_loss(self, fake_logits):
        return -ops.mean(ops.softplus(fake_logits))


@register
class NonSaturating(AdversarialObjective):
    """The discriminator of eq. 1; the generator maximizes E[log D(G(z))] (Goodfellow et al. 2014, section 3)."""

    def generator_loss(self, fake_logits):
        return ops.mean(ops.softplus(-fake_logits))


OBJECTIVES = {"minimax": Minimax, "non_saturating": NonSaturating}


def get(identifier):
    """An objective from its name, its Keras config, or itself.

    Raises:
        InputError: no objective of that name, or something else entirely.
    """
    if isinstance(identifier, AdversarialObjective):
        return identifier
    if isinstance(identifier, str) and identifier in OBJECTIVES:
        return OBJECTIVES[identifier]()
    if isinstance(identifier, dict):
        return get(keras.saving.deserialize_keras_object(identifier))
    raise InputError(
        f"objective is {identifier!r}, expected one of {', '.join(OBJECTIVES)} or an AdversarialObjective."
    )
