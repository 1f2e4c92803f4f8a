"""`zoo train`: a model of one's own, from a folder of images or a TFDS name to a preset."""

import os
from pathlib import Path

import click

import zoo
from zoo import presets
from zoo.cli.files import resumable
from zoo.cli.group import main
from zoo.cli.loading import import_quietly
from zoo.cli.names import class_named, complete_class, once
from zoo.errors import InputError


@main.command()
@click.argument("model", shell_complete=complete_class)
@click.argument("data")
@click.option(
    "--resolution", default=64, show_default=True, type=click.IntRange(4), help="Side of the images in pixels."
)
@click.option("--channels", default=3, show_default=True, type=click.IntRange(1, 3), help="3 for colour, 1 for grey.")
@click.option("--steps", default=20_000, show_default=True, type=click.IntRange(1), help="Training steps.")
@click.option("--batch-size", default=64, show_default=True, type=click.IntRange(1), help="Images for one update.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**32 - 1), help="Repeats a run.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="An argument of MODEL; may be repeated.")
@click.option("--devices", type=click.IntRange(1), help="Devices of this process; all by default, under JAX.")
@click.option("--processes", default=1, type=click.IntRange(1), help="Processes that train together, under JAX.")
@click.option("--process", default=0, type=click.IntRange(0), help="Number of this process, from 0.")
@click.option("--coordinator", metavar="HOST:PORT", help="Where the processes meet: an address of process 0.")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder of the preset; new or unfinished."
)
def train(
    model,
    data,
    resolution,
    channels,
    steps,
    batch_size,
    seed,
    options,
    devices,
    processes,
    process,
    coordinator,
    output,
):
    """Trains MODEL on DATA and writes a preset that `zoo.load` and `zoo sample` take.

    MODEL is the name of a class, such as dcgan, vae or vq_vae. DATA is a folder of images, with a subfolder for each
    class where MODEL needs classes, a glob pattern in quotes, or the name of a TFDS data set; pix2pix, cycle_gan,
    sr_resnet and srgan take a folder with the subfolders A (sources, or small images) and B.

    Under JAX, several devices and processes share each batch. Start the same command once for each process, with
    its number; all must see DATA and OUTPUT.

    Every 500 steps the run draws a grid into OUTPUT/training/samples and is backed up. The same command again continues
    a run that was killed, and ends with the same weights, bit for bit.
    """
    name = class_named(model, "MODEL")
    if channels == 2:
        raise InputError("--channels is 2, expected 1 or 3.")
    if process >= processes:
        raise InputError(f"--process is {process}, expected less than --processes {processes}.")
    if processes > 1 and coordinator is None:
        raise InputError("--coordinator is missing, expected HOST:PORT of process 0.")
    if str(output) in presets.manifest():
        raise InputError(f"-o is {str(output)!r}, which is the name of an official preset; choose another name.")
    # oneDNN is set up before TensorFlow is imported.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    import_quietly()
    from zoo.devices import share, together
    from zoo.training.run.options import parse_option
    from zoo.training.run.own_data import Settings, check_place, own_place, train_own

    model_class = getattr(zoo, name)
    arguments = once((parse_option(model_class, text) for text in options), "--option ")
    shape = [resolution, resolution, channels]
    settings = Settings(name, data, shape, steps, batch_size, seed, arguments)
    check_place(output, settings)
    if devices or processes > 1:
        share(devices, processes, process, coordinator)
    with resumable(output), together(), own_place(output) as place:
        train_own(model_class, place, settings)
