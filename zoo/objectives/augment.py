"""Differentiable augmentation: both networks of a GAN see real and generated images through the same random changes.

The generator is trained through them, so that it learns the images and not the changes, and a discriminator that never
sees one image twice remembers few. `keras.ops` only.
"""

import functools

import keras
from keras import ops

from zoo.errors import InputError, check_amount, shown
from zoo.objectives.adversarial import named

register = keras.saving.register_keras_serializable(package="zoo")


def color(images, seed, first=None):
    """Images `(n, h, w, c)`, brightness shifted by up to 0.5, saturation scaled by 0 to 2, contrast by 0.5 to 1.5.

    Where the `first` channels are one image and the others another, both alike.
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
    """Images `(n, h, w, c)` moved by up to an eighth of height and width; what was outside is 0."""
    for axis, spelling in ((1, "nij,njwc->niwc"), (2, "nij,nhjc->nhic")):
        size = images.shape[axis]
        most = round(size / 8)
        shift = keras.random.randint((_number(images), 1, 1), -most, most + 1, seed=seed)
        place = ops.arange(size)
        # A matrix product and no gather, whose second derivative gradient penalties would need.
        moved = ops.cast(ops.equal(place[None, None, :], place[None, :, None] + shift), images.dtype)
        images = ops.einsum(spelling, moved, images)
    return images


def cutout(images, seed):
    """Images `(n, h, w, c)` whose rectangle of half the height and width, around a random pixel, is 0."""
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
    """Differentiable augmentation (Zhao et al. 2020, section 3.2), each change at every image.

    Called on images `(n, h, w, c)` in [-1, 1] and a seed generator; what it returns may leave that range. Two images
    that belong together lie side by side in the channels, and `first` is how many the one has.

    Args:
        policies: which changes, of `"color"`, `"translation"` and `"cutout"`, in this order.

    Raises:
        InputError: an unknown policy.
    """

    def __init__(self, policies=("color", "translation", "cutout"), **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        if not isinstance(policies, (list, tuple)):
            raise InputError(f"policies is {shown(policies)}, expected a list of some of {', '.join(POLICIES)}.")
        for policy in policies:
            if policy not in POLICIES:
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
        """Refuses an objective that this augmentation cannot go with."""

    def update(self, objective, real_logits, num_replicas=1):
        """Learns from the discriminator's outputs on augmented real images, where there is something to learn.

        Replicas, of which each sees its share of a batch, are to say how many they are.
        """

    def get_config(self):
        return {**super().get_config(), "policies": list(self.policies)}


@register
class AdaptiveAugment(DiffAugment):
    """The same changes, each with a probability that follows how much the discriminator overfits (Karras et al. 2020b).

    The measure is r_t = E[sign(D(x))] over real images (eq. 1), with signs counted from the middle between the
    objective's targets: 0 without overfitting, 1 where every training image is known. After every fourth update the
    probability, a saved variable, takes a step up or down, depending on whether r_t is above `target`.

    Args:
        policies: as for `DiffAugment`.
        target: of r_t.
        ramp: images in which the probability can go from 0 to 1; the paper takes 500,000.
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
        self.probability.assign(ops.where(due, ops.clip(moved, 0.0, 1.0), self.probability))
        self.signs.assign(ops.where(due, 0.0, signs))
        self.updates.assign(ops.where(due, 0.0, updates))

    def get_config(self):
        return {**super().get_config(), "target": self.target, "ramp": self.ramp}


AUGMENTATIONS = {"diff_augment": DiffAugment, "adaptive": AdaptiveAugment}


def get(identifier):
    """An augmentation from its name, its Keras config, or itself; None stays None.

    Raises:
        InputError: no augmentation of that name, or something else entirely.
    """
    return None if identifier is None else named(identifier, AUGMENTATIONS, DiffAugment, "augmentation")
