"""The files that commands read and write, checked before any work."""

import contextlib
import os
import tempfile
from pathlib import Path

import click

from zoo.errors import InputError

#: What the output is where it is no file.
STANDARD_OUTPUT = Path("-")


def writable(context, parameter, path):
    """Refuses an output file that cannot be written, before any work."""
    if path is None or path == STANDARD_OUTPUT:
        return path
    option = parameter.opts[0]
    if path.exists() and not path.is_file():
        raise InputError(f"{option} is {str(path)!r}, which exists and is no file; expected the name of a file.")
    return _writable_in(Path(os.path.realpath(path)).parent, option, path)


def _writable_in(folder, option, path):
    """Returns the path of an output if its folder can be written to; only writing something shows whether it can."""
    if not folder.is_dir():
        raise InputError(f"{option} is {str(path)!r}, but there is no directory {str(folder)!r}.")
    try:
        with tempfile.TemporaryFile(dir=folder):
            return path
    except OSError as error:
        raise InputError(
            f"{option} is {str(path)!r}, but nothing can be written to {str(folder)!r}: {error.strerror}."
        ) from error


def writable_with(suffix):
    """Returns a callback like `writable`, for files whose names end in a suffix."""

    def checked(context, parameter, path):
        if path is not None and path.suffix.lower() != suffix:
            raise InputError(f"{parameter.opts[0]} is {str(path)!r}, expected a name that ends in {suffix}.")
        return writable(context, parameter, path)

    return checked


def writable_images(context, parameter, text):
    """Checks the output of many images: a PNG file for their grid, standard output, or a new or an empty folder."""
    option, path = parameter.opts[0], Path(text)
    if path == STANDARD_OUTPUT or path.suffix.lower() == ".png":
        return writable(context, parameter, path)
    if not text.endswith(os.sep) and path.suffix and not path.is_dir():
        raise InputError(
            f"{option} is {text!r}, expected a name that ends in .png, a folder, or - for standard output."
        )
    if path.exists() and not path.is_dir():
        raise InputError(f"{option} is {text!r}, which is a file, expected a folder.")
    if path.is_dir() and any(path.iterdir()):
        raise InputError(f"{option} is {text!r}, which holds other files, expected a new or an empty folder.")
    return _writable_in(path if path.exists() else Path(os.path.realpath(path)).parent, option, path)


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
        callback=writable_with(".png"),
        help="The PNG file to write.",
    )


def check_picture(path, argument="PICTURE"):
    if not path.is_file():
        raise InputError(f"{argument} is {str(path)!r}, but there is no such file.")


@contextlib.contextmanager
def resumable(output):
    """Says of a training that is interrupted whether the same command continues it from a backup in its folder."""
    try:
        yield
    except KeyboardInterrupt:
        from zoo.callbacks import BACKUP
        from zoo.training.places import TRAINING

        if any((output / TRAINING).rglob(BACKUP)):
            raise KeyboardInterrupt("Interrupted; the same command continues after the last backup.") from None
        raise KeyboardInterrupt("Interrupted before the first backup; the same command begins anew.") from None
