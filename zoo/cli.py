"""The command `zoo`: list, describe, sample, edit, translate, enlarge, evaluate and publish presets.

TensorFlow takes seconds to import, so only the commands that run a model import it, after all checks that can be made
without it.
"""

import contextlib
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

import click

import zoo
from zoo import presets
from zoo.arrays import check_number_of_images
from zoo.backend import import_keras
from zoo.errors import InputError, PresetError, ZooError, check_image_shape, printable, shown
from zoo.files import write_json
from zoo.presets import allow_list, hub

# Texts of a preset are cut off after this many characters.
_LONGEST_TEXT = 500


@contextlib.contextmanager
def _usage_in_one_sentence():
    """Reports click's usage errors like any other error: in one sentence and with exit status 1."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        message = error.format_message()
        raise click.ClickException(message if message.endswith((".", "?")) else f"{message}.") from error


class _ZooGroup(click.Group):
    """Prints errors and warnings in one sentence each; a traceback would be a bug in the zoo."""

    def make_context(self, *args, **settings):
        with _usage_in_one_sentence():
            return super().make_context(*args, **settings)

    def invoke(self, context):
        said = set()

        def say_once(message, *_, **__):
            # A preset is verified before TensorFlow is imported and again by `zoo.load`, so warnings can repeat.
            if str(message) not in said:
                said.add(str(message))
                click.echo(f"Warning: {printable(str(message))}", err=True)

        with warnings.catch_warnings(), _usage_in_one_sentence():
            warnings.showwarning = say_once
            try:
                return super().invoke(context)
            except ZooError as error:
                raise click.ClickException(str(error)) from error
            except BrokenPipeError:
                # `zoo list | head` closes the pipe early; click handles this.
                raise
            except OSError as error:
                subject = f"{error.filename!r} cannot be used: " if error.filename else ""
                raise click.ClickException(f"{subject}{error.strerror or error}.") from error


@click.group(cls=_ZooGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zoo.__version__)
def main():
    """Generative models with pretrained weights."""
    _open_streams()
    # TensorFlow logs a missing GPU as an error, and level 3 hides errors.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _open_streams():
    """Opens closed standard streams on the null device; otherwise the next opened file would take their number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The system assigns the lowest free number, which is this one.
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))


@main.command("list")
@click.argument("pattern", default="*")
@click.option("--model", metavar="CLASS", help="Only presets of this class.")
@click.option("--dataset", metavar="NAME", help="Only presets trained on this data set.")
def list_command(pattern, model, dataset):
    """Lists the presets that match the wildcard PATTERN, each with its class, data set and main figure."""
    entries = presets.manifest()
    names = presets.list_presets(pattern, model=model, dataset=dataset)
    if not names:
        click.echo("No preset matches; `zoo list` without arguments shows all.", err=True)
    rows = [
        [_text(cell) for cell in (name, entries[name]["class"], entries[name]["dataset"], _main_figure(entries[name]))]
        for name in names
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _text(value):
    """A value of a preset, possibly an untrusted one, as one line without control characters."""
    return printable(value, _LONGEST_TEXT) if isinstance(value, str) else shown(value)


def _main_figure(entry):
    """The primary metric of a model of this kind, otherwise the first metric of its protocol."""
    metrics = entry["metrics"]
    foremost = ("nll_", "bits_per_dim_", "prompt_agreement_", "edit_smile_flipped_", "psnr_luma_x4_set5")
    name = next((name for name in metrics if name.startswith(foremost)), next(iter(metrics), None))
    return "" if name is None else f"{name} {metrics[name]['value']:.4g}"


@main.command()
@click.argument("name")
def info(name):
    """Describes the preset NAME - a name, a directory or hf://org/name - and says where it would come from.

    Files that are here are checked against their hashes; weights that are not are not fetched.
    """
    location = presets.resolve(name)
    directory, is_official = location.directory, name in presets.manifest()
    if directory is None and not is_official:
        directory = hub.fetch_texts(location.repo_id, location.revision)
    # The facts of an official preset come from the manifest, those of another one from `metadata.json`.
    facts = presets.entry_of(name) if is_official else presets.metadata_of(directory)
    found = location._replace(files=facts.get("files")) if location.origin == "cached" else location
    if found.directory is not None:
        presets.verify(found)
    files = found.files or facts.get("files")
    lines = {
        "class": facts.get("class"),
        "origin": _origin(found),
        "version": facts.get("version"),
        "hub": found.repo_id or facts.get("repo_id"),
        "revision": found.revision or facts.get("revision"),
        "parameters": facts.get("parameters"),
        "data set": facts.get("dataset"),
        "data licence": facts.get("dataset_licence"),
        "weights licence": facts.get("weights_licence"),
        "recipe": facts.get("recipe"),
        "not reproducible": facts.get("not_reproducible_because"),
        "commit": facts.get("commit"),
        "seed": facts.get("seed"),
        "epochs": facts.get("epochs"),
        "cycles of the rate": facts.get("cycles"),
        "prior epochs": facts.get("prior_epochs"),
        "training minutes": facts.get("training_minutes"),
        "machine": facts.get("machine"),
        "date": facts.get("date", facts.get("date_saved")),
        "configuration": None if is_official else _verdict(directory),
    }
    for file in presets.HASHED_FILES:
        stated = presets.stated_of(files, file)
        if stated is None and found.directory:
            stated = presets.describe_file(found.directory / file)
        lines[file] = stated and f"{stated['size']} bytes, sha256 {stated['sha256']}"
    click.echo(_text(name))
    for label, value in lines.items():
        if value is not None:
            click.echo(f"  {label:<18}{_text(value)}")
    for figure, content in facts.get("metrics", {}).items():
        _echo_figure(figure, content)


def _verdict(directory):
    """Returns the verdict of `zoo.load` on a preset's configuration, without building anything."""
    try:
        config = presets.config_of(directory)
        # Only importing the zoo's models tells which classes there are; `zoo.load` refuses unknown ones.
        allow_list.check(config, f"The preset in {directory}", lambda name: name.startswith("zoo>"))
    except PresetError as error:
        return f"refused: {error}"
    except FileNotFoundError:
        return f"refused: {presets.CONFIG} is missing."
    except (ValueError, RecursionError) as error:
        return f"refused: {presets.CONFIG} is no JSON ({error})."
    return "allowed"


def _origin(location):
    if location.origin == "hub":
        return "the Hub, not fetched yet"
    return f"{location.origin}, {location.directory}"


def _echo_figure(name, figure, *remarks):
    """Prints a metric of the manifest or of `zoo.metrics.protocols.evaluate`: its values, then its protocol."""
    std, real = figure.get("std"), figure.get("real")
    parts = [f"{figure['value']:.4g}" + (f" ± {std:.2g}" if std is not None else "")]
    if real is not None:
        parts.append(f"real images {real:.4g}")
    click.echo(f"  {_text(name)}: {', '.join([*parts, *remarks])}")
    click.echo(f"    {_text(figure['protocol'])}")


def _writable(context, parameter, path):
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


def _writable_png(context, parameter, path):
    if path.suffix.lower() != ".png":
        raise InputError(f"{parameter.opts[0]} is {str(path)!r}, expected a name that ends in .png.")
    return _writable(context, parameter, path)


def _write_picture(path, image):
    from zoo.images import write_png

    write_png(path, image)
    click.echo(f"Wrote {path}.")


def _png_option(default):
    return click.option(
        "-o",
        "--output",
        default=default,
        show_default=True,
        type=click.Path(path_type=Path),
        callback=_writable_png,
        help="The PNG file to write.",
    )


@main.command()
@click.argument("name")
@click.option("-n", "--num-samples", default=64, show_default=True, type=click.IntRange(min=1), help="How many images.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**63 - 1), help="The same seed draws the same."
)
@click.option("--label", help="Draw this class only, by its number or name; default all that the model knows.")
@click.option("--prompt", help="Draw what this text says; default the prompts that the model has for examples.")
@_png_option("samples.png")
def sample(name, num_samples, seed, label, prompt, output):
    """Draws a grid of images from the preset NAME, a name, a directory or hf://org/name."""
    _check_generative(name, num_samples)
    model = _load_generative(name)
    for command in _COMMANDS_ON_PICTURES:
        if hasattr(model, command):
            raise _served_by(command, name, model)
    for option, given, condition in (("--label", label, "labels"), ("--prompt", prompt, "prompts")):
        if given is not None and not model.takes(condition):
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


@main.command()
@click.argument("name")
@click.option("--dataset", metavar="NAME", help="TFDS name of its data; needed where NAME is no official preset.")
@click.option("--features", metavar="NETWORK", help="Feature network; default the bundled one of the data set.")
@click.option(
    "--data-dir", type=click.Path(exists=True, file_okay=False), help="Folder of TFDS, where nothing bundled serves."
)
# Precision and recall use the third nearest neighbour, so at least 4 images are needed.
@click.option(
    "--images", type=click.IntRange(min=4), help="Images drawn for each seed, and most test images for a likelihood."
)
@click.option("--importance-samples", type=click.IntRange(min=1), help="Samples of the likelihood's bound.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), callback=_writable, help="Also write the figures here."
)
def evaluate(name, dataset, features, data_dir, images, importance_samples, json_file):
    """Measures the preset NAME, a name, a directory or hf://org/name, against the test images of its data set."""
    entry = _check_generative(name, images)
    if entry is None and dataset is None:
        raise InputError(f"--dataset is missing; {name!r} is no official preset, so that its data are not known.")
    if entry is not None and dataset not in (None, entry["dataset"]):
        raise InputError(f"--dataset is {dataset!r}, but the preset {name!r} was trained on {entry['dataset']!r}.")
    dataset = dataset or entry["dataset"]
    if features is not None and features != "inception_v3":
        presets.entry_of(features)
    model = _load_generative(name)
    from zoo.metrics import protocols

    given = {"images": images, "test_images": images, "importance_samples": importance_samples}
    size = protocols.FULL._replace(**{key: value for key, value in given.items() if value is not None})
    figures = protocols.evaluate(model, dataset, size=size, feature_network=features, data_dir=data_dir)
    if json_file is not None:
        write_json(json_file, {"preset": name, "dataset": dataset, "metrics": figures})
    published = entry["metrics"] if entry else {}
    click.echo(f"{name} on {dataset}")
    for key, figure in figures.items():
        _echo_figure(key, figure, *_remarks(figure, published.get(key)))


def _remarks(figure, published):
    """The manifest's value of a metric that was just measured."""
    if published is None:
        return ()
    doubt = "" if published["protocol"] == figure["protocol"] else " by another protocol"
    return (f"manifest {published['value']:.4g}{doubt}",)


@main.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Publish all official presets instead of NAME.")
@click.option("--repo", metavar="ORG/NAME", help="Default: the manifest's, else NAME in your own namespace.")
@click.option("--tag", metavar="TAG", help="Tag the commit.")
@click.option("--private", is_flag=True, help="Make the repository private if it is created.")
def publish(name, every, repo, tag, private):
    """Publishes the preset NAME, a name or a directory, on the Hugging Face Hub, with the token in HF_TOKEN.

    The manifest then pins an official preset to the commit. An unchanged preset makes no new commit.
    """
    if every == (name is not None):
        raise InputError("NAME and --all exclude each other, and one of them is needed.")
    if every and repo is not None:
        raise InputError(f"--repo is {repo!r}, but --all publishes many presets; name one preset for it.")
    if repo is not None:
        hub.check_repo_id(repo, "--repo")
    names = presets.list_presets(kind=None) if every else [name]
    locations = {name: presets.resolve(name) for name in names}
    for name, location in locations.items():
        if location.directory is None or location.origin == "cached":
            raise InputError(f"NAME is {name!r}, which is no preset of this installation and no directory.")
        if location.origin == "directory" and repo is None:
            raise InputError(f"--repo is missing; {name!r} is a directory, which has no name on the Hub.")
        presets.verify(location)
    for name, location in locations.items():
        official = location.origin == "bundled"
        entry = presets.entry_of(name) if official else {}
        found = hub.publish(
            location.directory,
            repo or entry.get("repo_id") or hub.default_repo_id(name),
            title=name if official else None,
            facts=entry,
            tag=tag,
            private=private,
        )
        if official:
            presets.record_publication(name, found.repo_id, found.revision)
        done = "Published" if found.changed else "Nothing changed in"
        click.echo(f"{done} {name}: hf://{found.repo_id}@{found.revision}")


@main.command()
@click.argument("name")
@click.option("--image", "image_file", required=True, type=click.Path(path_type=Path), help="The picture to edit.")
@click.option("--attribute", required=True, help="What to change, such as smile.")
@click.option("--amount", default=1.0, show_default=True, help="How much; negative takes it away.")
@click.option("--keep-details", is_flag=True, help="Add the change to the picture itself, not its reconstruction.")
@_png_option("edited.png")
def edit(name, image_file, attribute, amount, keep_details, output):
    """Changes an attribute of a picture with the preset NAME, a model that encodes pictures to latents."""
    _check_picture(image_file, "--image")
    _check_generative(name)
    model = _load_generative(name)
    if not getattr(model, "attributes", ()):
        raise InputError(f"{name!r} is a {type(model).__name__} that knows no attributes to edit.")
    from zoo.images import read_image

    edited = model.edit(read_image(image_file, model.image_shape)[None], attribute, amount, keep_details)
    _write_picture(output, edited[0])


@main.command()
@click.argument("name")
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--reverse", is_flag=True, help="Translate the other way, where the model can.")
@_png_option("translated.png")
def translate(name, picture, reverse, output):
    """Translates the file PICTURE, cropped and resized, with the preset NAME, a model from images to images."""
    _check_picture(picture)
    _check_generative(name)
    model = _load_able(name, "translate", "translates no pictures")
    if hasattr(model, "upscale"):
        raise _served_by("upscale", name, model)
    if reverse and not model.translates_back:
        raise InputError(f"--reverse is given, but {name!r} is a {type(model).__name__}, which translates one way.")
    from zoo.images import read_image

    way = {"reverse": True} if reverse else {}
    translated = model.translate(read_image(picture, model.source_shape)[None], **way)
    _write_picture(output, translated[0])


@main.command()
@click.argument("name")
@click.argument("picture", type=click.Path(path_type=Path))
@_png_option("upscaled.png")
def upscale(name, picture, output):
    """Enlarges the file PICTURE, of any size, with the preset NAME, a model of super-resolution."""
    _check_picture(picture)
    _check_generative(name)
    model = _load_able(name, "upscale", "enlarges no pictures")
    from zoo.images import read_picture, write_png_bands

    image = read_picture(picture)
    height, width = (side * model.scale for side in image.shape[:2])
    bands = model.upscale_bands(image)
    write_png_bands(output, bands, height, width)
    click.echo(f"Wrote {width}x{height} pixels to {output}.")


def _check_picture(path, argument="PICTURE"):
    if not path.is_file():
        raise InputError(f"{argument} is {str(path)!r}, but there is no such file.")


#: Maps methods of models to what such models do; upscaling is a kind of translating, so it comes first.
_COMMANDS_ON_PICTURES = {"upscale": "enlarges", "translate": "translates"}


def _served_by(command, name, model):
    """The error of a command if `zoo translate` or `zoo upscale` serves the model better."""
    does = _COMMANDS_ON_PICTURES[command]
    return InputError(f"{name!r} is a {type(model).__name__}, which {does} pictures; `zoo {command}` does so.")


def _load_able(name, method, unable):
    """Loads a preset with `zoo.load` and refuses a model without the method that the command needs."""
    model = _load_generative(name)
    if not hasattr(model, method):
        raise InputError(f"{name!r} is a {type(model).__name__}, which {unable}.")
    return model


def _check_generative(name, num_samples=None):
    """Returns the manifest entry of an official preset that generates images, None for other presets.

    Refuses everything that can be refused without TensorFlow: unknown and damaged presets, official ones of another
    kind, and more images than one call may draw.
    """
    entry = presets.manifest().get(name)
    if entry is not None and entry["kind"] != "model":
        raise InputError(f"{name!r} is a {entry['kind'].replace('_', ' ')}, expected a preset that generates images.")
    directory = presets.obtain(name).directory
    if num_samples is not None and (image_shape := _image_shape_in(directory)) is not None:
        check_number_of_images(num_samples, image_shape)
    return entry


def _image_shape_in(directory):
    """The image shape in a preset's configuration; None if that is damaged, because `zoo.load` explains that."""
    try:
        return check_image_shape(presets.config_of(directory)["config"]["image_shape"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _load_generative(name):
    """Loads a preset with `zoo.load` and refuses a model that generates no images."""
    with _quiet_import():
        import_keras()
    # TensorFlow warns of retracing, which a user of the command cannot change.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    model = zoo.load(name)
    if not isinstance(model, zoo.GenerativeModel):
        raise InputError(f"{name!r} is a {type(model).__name__}, expected a preset that generates images.")
    return model


@contextlib.contextmanager
def _quiet_import():
    """Hides what TensorFlow writes to standard error during its import, unless TF_CPP_MIN_LOG_LEVEL is 0.

    TensorFlow 2.21 writes two lines before it reads that variable, and bypasses `sys.stderr`.
    """
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0":
        yield
        return
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
