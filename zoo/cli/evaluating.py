"""`zoo evaluate`: the figures of a preset."""

from pathlib import Path

import click

from zoo import presets
from zoo.cli.figures import echo_figure, echo_json
from zoo.cli.files import STANDARD_OUTPUT, writable
from zoo.cli.group import main
from zoo.cli.loading import check_generative, import_quietly, load_generative
from zoo.cli.names import complete_preset
from zoo.errors import InputError
from zoo.files import write_json


@main.command()
@click.argument("name", shell_complete=complete_preset)
@click.option("--dataset", metavar="NAME", help="TFDS name of its data, or a folder of your images.")
@click.option(
    "--features",
    metavar="NETWORK",
    help="Feature network, or a folder of one; default the bundled one of the data set.",
)
@click.option(
    "--data-dir", type=click.Path(exists=True, file_okay=False), help="Folder of TFDS, where nothing bundled serves."
)
# Precision and recall use the third nearest neighbour, so at least 4 images are needed.
@click.option(
    "--images", type=click.IntRange(min=4), help="Images drawn for each seed, and most test images for a likelihood."
)
@click.option("--importance-samples", type=click.IntRange(min=1), help="Samples of the likelihood's bound.")
@click.option(
    "--json",
    "json_file",
    is_flag=False,
    flag_value="-",
    metavar="[FILE]",
    type=click.Path(path_type=Path, allow_dash=True),
    callback=writable,
    help="Print the figures as JSON, after NAME; with FILE, also write them there.",
)
def evaluate(name, dataset, features, data_dir, images, importance_samples, json_file):
    """Measures the preset NAME, a name, a directory or hf://org/name, against the test images of its data set.

    With a folder, which holds images that the model was not trained on, it compares them with what the model draws.
    """
    entry = check_generative(name, images)
    if entry is None and dataset is None:
        raise InputError(
            f"--dataset is missing; {name!r} is no official preset, so name its TFDS data set, or a folder of images."
        )
    is_folder = dataset is not None and _is_folder(dataset)
    if entry is not None and not is_folder and dataset not in (None, entry["dataset"]):
        raise InputError(f"--dataset is {dataset!r}, but the preset {name!r} was trained on {entry['dataset']!r}.")
    dataset = dataset or entry["dataset"]
    if features is not None and features != "inception_v3":
        presets.resolve(features)
    model = load_generative(name)
    from zoo.metrics import protocols

    given = {"images": images, "test_images": images, "importance_samples": importance_samples}
    size = protocols.FULL._replace(**{key: value for key, value in given.items() if value is not None})
    if is_folder:
        from zoo import data

        pictures = data.read(dataset, model.image_shape).images
        figures = protocols.own_images(model, pictures, size=size, feature_network=features)
    else:
        figures = protocols.evaluate(model, dataset, size=size, feature_network=features, data_dir=data_dir)
    content = {"preset": name, "dataset": dataset, "metrics": figures}
    if json_file == STANDARD_OUTPUT:
        echo_json(content)
        return
    if json_file is not None:
        write_json(json_file, content)
    published = entry["metrics"] if entry else {}
    click.echo(f"{name} on {dataset}")
    for key, figure in figures.items():
        echo_figure(key, figure, *_remarks(figure, published.get(key)))


def _remarks(figure, published):
    """The manifest's value of a metric that was just measured."""
    if published is None:
        return ()
    doubt = "" if published["protocol"] == figure["protocol"] else " by another protocol"
    return (f"manifest {published['value']:.4g}{doubt}",)


def _is_folder(source):
    import_quietly()
    from zoo.data.folders import find_folder

    return find_folder(source) is not None
