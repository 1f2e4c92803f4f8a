"""Regularization of the discriminator: penalties on its gradient, and weight clipping.

Gradient penalties receive the discriminator as a function and never as a model.
"""

import warnings

import keras
from keras import ops

from zoo import keras_private
from zoo.errors import InputError, check_amount, check_count
from zoo.objectives.adversarial import named

register = keras.saving.register_keras_serializable(package="zoo")


class InputGradientPenalty:
    """Base class of the penalties on g(x), the gradient of the discriminator's output with respect to the image.

    A subclass defines at which images the gradient is penalized (`points`) and how (`cost`). The penalty is computed at
    every `interval`-th step and multiplied by `interval`, which is cheaper and trains almost equally well (Karras et
    al. 2020, section 3.1). Their appendix B also adapts the learning rate and betas of Adam to the interval; here the
    caller of `compile` has to do that.

    If images are augmented, the gradient is with respect to the augmented images. Gradient penalties do not support
    discriminators with batch normalization, which couples the images of a batch. Under TensorFlow, their gradient with
    respect to the weights is wrong through Keras' `GroupNormalization` and `LayerNormalization`, and right through
    `zoo.layers.group_norm.GroupNormalization`.

    Args:
        weight: float above 0. Factor of the penalty.
        interval: int. Number of steps between two penalties. Defaults to 1.

    Raises:
        InputError: If an argument is out of range.
    """

    def __init__(self, weight, interval=1):
        self.weight = check_amount(weight, "weight", positive=True)
        self.interval = check_count(interval, "interval")

    def points(self, real, fake, seed):
        """Returns the images at which the gradient is penalized."""
        raise NotImplementedError

    def cost(self, squared_norms):
        """Returns the penalty `(n,)` for gradients with these squared norms `(n,)`."""
        raise NotImplementedError

    def __call__(self, discriminator, real, fake, step, input_gradient, seed):
        """Returns the penalty, a scalar.

        Args:
            discriminator: function from images to logits.
            real: float tensor of shape `(n, h, w, c)`. Real images.
            fake: float tensor of shape `(n, h, w, c)`. Generated images.
            step: int scalar tensor. Number of discriminator updates before this one.
            input_gradient: function `(fn, x)` that returns the gradient of `sum(fn(x))` with respect to `x`.
            seed: `keras.random.SeedGenerator`.
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
    """Gradient penalty at real images, weight / 2 * E[|g(x)|^2] (Mescheder et al. 2018, eq. 9).

    g(x) is the gradient of the discriminator's output with respect to the image.

    Args:
        weight: float above 0. Gamma of the paper. Usual values are 0.1 to 10 and grow with the resolution. Defaults to
            1.0.
        interval: int. Number of steps between two penalties; see `InputGradientPenalty`. Defaults to 1.

    Raises:
        InputError: If an argument is out of range.

    Example:

    ```python
    import zoo
    from zoo.objectives.penalties import R1

    model = zoo.GAN((28, 28, 1), penalties=R1(weight=0.5, interval=16))
    ```
    """

    def __init__(self, weight=1.0, interval=1):
        super().__init__(weight, interval)

    def points(self, real, fake, seed):
        return real

    def cost(self, squared_norms):
        return 0.5 * squared_norms


@register
class R2(R1):
    """Gradient penalty at generated images, weight / 2 * E[|g(G(z))|^2] (Mescheder et al. 2018, eq. 10).

    R2 complements `R1`, which does not limit the slope of the discriminator at generated images. With the
    `Relativistic` objective, training with R1 alone diverged (Huang et al. 2024, section 2.2).

    Args:
        weight: float above 0. Gamma of the paper. Defaults to 1.0.
        interval: int. Number of steps between two penalties; see `InputGradientPenalty`. Defaults to 1.

    Raises:
        InputError: If an argument is out of range.

    Example:

    ```python
    import zoo
    from zoo.objectives.penalties import R1, R2

    model = zoo.GAN((28, 28, 1), objective="relativistic", penalties=[R1(weight=0.5), R2(weight=0.5)])
    ```
    """

    def points(self, real, fake, seed):
        return fake


@register
class GradientPenalty(InputGradientPenalty):
    """Gradient penalty between real and generated images (WGAN-GP, Gulrajani et al. 2017, eq. 3).

    The penalty is weight * E[(|g(x)| - 1)^2] at the images x = s * real + (1 - s) * fake, with s drawn uniformly from 0
    to 1 for each pair. An optimal critic has gradients of norm 1 between images that optimal transport pairs
    (proposition 1); here the pairs are random.

    Args:
        weight: float above 0. Lambda of the paper. Defaults to 10.0.
        interval: int. Number of steps between two penalties; see `InputGradientPenalty`. Defaults to 1.

    Raises:
        InputError: If an argument is out of range.

    Example:

    ```python
    import zoo
    from zoo.objectives.penalties import GradientPenalty

    model = zoo.GAN((28, 28, 1), objective="wasserstein", penalties=GradientPenalty(weight=10.0))
    ```
    """

    def __init__(self, weight=10.0, interval=1):
        super().__init__(weight, interval)

    def points(self, real, fake, seed):
        shape = (ops.shape(real)[0], *[1] * (len(real.shape) - 1))
        share = keras.random.uniform(shape, seed=seed)
        return share * real + (1.0 - share) * fake

    def cost(self, squared_norms):
        # The square root has no finite derivative at 0, so a critic that starts flat would produce NaN without the
        # constant.
        return ops.square(ops.sqrt(squared_norms + 1e-12) - 1.0)


@register
class WeightClipping(keras.constraints.Constraint):
    """Clips every weight of the critic to [-limit, limit] (Arjovsky et al. 2017, algorithm 1).

    Weight clipping is a constraint and not part of the loss: the model applies it after each update of the critic.

    Args:
        limit: float above 0. c of the paper. Defaults to 0.01.

    Raises:
        InputError: If `limit` is out of range.

    Example:

    ```python
    import zoo
    from zoo.objectives.penalties import WeightClipping

    model = zoo.GAN((28, 28, 1), objective="wasserstein", penalties=WeightClipping(limit=0.01))
    ```
    """

    def __init__(self, limit=0.01):
        self.limit = check_amount(limit, "limit", positive=True)

    def __call__(self, weight):
        return ops.clip(weight, -self.limit, self.limit)

    def get_config(self):
        return {"limit": self.limit}


def overlap(kernel):
    """Returns a scalar that measures how far the filters of a kernel `(..., outputs)` are from orthogonal.

    The result (Brock et al. 2019, eq. 3) is the sum of the squares of W^T W outside its diagonal, which does not
    restrict the filters' norms.
    """
    weight = ops.reshape(ops.cast(kernel, "float32"), (-1, kernel.shape[-1]))
    if weight.shape[0] < weight.shape[1]:
        # W W^T is smaller than W^T W here, and the sums of their squares are equal.
        gram = ops.matmul(weight, ops.transpose(weight))
    else:
        gram = ops.matmul(ops.transpose(weight), weight)
    return ops.sum(ops.square(gram)) - ops.sum(ops.square(ops.sum(ops.square(weight), axis=0)))


PENALTIES = {"r1": R1, "r2": R2, "gradient_penalty": GradientPenalty, "weight_clipping": WeightClipping}


def get(identifiers):
    """Returns a list of penalties, given a name, a Keras config, an instance, or a list of these.

    Args:
        identifiers: str, dict, penalty, or list of these.

    Raises:
        InputError: If an entry is not the name, the config or an instance of a penalty.
    """
    if not isinstance(identifiers, (list, tuple)):
        identifiers = [identifiers]
    kinds = (InputGradientPenalty, WeightClipping)
    return [named(identifier, PENALTIES, kinds, "penalties") for identifier in identifiers]


def check(penalties, discriminator):
    """Raises `InputError` if penalties do not support each other or the discriminator.

    A warning names a layer through which TensorFlow takes a wrong gradient of a gradient penalty.

    Args:
        penalties: list of penalties.
        discriminator: `keras.Model`.

    Raises:
        InputError: If a gradient penalty is combined with weight clipping or with batch normalization.
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
    kinds = (keras.layers.GroupNormalization, keras.layers.LayerNormalization)
    wrong = [layer for layer in keras_private.layers_within(discriminator) if isinstance(layer, kinds)]
    if wrong and keras.backend.backend() == "tensorflow":
        warnings.warn(
            f"penalties has {gradients[0]}, whose gradient TensorFlow gets wrong through the discriminator's layer "
            f"{wrong[0].name} ({type(wrong[0]).__name__}); zoo.layers.group_norm.GroupNormalization gets it right.",
            # The warning points at the caller of the subclass' constructor.
            stacklevel=4,
        )
