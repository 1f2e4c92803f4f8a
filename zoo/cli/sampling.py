"""`zoo sample`: a grid of images from a preset."""

import click

from zoo.cli.files import png_option
from zoo.cli.group import main
from zoo.cli.loading import COMMANDS_ON_PICTURES, check_generative, load_generative, served_by
from zoo.errors import InputError, first_line, shown


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="NAME [--CONDITION VALUE]...")
@click.option("-n", "--num-samples", default=64, show_default=True, type=click.IntRange(min=1), help="How many images.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**63 - 1), help="The same seed draws the same."
)
@png_option("samples.png")
def sample(words, num_samples, seed, output):
    """Draws a grid of images from the preset NAME, a name, a directory or hf://org/name.

    Conditions are those of the model: --label draws one class, by its number or name; --prompt draws what a text says;
    --truncation and --temperature trade variety for fidelity. A model's own conditions work in the same way.
    """
    name, texts = _split(words)
    check_generative(name, num_samples)
    model = load_generative(name)
    for command in COMMANDS_ON_PICTURES:
        if hasattr(model, command):
            raise served_by(command, name, model)
    given = _parsed(texts, model, name)
    from zoo.images import check_drawable, grid, write_png

    check_drawable(model.image_shape[-1])
    picture = grid(model.generate(num_samples, seed=seed, **given))
    write_png(output, picture)
    click.echo(f"Wrote {num_samples} images to {output}.")


def _split(words):
    """Returns the name of the preset and the texts of the conditions by option, which stand in any order."""
    words, names, texts = list(words), [], {}
    while words:
        word, has_value, text = words.pop(0).partition("=")
        if not word.startswith("-"):
            names.append(word + has_value + text)
            continue
        if not has_value:
            if not words:
                raise InputError(f"{word} is given without a value, expected one after it.")
            text = words.pop(0)
        texts[word] = text
    if len(names) != 1:
        raise click.UsageError("Missing argument 'NAME'." if not names else f"Got several names: {', '.join(names)}.")
    return names[0], texts


def _parsed(texts, model, name):
    """Returns the conditions of a model, by their names, that texts of the command line give."""
    known, given = {condition.option: condition for condition in model.conditions if condition.option}, {}
    for option, text in texts.items():
        if option not in known:
            takes = f"takes {', '.join(known)}" if known else "takes no conditions"
            raise InputError(f"{option} is given, but {name!r} is a {type(model).__name__}, which {takes}.")
        try:
            given[known[option].name] = known[option].parsed(text)
        except ValueError as error:
            raise InputError(f"{option} is {shown(text)}, expected another value ({first_line(error)}).") from None
    return given
