"""The files that commands read and write, checked before any work."""

import os
import tempfile
from pathlib import Path

import click

from zoo.errors import InputError


def writable(context, parameter, path):
    """Refuses an output file that cannot be written, before any work; only writing something shows whether it can."""
    if path is None:
        return None
    option, folder = parameter.opts[0], Path(os.path.realpath(path)).parent
    if path.exists() and not path.is_file():
        raise InputError(f"{option} is {str(path)!r}, which exists and is no file; expected the name of a file.")
    if not folder.is_dir():
        raise InputError(f"{option} is {str(path)!r}, but there is no directory {str(folder)!r}.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            return path
    except OSError as error:
        raise InputError(
            f"{option} is {str(path)!r}, but nothing can be written to {str(folder)!r}: {error.strerror}."
        ) from error


def writable_png(context, parameter, path):
    if path.suffix.lower() != ".png":
        raise InputError(f"{parameter.opts[0]} is {str(path)!r}, expected a name that ends in .png.")
    return writable(context, parameter, path)


def write_picture(path, image):
    from zoo.images import write_png

    write_png(path, image)
    click.echo(f"Wrote {path}.")


def png_option(default):
    return click.option(
        "-o",
        "--output",
        default=default,
        show_default=True,
        type=click.Path(path_type=Path),
        callback=writable_png,
        help="The PNG file to write.",
    )


def check_picture(path, argument="PICTURE"):
    if not path.is_file():
        raise InputError(f"{argument} is {str(path)!r}, but there is no such file.")
