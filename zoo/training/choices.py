"""The choices of a fine-tuning, each a function of the model, a description of the data and the number of steps.

Each function returns its choice and why. `docs/fine_tuning.md` shows what they were measured on.
"""

import contextlib
import dataclasses
import math

import keras

from zoo import data
from zoo.errors import InputError, check_count, check_flag, check_share, is_number, shown
from zoo.keras_private import learning_rate_of
from zoo.objectives import augment
from zoo.training.checks import unscaled
from zoo.training.descriptions import COMPARED, DRAWN

# Number of images up to which a discriminator needs augmentation.
FEW = 200


@dataclasses.dataclass(frozen=True)
class Choices:
    """How a model is fine-tuned. Each is an argument of `fine_tune`, which chooses those that it is not given.

    Attributes:
        batch_size: int. Images for one update.
        learning_rate: float, or a pair for generator and discriminator. The highest rate, to which it rises
            from 0 during the warm-up.
        warmup_steps: int. Steps of the warm-up.
        rates_held: float from 0 to 1. Share of the steps after which the rates fall to 0 along a cosine.
        discriminator_share: float from 0 to 1, or None for models without a discriminator. Share of its weights that
            the discriminator keeps; the rest is newly initialized (`shrink_and_perturb`).
        augmentation: as the argument of the constructor of a GAN. What real and generated images go through before the
            discriminator.
        exchanged: bool. Whether the model begins with black and white exchanged, where it draws light motifs on a dark
            ground and the images are dark on light, or the other way round.
        mirrored: bool. Whether to train on mirror images, too.
        frozen_layers: tuple of str, such as `("discriminator/conv_0",)`, or a single str. Layers that keep their
            weights.
        evaluations: int. How often the model is measured on the images that are held back.
        patience: int. Number of evaluations without a gain after which the training ends early.
        samples: int, at least 2. Images that are drawn for an evaluation by kernel distance.
    """

    batch_size: int
    learning_rate: float | tuple[float, float]
    warmup_steps: int
    rates_held: float
    discriminator_share: float | None
    augmentation: str | None
    exchanged: bool
    mirrored: bool
    frozen_layers: tuple[str, ...]
    evaluations: int
    patience: int
    samples: int


def choose(model, found, steps, given):
    """Makes all choices that are not given.

    Args:
        model: compiled model of the zoo.
        found: `Description` of the data.
        steps: int. Training steps.
        given: dict of choices by name.

    Returns:
        `Choices`, and a dict of texts on what was chosen and why, by what they are about.

    Raises:
        InputError: there is no such choice, or it is out of range.
    """
    names = [field.name for field in dataclasses.fields(Choices)]
    for name in given:
        if name not in names:
            raise InputError(f"fine_tune has no choice {shown(name)}, expected some of {', '.join(names)}.")
    chosen = {name: chooser(model, found, steps) for name, chooser in zip(names, _CHOOSERS, strict=True)}
    chosen |= {name: (value, "as you ask") for name, value in given.items()}
    choices = _checked(model, found, Choices(**{name: value for name, (value, _) in chosen.items()}))
    told = {name: f"{text_of(getattr(choices, name))} ({why})" for name, (_, why) in chosen.items()}
    return choices, {name.replace("_", " ").capitalize(): text for name, text in told.items()}


def text_of(value):
    """Returns a choice as a text of the card."""
    if isinstance(value, (tuple, list)):
        return " and ".join(map(text_of, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    # An augmentation is a name or a layer.
    known = isinstance(value, (str, int))
    return "none" if value is None else str(value) if known else type(value).__name__


def batch_size_for(model, found, steps):
    most = found.number // model.updates_per_batch
    height, width, _ = model.image_shape
    wanted = 16 if height * width >= 64 * 64 else 32
    return (wanted, "small batches give more steps a minute") if most >= wanted else (most, "all images")


def learning_rate_for(model, found, steps):
    optimizers = [getattr(model, name) for name in model.optimizer_names]
    if hasattr(model, "build_prior"):
        compiled = model.prior is not None and model.prior.compiled
        optimizers.append(model.prior.optimizer if compiled else keras.optimizers.Adam())
    rates = tuple(_highest_rate(optimizer) for optimizer in optimizers)
    if hasattr(model, "encoder") and not hasattr(model, "build_prior"):
        return 2 * rates[0], "twice the rate of the preset's recipe, which is for many more steps"
    return (rates if len(rates) > 1 else rates[0]), "those of the preset's recipe"


def warmup_steps_for(model, found, steps):
    return min(50, steps // 5), "new optimizers do not know yet how large gradients are"


def rates_held_for(model, found, steps):
    return 0.6, "share of the steps after which the rates fall to 0"


def discriminator_share_for(model, found, steps):
    if not hasattr(model, "discriminator"):
        return None, "this model has no discriminator"
    return 1.0, "share of its weights that the discriminator keeps"


def augmentation_for(model, found, steps):
    if not hasattr(model, "discriminator"):
        return None, "this model has no discriminator that could learn the images by heart"
    if model.augmentation is not None:
        return model.augmentation, "as in the preset"
    if found.distance is not None and found.number <= FEW:
        return "diff_augment", f"without it, a discriminator learns up to {FEW} images by heart"
    return None, f"with more than {FEW} images, it only slows the training down"


def exchanged_for(model, found, steps):
    reads = hasattr(model, "discriminator") or hasattr(model, "encoder")
    if model.image_shape[-1] > 1 or found.light_drawn is None or not reads:
        return False, "only GANs and autoencoders of grey images that draw at once do so"
    if (found.light > 0.5) == (found.light_drawn > 0.5):
        return False, "the model draws on the same ground"
    if model.frozen_features is not None:
        return False, "the frozen features know images on either ground"
    if getattr(model, "penalties", ()):
        return False, "a penalty keeps the discriminator smooth, so that the ground changes by itself"
    return True, "the signs of the first and last weights change, so that the model begins on the ground of the images"


def mirrored_for(model, found, steps):
    same = f"{found.sided:.0%} of the images look more like another image than like a mirror image of one"
    # Mirror images of motifs that do have a side do harm, so few images must be clearer about it.
    if found.sided + 0.5 / math.sqrt(min(found.number, COMPARED)) > 0.55:
        return False, same
    return True, f"only {same}"


def frozen_layers_for(model, found, steps):
    return (), "all may change"


def evaluations_for(model, found, steps):
    return min(10, steps), "each takes as long as about twenty steps"


def patience_for(model, found, steps):
    return 8, "most is gained when the rates fall, in the last evaluations"


def samples_for(model, found, steps):
    return DRAWN, "more would take longer than the training"


# In the order of the fields of `Choices`.
_CHOOSERS = (
    batch_size_for,
    learning_rate_for,
    warmup_steps_for,
    rates_held_for,
    discriminator_share_for,
    augmentation_for,
    exchanged_for,
    mirrored_for,
    frozen_layers_for,
    evaluations_for,
    patience_for,
    samples_for,
)


def _checked(model, found, choices):
    """Returns choices after checking those that a user may have given."""
    for name in ("batch_size", "evaluations", "patience", "samples"):
        check_count(getattr(choices, name), name, least=2 if name == "samples" else 1)
    check_count(choices.warmup_steps, "warmup_steps", least=0)
    check_share(choices.rates_held, "rates_held")
    check_flag(choices.mirrored, "mirrored")
    check_flag(choices.exchanged, "exchanged")
    rates, names = rates_of(choices), _trained_parts(model)
    if len(rates) != len(names) or not all(is_number(rate) and rate > 0 for rate in rates):
        expected = "a number above 0" if len(names) == 1 else f"numbers above 0 for {' and '.join(names)}"
        raise InputError(f"learning_rate is {shown(choices.learning_rate)}, expected {expected}.")
    if hasattr(model, "discriminator"):
        check_share(choices.discriminator_share, "discriminator_share")
        augmentation = augment.get(choices.augmentation)
        if augmentation is not None:
            augmentation.check(model.objective)
    if isinstance(choices.frozen_layers, str):
        choices = dataclasses.replace(choices, frozen_layers=(choices.frozen_layers,))
    data.check_batch_size(choices.batch_size, found.number, True, model.updates_per_batch)
    for path in choices.frozen_layers:
        layer_at(model, path)
    return choices


def rates_of(choices):
    return choices.learning_rate if isinstance(choices.learning_rate, (tuple, list)) else (choices.learning_rate,)


def _trained_parts(model):
    """Returns what each learning rate belongs to."""
    if hasattr(model, "build_prior"):
        return "autoencoder", "prior"
    return [name.removesuffix("_optimizer") for name in model.optimizer_names]


def layer_at(model, path):
    """Returns the layer that a path such as `"discriminator/conv_0"` means."""
    network, _, name = path.partition("/")
    with contextlib.suppress(AttributeError, ValueError):
        return getattr(model, network).get_layer(name)
    raise InputError(f"frozen_layers has {shown(path)}, expected a network and its layer, as in 'generator/project'.")


def _highest_rate(optimizer):
    """Returns the learning rate of an optimizer, or the highest one of its schedule."""
    rate = learning_rate_of(unscaled(optimizer))
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return max(float(rate(step)) for step in range(0, 10_000, 100))
    return float(rate)
