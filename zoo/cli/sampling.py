"""`zoo sample`: a grid of images from a preset."""

import click

from zoo.cli.files import png_option
from zoo.cli.group import main
from zoo.cli.loading import COMMANDS_ON_PICTURES, check_generative, load_generative, served_by
from zoo.errors import InputError, shown


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("conditions", nargs=-1, type=click.UNPROCESSED, metavar="[--CONDITION VALUE]...")
@click.option("-n", "--num-samples", default=64, show_default=True, type=click.IntRange(min=1), help="How many images.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**63 - 1), help="The same seed draws the same."
)
@png_option("samples.png")
def sample(name, conditions, num_samples, seed, output):
    """Draws a grid of images from the preset NAME, a name, a directory or hf://org/name.

    Conditions are those of the model: --label draws one class, by its number or name; --prompt draws what a text says;
    --truncation and --temperature trade variety for fidelity. A model's own conditions work in the same way.
    """
    check_generative(name, num_samples)
    model = load_generative(name)
    for command in COMMANDS_ON_PICTURES:
        if hasattr(model, command):
            raise served_by(command, name, model)
    given = _parsed(conditions, model, name)
    from zoo.images import check_drawable, grid, write_png

    check_drawable(model.image_shape[-1])
    picture = grid(model.generate(num_samples, seed=seed, **given))
    write_png(output, picture)
    click.echo(f"Wrote {num_samples} images to {output}.")


def _parsed(words, model, name):
    """Returns the conditions of a model, by their names, that the words of a command line give."""
    known = {condition.option: condition for condition in model.conditions if condition.option}
    words, given = list(words), {}
    while words:
        option, has_value, text = words.pop(0).partition("=")
        if option not in known:
            takes = f"takes {', '.join(known)}" if known else "takes no conditions"
            raise InputError(f"{option} is given, but {name!r} is a {type(model).__name__}, which {takes}.")
        if not has_value:
            if not words:
                raise InputError(f"{option} is given without a value, expected one after it.")
            text = words.pop(0)
        try:
            given[known[option].name] = known[option].parsed(text)
        except ValueError:
            raise InputError(f"{option} is {shown(text)}, expected a number.") from None
    return given
