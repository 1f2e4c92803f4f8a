"""`zoo sample`: a grid of images from a preset."""

import click

from zoo.cli.files import png_option
from zoo.cli.group import main
from zoo.cli.loading import COMMANDS_ON_PICTURES, check_generative, load_generative, served_by
from zoo.errors import InputError


@main.command()
@click.argument("name")
@click.option("-n", "--num-samples", default=64, show_default=True, type=click.IntRange(min=1), help="How many images.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**63 - 1), help="The same seed draws the same."
)
@click.option("--label", help="Draw this class only, by its number or name; default all that the model knows.")
@click.option("--prompt", help="Draw what this text says; default the prompts that the model has for examples.")
@png_option("samples.png")
def sample(name, num_samples, seed, label, prompt, output):
    """Draws a grid of images from the preset NAME, a name, a directory or hf://org/name."""
    check_generative(name, num_samples)
    model = load_generative(name)
    for command in COMMANDS_ON_PICTURES:
        if hasattr(model, command):
            raise served_by(command, name, model)
    for option, given, condition in (("--label", label, "labels"), ("--prompt", prompt, "prompts")):
        if given is not None and condition not in model.generate_arguments:
            raise InputError(
                f"{option} is given, but {name!r} is a {type(model).__name__}, which takes no {condition}."
            )
    from zoo.images import check_drawable, grid, write_png

    check_drawable(model.image_shape[-1])
    named = label is not None and label.casefold() in map(str.casefold, model.class_names or ())
    conditions = {} if label is None else {"labels": int(label) if label.isdecimal() and not named else label}
    if prompt is not None:
        conditions["prompts"] = prompt
    picture = grid(model.generate(num_samples, seed=seed, **conditions))
    write_png(output, picture)
    click.echo(f"Wrote {num_samples} images to {output}.")
