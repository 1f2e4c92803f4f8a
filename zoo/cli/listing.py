"""`zoo list` and `zoo info`: which presets there are, and what is known of one."""

import contextlib

import click

from zoo import presets
from zoo.cli.figures import echo_figure, echo_json, text_of
from zoo.cli.group import main
from zoo.cli.names import class_named, complete_class, complete_preset
from zoo.errors import InputError, PresetError
from zoo.presets import allow_list, hub

# Classes whose `generate` takes what their configuration does not name.
_TRANSLATORS = ("Pix2Pix", "CycleGAN", "SRResNet", "SRGAN")
_TRUNCATED = ("BigGAN", "StyleGAN", "StyleDCGAN")
_FLOWS = ("RectifiedFlow", "LatentFlow")
_COMPLETING = ("PixelCNN", *_FLOWS)
_TEMPERED = ("VAE", "BetaVAE", "VQVAE", "VQVAE2", "PixelCNN")


@main.command("list")
@click.argument("pattern", default="*")
@click.option(
    "--model", metavar="CLASS", shell_complete=complete_class, help="Only presets of this class, such as dcgan."
)
@click.option("--dataset", metavar="NAME", help="Only presets trained on this data set.")
@click.option("--json", "as_json", is_flag=True, help="Print all that the manifest knows of them, as JSON.")
def list_command(pattern, model, dataset, as_json):
    """Lists the presets that match the wildcard PATTERN, each with its class, data set and main figure."""
    entries = presets.manifest()
    model = None if model is None else class_named(model, "--model")
    names = presets.list_presets(pattern, model=model, dataset=dataset)
    if not names:
        raise InputError("No preset matches; `zoo list` without arguments shows all.")
    if as_json:
        echo_json([{"name": name, **entries[name]} for name in names])
        return
    rows = [
        [
            text_of(cell)
            for cell in (name, entries[name]["class"], entries[name]["dataset"], _main_figure(entries[name]))
        ]
        for name in names
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _main_figure(entry):
    """The primary metric of a model of this kind, otherwise the first metric of its protocol."""
    metrics = entry["metrics"]
    foremost = ("nll_", "bits_per_dim_", "prompt_agreement_", "edit_smile_flipped_", "psnr_luma_x4_set5")
    name = next((name for name in metrics if name.startswith(foremost)), next(iter(metrics), None))
    return "" if name is None else f"{name} {metrics[name]['value']:.4g}"


@main.command()
@click.argument("name", shell_complete=complete_preset)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, by the names of the manifest.")
def info(name, as_json):
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
    takes = found.directory and _conditions(found.directory)
    verdict = None if is_official else _verdict(directory)
    files = _files(found.files or facts.get("files"), found.directory)
    repo_id, revision = found.repo_id or facts.get("repo_id"), found.revision or facts.get("revision")
    if as_json:
        where = {"origin": found.origin, "directory": found.directory and str(found.directory)}
        where |= {"repo_id": repo_id, "revision": revision, "files": files}
        echo_json({**facts, "name": name, **where, "configuration": verdict, "generate_takes": takes})
        return
    lines = {
        "class": facts.get("class"),
        "origin": _origin(found),
        "version": facts.get("version"),
        "hub": repo_id,
        "revision": revision,
        "parameters": facts.get("parameters"),
        "data set": facts.get("dataset"),
        "data licence": facts.get("dataset_licence"),
        "weights licence": facts.get("weights_licence"),
        "credit": facts.get("credit"),
        "recipe": facts.get("recipe"),
        "not reproducible": facts.get("not_reproducible_because"),
        "commit": facts.get("commit"),
        "seed": facts.get("seed"),
        "epochs": facts.get("epochs"),
        "rate cycles": facts.get("cycles"),
        "prior epochs": facts.get("prior_epochs"),
        "training minutes": facts.get("training_minutes"),
        "machine": facts.get("machine"),
        "date": facts.get("date", facts.get("date_saved")),
        "configuration": verdict,
        "fine-tuned from": facts.get("base"),
        "generate takes": ", ".join(takes) if takes else None,
        **{file: f"{stated['size']} bytes, sha256 {stated['sha256']}" for file, stated in files.items()},
    }
    click.echo(text_of(name))
    for label, value in lines.items():
        if value is not None:
            click.echo(f"  {label:<18}{text_of(value)}")
    for figure, content in facts.get("metrics", {}).items():
        echo_figure(figure, content)


def _files(stated, directory):
    """Returns size and SHA-256 of a preset's files, as its manifest or metadata states them or as they are."""
    files = {file: presets.stated_of(stated, file) for file in presets.HASHED_FILES}
    if directory is not None:
        files = {file: known or presets.describe_file(directory / file) for file, known in files.items()}
    return {file: known for file, known in files.items() if known is not None}


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


def _conditions(directory):
    """Returns the names of the conditions that `generate` takes, from a configuration, without building anything."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        config = presets.config_of(directory)
        # A prior draws what the model draws.
        name, options = config["class_name"], {**config["config"], **(config["config"].get("prior") or {})}
        takes = {
            "labels": options.get("num_classes"),
            "prompts": options.get("vocabulary"),
            "source_images": name in (*_TRANSLATORS, *_COMPLETING),
            "mask": name in _COMPLETING,
            "latents": options.get("latent_dim") or name in _FLOWS,
            "steps": name in _FLOWS,
            "guidance": name in _FLOWS and (options.get("num_classes") or options.get("vocabulary")),
            "solver": name in _FLOWS,
            "truncation": name in _TRUNCATED,
            "temperature": name in _TEMPERED,
        }
        return [condition for condition, taken in takes.items() if taken]
    # The line on the configuration says what is wrong with it.
    return None


def _origin(location):
    if location.origin == "hub":
        return "the Hub, not fetched yet"
    return f"{location.origin}, {location.directory}"
