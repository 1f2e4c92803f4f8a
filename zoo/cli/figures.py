"""What commands print of a preset, which may be untrusted."""

import json

import click

from zoo.errors import PresetError, printable, shown

# Texts of a preset are cut off after this many characters.
_LONGEST_TEXT = 500


def text_of(value):
    """A value of a preset, possibly an untrusted one, as one line without control characters."""
    return printable(value, _LONGEST_TEXT) if isinstance(value, str) else shown(value)


def echo_figure(name, figure, *remarks):
    """Prints a metric of the manifest or of `zoo.metrics.protocols.evaluate`: its values, then its protocol."""
    std, real = figure.get("std"), figure.get("real")
    parts = [f"{figure['value']:.4g}" + (f" ± {std:.2g}" if std is not None else "")]
    if real is not None:
        parts.append(f"real images {real:.4g}")
    click.echo(f"  {text_of(name)}: {', '.join([*parts, *remarks])}")
    click.echo(f"    {text_of(figure['protocol'])}")


def echo_json(content):
    """Prints `content` as JSON; characters beyond ASCII are escaped, so a preset cannot steer the terminal."""
    try:
        text = json.dumps(content, indent=2)
    except RecursionError:
        raise PresetError("The preset's metadata.json is nested too deeply to be printed as JSON.") from None
    click.echo(text)
