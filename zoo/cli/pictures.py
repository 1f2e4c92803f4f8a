"""`zoo edit`, `zoo translate` and `zoo upscale`: commands that change a picture."""

from pathlib import Path

import click

from zoo.cli.files import check_picture, png_option, write_picture
from zoo.cli.group import main
from zoo.cli.loading import check_generative, load_able, load_generative, served_by
from zoo.cli.names import complete_preset
from zoo.errors import InputError


@main.command()
@click.argument("name", shell_complete=complete_preset)
@click.option("--image", "image_file", required=True, type=click.Path(path_type=Path), help="The picture to edit.")
@click.option("--attribute", required=True, help="What to change, such as smile.")
@click.option("--amount", default=1.0, show_default=True, help="How much; negative takes it away.")
@click.option("--keep-details", is_flag=True, help="Add the change to the picture itself, not its reconstruction.")
@png_option("edited.png")
def edit(name, image_file, attribute, amount, keep_details, output):
    """Changes an attribute of a picture with the preset NAME, a model that encodes pictures to latents."""
    check_picture(image_file, "--image")
    check_generative(name)
    model = load_generative(name)
    if not getattr(model, "attributes", ()):
        raise InputError(f"{name!r} is a {type(model).__name__} that knows no attributes to edit.")
    from zoo.images import read_image

    edited = model.edit(read_image(image_file, model.image_shape)[None], attribute, amount, keep_details)
    write_picture(output, edited[0])


@main.command()
@click.argument("name", shell_complete=complete_preset)
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--reverse", is_flag=True, help="Translate the other way, where the model can.")
@png_option("translated.png")
def translate(name, picture, reverse, output):
    """Translates the file PICTURE, cropped and resized, with the preset NAME, a model from images to images."""
    check_picture(picture)
    check_generative(name)
    model = load_able(name, "translate", "translates no pictures")
    if hasattr(model, "upscale"):
        raise served_by("upscale", name, model)
    if reverse and not model.translates_back:
        raise InputError(f"--reverse is given, but {name!r} is a {type(model).__name__}, which translates one way.")
    from zoo.images import read_image

    way = {"reverse": True} if reverse else {}
    translated = model.translate(read_image(picture, model.source_shape)[None], **way)
    write_picture(output, translated[0])


@main.command()
@click.argument("name", shell_complete=complete_preset)
@click.argument("picture", type=click.Path(path_type=Path))
@png_option("upscaled.png")
def upscale(name, picture, output):
    """Enlarges the file PICTURE, of any size, with the preset NAME, a model of super-resolution."""
    check_picture(picture)
    check_generative(name)
    model = load_able(name, "upscale", "enlarges no pictures")
    from zoo.images import read_picture, write_png_bands

    image = read_picture(picture)
    height, width = (side * model.scale for side in image.shape[:2])
    bands = model.upscale_bands(image)
    write_png_bands(output, bands, height, width)
    click.echo(f"Wrote {width}x{height} pixels to {output}.")
