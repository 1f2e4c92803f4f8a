"""`zoo fine-tune`: a preset of one's own, from another preset and a folder of images or a TFDS name."""

import ast
import dataclasses
import os
from pathlib import Path

import click

from zoo import presets
from zoo.cli.files import resumable
from zoo.cli.group import main
from zoo.cli.loading import check_generative, import_quietly, load_generative
from zoo.cli.names import complete_preset, once
from zoo.errors import InputError, shown
from zoo.files import expanded

_LITERALS = {"true": "True", "false": "False", "null": "None"}
# Captions that the new preset draws from if it is given none.
_EXAMPLES = 256


@main.command("fine-tune")
@click.argument("name", shell_complete=complete_preset)
@click.argument("data")
@click.option("--steps", default=1_000, show_default=True, type=click.IntRange(1), help="Training steps.")
@click.option("--resolution", type=click.IntRange(4), help="Side of the images in pixels; default that of NAME.")
@click.option("--channels", type=click.IntRange(1, 3), help="3 for colour, 1 for grey; default those of NAME.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1), help="Repeats a run.")
@click.option(
    "--choice",
    "choices",
    multiple=True,
    metavar="NAME=VALUE",
    help="What is otherwise chosen, such as batch_size=16; may be repeated.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the preset; new or unfinished."
)
def fine_tune(name, data, steps, resolution, channels, seed, choices, output):
    """Fine-tunes the preset NAME on DATA and writes a preset that `zoo.load` and `zoo sample` take.

    DATA is a folder of images, with a subfolder for each class where the model has classes, or the name of a TFDS data
    set; models that translate images take a folder with the subfolders A and B. The classes may be others than those of
    NAME. What is chosen for these images is printed, a line each.

    The run draws grids into OUTPUT/training/samples and is backed up. The same command again continues a run that was
    killed, and ends with the same weights, bit for bit.
    """
    given = once(map(_parsed, choices), "--choice ")
    if channels == 2:
        raise InputError("--channels is 2, expected 1 or 3.")
    if str(output) in presets.manifest():
        raise InputError(f"-o is {str(output)!r}, which is the name of an official preset; choose another name.")
    check_generative(name)
    # oneDNN is set up before TensorFlow is imported.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    import_quietly()

    from zoo.backend import set_random_seed
    from zoo.training.choices import Choices
    from zoo.training.places import check_free

    known = ["held_back", *(field.name for field in dataclasses.fields(Choices))]
    for choice in given:
        if choice not in known:
            raise InputError(f"--choice names {shown(choice)}, expected some of {', '.join(known)}.")
    check_free(expanded(output), "-o")
    # Newly initialized weights are the same when a run is continued.
    set_random_seed(seed)
    model = load_generative(name)
    overrides = {} if resolution is channels is None else {"image_shape": _shape(model, resolution, channels)}
    overrides |= _learned(model, data, overrides.get("image_shape", model.image_shape))
    if overrides:
        set_random_seed(seed)
        model = load_generative(name, **overrides)
    with resumable(output):
        model.fine_tune(data, steps, output=output, seed=seed, **given)


def _parsed(text):
    """Returns the name and the value of a text `name=value`; what is no literal of Python or JSON is a text."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise InputError(f"--choice is {shown(text)}, expected name=value.")
    try:
        return name, ast.literal_eval(_LITERALS.get(value, value))
    except (ValueError, SyntaxError):
        return name, value


def _shape(model, resolution, channels):
    height, width, own = model.image_shape
    return (resolution or height, resolution or width, channels or own)


def _learned(model, source, image_shape):
    """Returns the constructor arguments that let a model learn the classes or the words of the data."""
    from zoo import data
    from zoo.text import vocabulary_of

    if model.classes is None and not model.takes("prompts"):
        return {}
    found = data.read(source, image_shape)
    names = found.class_names
    if model.classes is not None and names is not None:
        same = [name.casefold() for name in names] == [name.casefold() for name in model.class_names or ()]
        return {} if same else {"num_classes": len(names), "class_names": list(names)}
    if model.takes("prompts") and found.prompts is not None:
        prompts = found.prompts.tolist()
        new = [word for word in vocabulary_of(prompts, least=2) if word not in model.vocabulary]
        if new:
            return {"vocabulary": [*model.vocabulary, *new], "example_prompts": prompts[:_EXAMPLES]}
    return {}
