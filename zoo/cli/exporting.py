"""`zoo export`: the networks of a preset as files for programs without Keras."""

from pathlib import Path

import click

import zoo
from zoo import presets
from zoo.cli.group import main
from zoo.cli.loading import import_quietly
from zoo.exporting.destination import FORMATS, destination


@main.command()
@click.argument("name")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="A file that ends in .onnx or .tflite, or a folder: new, empty or an earlier export.",
)
@click.option(
    "--format",
    "format",
    type=click.Choice(list(FORMATS)),
    help="Default: that of the suffix of OUTPUT; a folder gets a SavedModel.",
)
def export(name, output, format):
    """Exports the networks of the preset NAME, a name, a directory or hf://org/name, for programs without Keras.

    A model of a single network, such as a GAN, fits in a file. A folder holds each network of a model by its name, and
    export.json, which describes inputs and outputs.
    """
    destination(output, format, "-o")
    presets.obtain(name)
    import_quietly()
    from zoo.exporting.networks import functional
    from zoo.exporting.writing import write

    model = zoo.load(name)
    if isinstance(model, zoo.GenerativeModel):
        model.export(output, format)
    else:
        # The networks that compute features for `zoo evaluate` are plain Keras models.
        write(destination(output, format), {"network": functional(model)}, presets.origin_of(model), {})
    click.echo(f"Wrote {output}.")
