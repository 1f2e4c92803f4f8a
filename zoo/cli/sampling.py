"""`zoo sample`: images from a preset, as a grid, as files of their own or as an animation."""

from pathlib import Path

import click
from click.core import ParameterSource

from zoo.cli.files import STANDARD_OUTPUT, writable_images, writable_with
from zoo.cli.group import main
from zoo.cli.loading import COMMANDS_ON_PICTURES, check_generative, load_generative, served_by
from zoo.cli.names import complete_preset, once
from zoo.errors import InputError, first_line, shown

# Seconds that an animation shows each image.
_SECONDS = 0.05


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument(
    "words",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="NAME [--CONDITION VALUE]...",
    shell_complete=complete_preset,
)
@click.option("-n", "--num-samples", default=64, show_default=True, type=click.IntRange(min=1), help="How many images.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**63 - 1), help="The same seed draws the same."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE.png|FOLDER/|-",
    default="samples.png",
    show_default=True,
    callback=writable_images,
    help="PNG file for a grid of the images, new folder for a PNG file of each, or - for the grid on standard output.",
)
@click.option(
    "--walk",
    metavar="FILE.gif",
    type=click.Path(path_type=Path),
    callback=writable_with(".gif"),
    help="Write an animation instead, from the first image of --seed to that of --to-seed and back.",
)
@click.option(
    "--to-seed", type=click.IntRange(0, 2**63 - 1), help="Seed where the walk turns; default the one after --seed."
)
@click.pass_context
def sample(context, words, num_samples, seed, output, walk, to_seed):
    """Draws images from the preset NAME, a name, a directory or hf://org/name.

    Conditions are those of the model: --label draws one class, by its number or name; --prompt draws what a text says;
    --truncation and --temperature trade variety for fidelity. A model's own conditions work in the same way.
    """
    name, texts = _split(words)
    if walk is None and to_seed is not None:
        raise InputError(f"--to-seed is {to_seed}, but without --walk there is no way to it.")
    if walk is not None and context.get_parameter_source("output") is ParameterSource.COMMANDLINE:
        raise InputError("-o and --walk exclude each other.")
    if walk is not None and num_samples < 2:
        raise InputError(f"-n is {num_samples}, expected at least 2 images of a walk.")
    check_generative(name, num_samples)
    model = load_generative(name)
    for command in COMMANDS_ON_PICTURES:
        if hasattr(model, command):
            raise served_by(command, name, model)
    given = _parsed(texts, model, name)
    from zoo import images
    from zoo.sampling import batches

    images.check_drawable(model.image_shape[-1])
    if walk is not None:
        if not model.takes("latents"):
            raise InputError(f"--walk is given, but {name!r} is a {type(model).__name__}, which draws without latents.")
        way = _walk(model, num_samples, seed, seed + 1 if to_seed is None else to_seed, given)
        images.write_gif(walk, [*way, *way[-2:0:-1]], _SECONDS)
        click.echo(f"Wrote a walk of {num_samples} images to {walk}.")
        return
    if output == STANDARD_OUTPUT:
        picture = images.grid(model.generate(num_samples, seed=seed, **given))
        click.get_binary_stream("stdout").write(images.png_bytes(picture))
        return
    if output.suffix.lower() == ".png":
        images.write_png(output, images.grid(model.generate(num_samples, seed=seed, **given)))
    else:
        number, drawn = batches.parts(model, num_samples, seed, given)
        images.write_pngs(output, drawn, number)
    click.echo(f"Wrote {num_samples} images to {output}.")


def _walk(model, number, seed, to_seed, given):
    """Returns images between the first ones of two seeds, under the conditions of the first one."""
    import numpy as np

    from zoo import latents
    from zoo.sampling import batches

    ends = [latents.sample(1, model.noise_shape, each)[0] for each in (seed, to_seed)]
    # Straight lines between normal latents of many dimensions pass closer to the origin than latents are.
    between = latents.interpolate(*ends, number, spherical=True)
    _, drawn = batches.parts(model, number, seed, {**given, "latents": between}, alike=True)
    return np.concatenate([*drawn])


def _split(words):
    """Returns the name of the preset and the texts of the conditions by option, which stand in any order."""
    words, names, texts = list(words), [], []
    while words:
        word, has_value, text = words.pop(0).partition("=")
        if not word.startswith("-"):
            names.append(word + has_value + text)
            continue
        if not has_value:
            if not words:
                raise InputError(f"{word} is given without a value, expected one after it.")
            text = words.pop(0)
        texts.append((word, text))
    if len(names) != 1:
        raise click.UsageError("Missing argument 'NAME'." if not names else f"Got several names: {', '.join(names)}.")
    return names[0], once(texts)


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
