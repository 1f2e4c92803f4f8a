"""Differentiable augmentation: both networks of a GAN see real and generated images through the same random changes.

The generator is trained through the changes, so it learns the distribution of the images without them. A discriminator
that never sees the same image twice memorizes fewer images. The module uses `keras.ops` only.
"""

import functools

import keras
from keras import ops

from zoo.errors import InputError, check_amount, shown
from zoo.objectives.adversarial import named

register = keras.saving.register_keras_serializable(package="zoo")


def color(images, seed, first=None):
    """Changes the brightness (by up to 0.5), saturation (factor 0 to 2) and contrast (factor 0.5 to 1.5) of images.

    Args:
        images: float tensor of shape `(n, h, w, c)`.
        seed: `keras.random.SeedGenerator`.
        first: int or None. Number of channels of the first of two images that are concatenated along the channels. Both
            then change alike. Defaults to `None`, a single image.
    """
    brightness, saturation, contrast = (keras.random.uniform((_number(images), 1, 1, 1), seed=seed) for _ in range(3))

    def changed(images):
        images = images + brightness - 0.5
        grey = ops.mean(images, axis=3, keepdims=True)
        images = grey + 2.0 * saturation * (images - grey)
        mean = ops.mean(images, axis=(1, 2, 3), keepdims=True)
        return mean + (contrast + 0.5) * (images - mean)

    if first is None:
        return changed(images)
    return ops.concatenate([changed(images[..., :first]), changed(images[..., first:])], axis=-1)


def translation(images, seed):
    """Shifts images `(n, h, w, c)` by up to an eighth of the height and width; uncovered pixels are 0."""
    for axis, spelling in ((1, "nij,njwc->niwc"), (2, "nij,nhjc->nhic")):
        size = images.shape[axis]
        most = round(size / 8)
        shift = keras.random.randint((_number(images), 1, 1), -most, most + 1, seed=seed)
        place = ops.arange(size)
        # A matrix product moves the pixels, because a gather lacks the second derivative that gradient penalties need.
        moved = ops.cast(ops.equal(place[None, None, :], place[None, :, None] + shift), images.dtype)
        images = ops.einsum(spelling, moved, images)
    return images


def cutout(images, seed):
    """Sets a rectangle of half the height and width, centred on a random pixel, to 0 in images `(n, h, w, c)`."""
    inside = []
    for axis in (1, 2):
        size = images.shape[axis]
        length = round(size / 2)
        first = keras.random.randint((_number(images), 1), 0, size, seed=seed) - length // 2
        place = ops.arange(size)[None]
        inside.append(ops.logical_and(place >= first, place < first + length))
    hole = ops.logical_and(inside[0][:, :, None, None], inside[1][:, None, :, None])
    return ops.where(hole, ops.zeros_like(images), images)


POLICIES = {"color": color, "translation": translation, "cutout": cutout}


def _number(images):
    return ops.shape(images)[0]


@register
class DiffAugment(keras.layers.Layer):
    """Differentiable augmentation (Zhao et al. 2020, section 3.2), which applies every change to every image.

    Args:
        policies: list or tuple of str. Changes to apply, in this order: `"color"` shifts brightness, saturation and
            contrast, `"translation"` shifts the image, and `"cutout"` erases a rectangle. Defaults to all three.
        **kwargs: keyword arguments of `keras.layers.Layer`. The dtype is always float32.

    Call arguments:
        images: float tensor of shape `(n, h, w, c)` in [-1, 1]. Two images that belong together can be concatenated
            along the channels.
        seed: `keras.random.SeedGenerator`.
        first: int or None. Number of channels of the first of two concatenated images. Defaults to `None`.

    Returns:
        A float tensor of the same shape as `images`, whose values may leave [-1, 1].

    Raises:
        InputError: If `policies` is not a list or names an unknown change.

    Example:

    ```python
    import zoo
    from zoo.objectives.augment import DiffAugment

    model = zoo.GAN((28, 28, 1), augmentation=DiffAugment(policies=["translation", "cutout"]))
    ```
    """

    def __init__(self, policies=("color", "translation", "cutout"), **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if not isinstance(policies, (list, tuple)):
            raise InputError(f"policies is {shown(policies)}, expected a list of some of {', '.join(POLICIES)}.")
        for policy in policies:
            if not isinstance(policy, str) or policy not in POLICIES:
                raise InputError(f"policies has {shown(policy)}, expected some of {', '.join(POLICIES)}.")
        self.policies = tuple(policies)
        self.built = True

    def call(self, images, seed, first=None):
        for policy in self.policies:
            change = functools.partial(color, first=first) if policy == "color" else POLICIES[policy]
            images = self._applied(change, images, seed)
        return images

    def _applied(self, change, images, seed):
        return change(images, seed)

    def check(self, objective):
        """Raises `InputError` if this augmentation does not support an objective; this class supports all."""

    def update(self, objective, real_logits, num_replicas=1):
        """Adapts to the discriminator's outputs for augmented real images; this class has nothing to adapt.

        Args:
            objective: `AdversarialObjective`.
            real_logits: float tensor of shape `(n, 1)`.
            num_replicas: int. Number of replicas, each of which sees an equal share of the batch. Defaults to 1.
        """

    def get_config(self):
        return {**super().get_config(), "policies": list(self.policies)}


@register
class AdaptiveAugment(DiffAugment):
    """Differentiable augmentation with a probability that follows the overfitting of the discriminator.

    Adaptive augmentation (Karras et al. 2020b) measures overfitting by r_t = E[sign(D(x))] over real images (eq. 1).
    Here the sign is relative to the midpoint of the objective's targets. r_t is 0 without overfitting and 1 if the
    discriminator recognizes every training image. Each change applies with a probability that is saved as a variable;
    after every fourth update, it takes a step up if r_t is above `target` and a step down if it is below.

    Args:
        policies: list or tuple of str, as in `DiffAugment`. Defaults to all three.
        target: float between 0 and 1. Target value of r_t. Defaults to 0.6.
        ramp: number above 0. Number of images over which the probability can go from 0 to 1. Defaults to 500,000, as in
            the paper.
        **kwargs: keyword arguments of `keras.layers.Layer`. The dtype is always float32.

    Raises:
        InputError: If an argument is out of range.

    Example:

    ```python
    import zoo
    from zoo.objectives.augment import AdaptiveAugment

    model = zoo.GAN((28, 28, 1), augmentation=AdaptiveAugment(ramp=100_000))  # or augmentation="adaptive"
    ```
    """

    _EVERY = 4

    def __init__(self, policies=("color", "translation", "cutout"), target=0.6, ramp=500_000, **kwargs):
        super().__init__(policies, **kwargs)
        if check_amount(target, "target", positive=True) >= 1:
            raise InputError(f"target is {shown(target)}, expected a number below 1.")
        check_amount(ramp, "ramp", positive=True)
        self.target, self.ramp = target, ramp
        self.probability, self.signs, self.updates = (
            self.add_weight(shape=(), initializer="zeros", trainable=False, aggregation="mean", name=name)
            for name in ("probability", "signs", "updates")
        )

    def _applied(self, change, images, seed):
        chosen = keras.random.uniform((_number(images), 1, 1, 1), seed=seed) < self.probability
        return ops.where(chosen, change(images, seed), images)

    def check(self, objective):
        if objective.targets is None:
            raise InputError(
                f"augmentation is adaptive, which needs to know when the discriminator is right; the outputs of "
                f"{type(objective).__name__} have no such bounds, expected another objective or DiffAugment."
            )

    def update(self, objective, real_logits, num_replicas=1):
        middle = 0.5 * sum(objective.targets)
        sign = ops.mean(ops.sign(ops.stop_gradient(objective.outputs(real_logits)) - middle))
        signs, updates = self.signs + sign, self.updates + 1.0
        due = updates >= self._EVERY
        step = self._EVERY * num_replicas * ops.cast(_number(real_logits), "float32") / self.ramp
        moved = self.probability + step * ops.sign(signs / updates - self.target)
        self.probability.assign(ops.where(due, ops.clip(moved, 0.0, 1.0), self.probability.value))
        self.signs.assign(ops.where(due, 0.0, signs))
        self.updates.assign(ops.where(due, 0.0, updates))

    def get_config(self):
        return {**super().get_config(), "target": self.target, "ramp": self.ramp}


AUGMENTATIONS = {"diff_augment": DiffAugment, "adaptive": AdaptiveAugment}


def get(identifier):
    """Returns an augmentation, given its name, its Keras config, or an instance; None stays None.

    Args:
        identifier: str, dict, `DiffAugment` or None.

    Raises:
        InputError: If `identifier` is not the name, the config or an instance of an augmentation.
    """
    return None if identifier is None else named(identifier, AUGMENTATIONS, DiffAugment, "augmentation")
