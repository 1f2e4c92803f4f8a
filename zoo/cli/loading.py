"""Loading a preset for a command, after all checks that can be made without TensorFlow."""

import logging

import zoo
from zoo import presets
from zoo.arrays import check_number_of_images
from zoo.backend import import_keras
from zoo.errors import InputError, check_image_shape

#: Maps methods of models to what such models do; upscaling is a kind of translating, so it comes first.
COMMANDS_ON_PICTURES = {"upscale": "enlarges", "translate": "translates"}


def served_by(command, name, model):
    """The error of a command if `zoo translate` or `zoo upscale` serves the model better."""
    does = COMMANDS_ON_PICTURES[command]
    return InputError(f"{name!r} is a {type(model).__name__}, which {does} pictures; `zoo {command}` does so.")


def load_able(name, method, unable):
    """Loads a preset with `zoo.load` and refuses a model without the method that the command needs."""
    model = load_generative(name)
    if not hasattr(model, method):
        raise InputError(f"{name!r} is a {type(model).__name__}, which {unable}.")
    return model


def check_generative(name, num_samples=None):
    """Returns the manifest entry of an official preset that generates images, None for other presets.

    Refuses everything that can be refused without TensorFlow: unknown and damaged presets, official ones of another
    kind, and more images than one call may draw.
    """
    entry = presets.manifest().get(name)
    if entry is not None and entry["kind"] != "model":
        raise InputError(f"{name!r} is a {entry['kind'].replace('_', ' ')}, expected a preset that generates images.")
    directory = presets.obtain(name).directory
    if num_samples is not None and (image_shape := _image_shape_in(directory)) is not None:
        check_number_of_images(num_samples, image_shape)
    return entry


def _image_shape_in(directory):
    """The image shape in a preset's configuration; None if that is damaged, because `zoo.load` explains that."""
    try:
        return check_image_shape(presets.config_of(directory)["config"]["image_shape"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def load_generative(name, **overrides):
    """Loads a preset with `zoo.load`, with changed constructor arguments, and refuses a model that draws no images."""
    import_quietly()
    model = zoo.load(name, **overrides)
    if not isinstance(model, zoo.GenerativeModel):
        raise InputError(f"{name!r} is a {type(model).__name__}, expected a preset that generates images.")
    return model


def import_quietly():
    """Imports Keras and TensorFlow without their messages."""
    import_keras()
    # TensorFlow warns of retracing, which a user of the command cannot change.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
