"""What keeps a discriminator smooth: penalties on its gradient, and clipping of its weights.

Penalties on the gradient are called with the discriminator as a function, never with a model.
"""

import keras
from keras import ops

from zoo.errors import InputError, check_amount, check_count
from zoo.objectives.adversarial import named

register = keras.saving.register_keras_serializable(package="zoo")


class InputGradientPenalty:
    """Base of the penalties on the gradient g(x) of the discriminator's output with respect to the image.

    A subclass says at which images (`points`) and what the gradient costs there (`cost`). Computed on every
    `interval`-th step and then counted `interval` times, which costs less and trains much alike (Karras et al. 2020,
    section 3.1; their appendix B adapts rate and betas of Adam to it, too, which is left to whoever compiles). Where
    images are augmented, the gradient is with respect to what the discriminator sees of them. Not for discriminators
    with batch norm, which couples the images of a batch.

    Args:
        weight: factor of the penalty.
        interval: steps between two penalties.
    """

    def __init__(self, weight, interval=1):
        self.weight = check_amount(weight, "weight", positive=True)
        self.interval = check_count(interval, "interval")

    def points(self, real, fake, seed):
        """The images at which the gradient is penalized."""
        raise NotImplementedError

    def cost(self, squared_norms):
        """What gradients of these squared norms `(n,)` cost, `(n,)`."""
        raise NotImplementedError

    def __call__(self, discriminator, real, fake, step, input_gradient, seed):
        """Scalar penalty.

        Args:
            discriminator: function from images to logits.
            real, fake: images `(n, h, w, c)`.
            step: number of discriminator updates before this one, a scalar tensor.
            input_gradient: function `(fn, x)` that returns the gradient of `sum(fn(x))` with respect to x.
            seed: seed generator.
        """
        points = self.points(real, fake, seed)

        def penalty():
            gradient = ops.cast(input_gradient(discriminator, points), "float32")
            squared_norms = ops.sum(ops.square(gradient), axis=tuple(range(1, len(points.shape))))
            return self.interval * self.weight * ops.mean(self.cost(squared_norms))

        if self.interval == 1:
            return penalty()
        return ops.cond(ops.equal(step % self.interval, 0), penalty, lambda: ops.zeros((), "float32"))

    def get_config(self):
        return {"weight": self.weight, "interval": self.interval}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@register
class R1(InputGradientPenalty):
    """At real images, weight / 2 * E[|g(x)|^2] (Mescheder et al. 2018, eq. 9).

    Args:
        weight: gamma of the paper; 0.1 to 10 is usual, growing with the resolution.
        interval: as for `InputGradientPenalty`.
    """

    def __init__(self, weight=1.0, interval=1):
        super().__init__(weight, interval)

    def points(self, real, fake, seed):
        return real

    def cost(self, squared_norms):
        return 0.5 * squared_norms


@register
class R2(R1):
    """The same at generated images (Mescheder et al. 2018, eq. 10), where R1 leaves the discriminator free to be steep.

    Beside R1, which alone let training of a `Relativistic` objective diverge (Huang et al. 2024, section 2.2).
    """

    def points(self, real, fake, seed):
        return fake


@register
class GradientPenalty(InputGradientPenalty):
    """Between real and generated images, weight * E[(|g(x)| - 1)^2] (WGAN-GP, Gulrajani et al. 2017, eq. 3).

    The images are s * real + (1 - s) * fake, with s drawn uniformly from 0 to 1 for each pair. An optimal critic has
    gradients of norm 1 between images that optimal transport pairs (proposition 1); here pairs are random.

    Args:
        weight: lambda of the paper.
        interval: as for `InputGradientPenalty`.
    """

    def __init__(self, weight=10.0, interval=1):
        super().__init__(weight, interval)

    def points(self, real, fake, seed):
        shape = (ops.shape(real)[0], *[1] * (len(real.shape) - 1))
        share = keras.random.uniform(shape, seed=seed)
        return share * real + (1.0 - share) * fake

    def cost(self, squared_norms):
        # The root has no slope at 0, where a critic that starts flat would find NaN.
        return ops.square(ops.sqrt(squared_norms + 1e-12) - 1.0)


@register
class WeightClipping(keras.constraints.Constraint):
    """Keeps every weight of the critic in [-limit, limit] (Arjovsky et al. 2017, algorithm 1).

    A constraint and no term of the loss: the model applies it after each update of the critic.

    Args:
        limit: c of the paper.
    """

    def __init__(self, limit=0.01):
        self.limit = check_amount(limit, "limit", positive=True)

    def __call__(self, weight):
        return ops.clip(weight, -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}


def overlap(kernel):
    """How far the filters of a kernel `(..., outputs)` are from orthogonal, a scalar (Brock et al. 2019, eq. 3).

    The sum of squares of W^T W outside of its diagonal, which leaves the filters' norms free.
    """
    weight = ops.reshape(ops.cast(kernel, "float32"), (-1, kernel.shape[-1]))
    if weight.shape[0] < weight.shape[1]:
        # W W^T is smaller than W^T W and its squares add up to as much.
        gram = ops.matmul(weight, ops.transpose(weight))
    else:
        gram = ops.matmul(ops.transpose(weight), weight)
    return ops.sum(ops.square(gram)) - ops.sum(ops.square(ops.sum(ops.square(weight), axis=0)))


PENALTIES = {"r1": R1, "r2": R2, "gradient_penalty": GradientPenalty, "weight_clipping": WeightClipping}


def get(identifiers):
    """A list of penalties from a name, a Keras config, an instance, or a list of such.

    Raises:
        InputError: no penalty of that name, or something else entirely.
    """
    if not isinstance(identifiers, (list, tuple)):
        identifiers = [identifiers]
    kinds = (InputGradientPenalty, WeightClipping)
    return [named(identifier, PENALTIES, kinds, "penalties") for identifier in identifiers]


def check(penalties, discriminator):
    """Refuses penalties that do not go together, or not with this network.

    Raises:
        InputError: a gradient penalty with weight clipping or with batch norm.
    """
    gradients = [type(penalty).__name__ for penalty in penalties if isinstance(penalty, InputGradientPenalty)]
    if not gradients:
        return
    if len(gradients) < len(penalties):
        raise InputError(
            f"penalties has WeightClipping and {gradients[0]}, expected one of them: clipped weights cannot give the "
            "critic the slope that the other asks for."
        )
    normed = [v.path for v in discriminator.non_trainable_variables if v.path.endswith("moving_mean")]
    if normed:
        raise InputError(
            f"penalties has {gradients[0]}, but the discriminator has batch norm ({normed[0]}), which makes its output "
            "for an image depend on the others of the batch, so that it has no gradient of one image alone; expected "
            "a discriminator without batch norm."
        )
