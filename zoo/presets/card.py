"""The model card: the `README.md` of a preset, made from the manifest or `metadata.json`."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from zoo.errors import PresetError, first_line
from zoo.presets.files import CONFIG, HASHED_FILES, METADATA, metadata_of

SCHEME = "hf://"
CARD, SAMPLES = "README.md", "samples.png"
# Captions of the pictures; that of the samples depends on the model's class.
PICTURES = {
    SAMPLES: None,
    "nearest.png": "Samples, each beside the training image nearest to it",
    "truncation.png": "The same latents with less and less truncation, from the first row to the last",
    "steps.png": "The same noise in 1, 2, 4, 16 and 50 steps, from the first row to the last",
    "guidance.png": "The same noise with guidance 0, 0.5, 1, 1.5, 2 and 4, from the first row to the last",
    "prompts.png": "Five images of each of ten prompts, captions of test faces, a prompt a row",
    "style_mixing.png": "The coarse styles of the first column with the fine styles of the first row",
}
_FEATURES_TASK = "image-feature-extraction"
_FEATURES_USAGE = """## Use

```python
from zoo.metrics import features

network = features.load("{}")
values = network(images)  # of uint8 images, (n, height, width, channels) to (n, d)
```"""
_AGAIN = "; `zoo evaluate` measures them again, but for curves, correlations and Set5 and Set14."


class _Use(NamedTuple):
    """What a card says of a model's use: its task on the Hub, code that samples and fine-tunes, and its sample caption.

    In the code, `{asked}` stands for the label argument of a conditional model, `{own}` for images (with labels, if the
    model has classes), and `{prompt}` for a text.
    """

    task: str = "unconditional-image-generation"
    draw: str = "images = model.generate(16{asked}, seed=0)  # uint8, (16, height, width, channels)"
    also: str = ""
    tune: str = "model.fit({own}, epochs=3)  # fine-tune on images of your own"
    samples: str = "Samples, not chosen"


_MIXED = _Use(
    also="latents = zoo.latents.sample(4, model.noise_shape, seed=0)\n"
    "mixed = model.mix_styles(latents, latents, at_layer=1)  # uint8, (4, 4, height, width, channels)"
)
_CODED = _Use(
    also="codes = model.encode(images)\nsame_images = model.decode(codes)",
    tune="model.fit(my_images, epochs=3)  # fine-tune on images of your own\n"
    "model.fit_prior({own}, epochs=3)  # which draws codes, and they have changed",
)
_TRANSLATOR = _Use(
    "image-to-image",
    "images = model.translate(source_images)  # uint8, (n, height, width, channels)",
    tune='model.fit("my_pairs/", epochs=3)  # fine-tune on source images in my_pairs/A and images in my_pairs/B',
    samples="Test pairs, not chosen: source image, what the model makes of it, and its true counterpart",
)
_BOTH_WAYS = _TRANSLATOR._replace(
    also="source_images = model.translate(images, reverse=True)",
    tune='model.fit("my_pairs/", epochs=3)'
    "  # fine-tune on unpaired source images in my_pairs/A and images in my_pairs/B",
)
_ENLARGER = _Use(
    "image-to-image",
    "large = model.upscale(picture)  # uint8, (height, width, channels)",
    samples="Details of test images, not chosen: enlarged bicubically, by the model, and as they were",
)
_ILLUSTRATOR = _Use(
    "text-to-image",
    "images = model.generate(16, prompts={prompt}, seed=0)  # uint8, (16, height, width, channels)",
    also="print(model.vocabulary)  # the words that it knows",
    tune='model.fit({{"images": my_images, "prompts": my_captions}}, epochs=3)  # fine-tune on images of your own',
)
# Cards of other classes show the default `_Use`, which suits most models.
_USES = {
    "VAE": _Use(also="mean, log_variance = model.encode(images)\nsame_images = model.decode(mean)"),
    "BetaVAE": _Use(
        also="for attribute in model.attributes:\n"
        "    # keep_details=True adds the change to the images themselves, which suits changes in place.\n"
        "    edited = model.edit(images, attribute, amount=1.0)"
    ),
    "PixelCNN": _Use(also="nats = -model.log_prob(images{asked})  # exact"),
    "VQVAE": _CODED,
    "VQVAE2": _CODED,
    "StyleDCGAN": _MIXED,
    "StyleGAN": _MIXED,
    "Pix2Pix": _TRANSLATOR,
    "CycleGAN": _BOTH_WAYS,
    "SRResNet": _ENLARGER,
    "SRGAN": _ENLARGER,
    "TextToImageGAN": _ILLUSTRATOR,
}
_METADATA_BLOCK = re.compile(r"\A\s*---[ \t]*\n.*?\n---[ \t]*(\n|\Z)", re.DOTALL)
# Marks a card's text as generated; the hash shows whether a person has edited it since.
_STAMP = re.compile(r"\n<!-- written by generative-zoo, sha256 (\w{16}) -->\n$")


def model_card(
    repo_id: str | None,
    title: str | None,
    facts: dict[str, Any],
    pictures: Sequence[str] = (),
    classes: Sequence[str | int] = (),
    existing: str | None = None,
) -> str:
    """Writes the text of a preset's `README.md`.

    Args:
        repo_id: `org/name`; None for an official preset that is in no repository.
        title: heading, which is the name that loads an official preset; None for other presets.
        facts: dict of the facts in the manifest or `metadata.json`.
        pictures: names of the pictures beside the card, which it shows; default none.
        classes: names or numbers of the model's classes; default none.
        existing: text of an earlier card, of which everything that a person wrote is kept; default None.

    Returns:
        str, Markdown under a block of metadata as the Hub reads it.

    Raises:
        PresetError: the metadata of `existing` cannot be read.
    """
    header = _card_metadata(title or repo_id.split("/")[1], facts)
    metadata, body = header.to_yaml(), _card_body(repo_id, title, facts, pictures, classes)
    if existing is not None:
        metadata, text = _merged(existing, header)
        body = body if is_unedited(existing) else text.lstrip("\n")
    return f"---\n{metadata}\n---\n\n{body}"


def _merged(card, header):
    """Merges new metadata into that of a card; returns the metadata as YAML and the card's text."""
    import yaml
    from huggingface_hub import ModelCard

    try:
        found = ModelCard(card, ignore_metadata_errors=True)
        kept, tags = found.data.to_dict(), dict.fromkeys([*(found.data.tags or ()), *header.tags])
        if is_unedited(card):
            # The metrics in a generated card may belong to other weights.
            kept.pop("model-index", None)
        merged = {**kept, **header.to_dict(), "tags": list(tags)}
        return type(header)(**merged, ignore_metadata_errors=True).to_yaml(), found.text
    # The client does not check types of keys and values.
    except (ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise PresetError(
            f"The metadata at the top of {CARD} cannot be read ({first_line(error)}); expected YAML between two lines "
            "of three dashes."
        ) from error


def bundled_card(directory: str | os.PathLike[str], title: str, facts: dict[str, Any]) -> str:
    """Returns the text of the card of a bundled preset.

    Args:
        directory: folder of the preset.
        title: name of the preset.
        facts: dict, its manifest entry.
    """
    directory = Path(directory)
    return card_and_metadata(directory, read_files(directory), None, title, facts, {})[CARD].decode()


def is_unedited(card: str) -> bool:
    """Whether a card's text is as `_card_body` wrote it."""
    # The metadata is ignored, and may even be malformed after an edit.
    text = _METADATA_BLOCK.sub("", card)
    stamp = _STAMP.search(text)
    return stamp is not None and stamp[1] == _digest(text[: stamp.start()])


def _digest(text):
    return hashlib.sha256(text.strip().encode()).hexdigest()[:16]


def _card_metadata(name, facts):
    from huggingface_hub import EvalResult, ModelCardData

    dataset, licence = facts.get("dataset"), facts.get("weights_licence")
    task = _use_of(facts).task if facts.get("kind", "model") == "model" else _FEATURES_TASK
    results = [
        EvalResult(
            task_type=task,
            dataset_type=dataset,
            dataset_name=dataset,
            dataset_split="test",
            metric_type=metric,
            metric_name=figure["protocol"],
            metric_value=round(figure["value"], 4),
        )
        for metric, figure in facts.get("metrics", {}).items()
        if dataset is not None
    ]
    return ModelCardData(
        library_name="keras",
        pipeline_tag=task,
        tags=["generative-zoo", *([facts["class"].lower()] if facts.get("class") else [])],
        license=licence.lower() if licence else None,
        datasets=[dataset] if dataset else None,
        model_name=name if results else None,
        eval_results=results or None,
    )


def _card_body(repo_id, title, facts, pictures, classes):
    """The text below the metadata, with a stamp that shows later whether a person edited it."""
    origin = f", trained on `{facts['dataset']}`" if facts.get("dataset") else ""
    parts = [
        f"# {title or repo_id.split('/')[1]}",
        f"A Keras `{facts.get('class', 'model')}` of the generative zoo{origin}.",
    ]
    use = _use_of(facts)
    parts.extend(f"![{PICTURES[name] or use.samples}]({name})" for name in pictures)
    if facts.get("shown_prompts"):
        rows = "\n".join(f"{row}. {prompt}" for row, prompt in enumerate(facts["shown_prompts"], 1))
        parts.append(f"The prompts, row by row:\n\n{rows}")
    generates = facts.get("kind", "model") == "model"
    parts.append(
        _usage(repo_id, title, use, classes, facts.get("shown_prompts")) if generates else _FEATURES_USAGE.format(title)
    )
    if facts.get("metrics"):
        rows = [
            f"| `{name}` | {_rounded(figure['value'])} | {_rounded(figure.get('real'))} | {figure['protocol']} |"
            for name, figure in facts["metrics"].items()
        ]
        table = "\n".join(["| figure | value | real images | protocol |", "|---|---|---|---|", *rows])
        measured = "Measured on these weights by the recipe" + (_AGAIN if generates else ".")
        parts.append(f"## Figures\n\n{measured}\n\n{table}")
    if facts.get("fine_tuning"):
        lines = [f"- {label}: {value}" for label, value in facts["fine_tuning"].items()]
        parts.append("## Fine-tuning\n\nWhat `fine_tune` saw, chose and measured:\n\n" + "\n".join(lines))
    described = {
        "Base preset": facts.get("base"),
        "Data set": facts.get("dataset"),
        "Licence of the data": facts.get("dataset_licence"),
        "Licence of the weights": facts.get("weights_licence"),
        "Credit": facts.get("credit"),
        "Classes": ", ".join(map(str, classes)) or None,
        "Parameters": facts.get("parameters"),
        "Recipe": facts.get("recipe"),
        "Commit of the recipe": facts.get("commit"),
        "Seed": facts.get("seed"),
        "Epochs": facts.get("epochs"),
        "Learning-rate cycles": facts.get("cycles"),
        "Epochs of the prior": facts.get("prior_epochs"),
        "Training minutes": facts.get("training_minutes"),
        "Machine": facts.get("machine"),
    }
    lines = [f"- {label}: {value}" for label, value in described.items() if value is not None]
    if lines:
        parts.append("## Data, licence, training\n\n" + "\n".join(lines))
    if facts.get("not_reproducible_because"):
        parts.append(f"This preset's recipe does not repeat the shipped weights: {facts['not_reproducible_because']}")
    text = "\n\n".join(parts) + "\n"
    return f"{text}\n<!-- written by generative-zoo, sha256 {_digest(text)} -->\n"


def _rounded(value):
    return "" if value is None else f"{value:.4g}"


def _use_of(facts):
    return _USES.get(facts.get("class"), _Use())


def _usage(repo_id, title, use, classes, prompts):
    code = "\n".join(filter(None, (use.draw, use.also, use.tune))).format(
        asked=f", labels={json.dumps(classes[0])}" if classes else "",
        own="(my_images, my_labels)" if classes else "my_images",
        prompt=json.dumps(prompts[0], ensure_ascii=False) if prompts else "my_captions[0]",
    )
    text = f"""## Use

```python
import zoo

model = zoo.load("{title or SCHEME + repo_id}")
{code}
```"""
    if repo_id is None:
        return text
    reference = SCHEME + repo_id
    return f"""{text}

`zoo.load` verifies the hashes of the files and allows only known classes; `zoo info {reference}` shows what this
repository is without running or fetching its weights. After `import zoo.models`, plain Keras loads it too, with
`keras.saving.load_model("{reference}")`, but without these checks, so use that only for repositories you trust."""


def read_files(directory: Path) -> dict[str, bytes]:
    """Returns the bytes of a preset's weights, configuration and pictures, a dict by file name."""
    pictures = [name for name in PICTURES if (directory / name).is_file()]
    return {name: (directory / name).read_bytes() for name in [*HASHED_FILES, *pictures]}


def card_and_metadata(
    directory: Path,
    files: dict[str, bytes],
    repo_id: str | None,
    title: str | None,
    facts: dict[str, Any],
    published: dict[str, str],
) -> dict[str, bytes]:
    """Returns the bytes of the card and the metadata for the files of a preset.

    Args:
        directory: `pathlib.Path` of the preset.
        files: dict of bytes by file name, as `read_files` returns it.
        repo_id, title: as for `model_card`.
        facts: dict of the manifest's facts; they override those in `metadata.json`.
        published: dict of the texts of the published card and metadata by file name; empty if there are none.

    Returns:
        Dict of bytes by file name.

    Raises:
        PresetError: the configuration, the metadata or the card cannot be read.
    """
    metadata = metadata_of(directory)
    facts = {key: value for key, value in facts.items() if key not in ("repo_id", "revision", "files")}
    facts = {**metadata, **facts}
    pictures = [name for name in PICTURES if name in files]
    card = published.get(CARD)
    if card is None or is_unedited(card):
        card = read_text(directory / CARD) or card
    try:
        classes = _classes_of(json.loads(files[CONFIG])["config"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PresetError(f"{directory / CONFIG} is damaged: it holds no configuration of a model.") from error
    return {
        CARD: model_card(repo_id, title, facts, pictures, classes, card).encode(),
        METADATA: _same_but_for_the_date(facts, published.get(METADATA)).encode(),
    }


def read_text(path: Path) -> str | None:
    """Returns the text of a card or of metadata, or None if there is no such file."""
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except UnicodeDecodeError as error:
        raise PresetError(f"{path} is no text in UTF-8 ({error.reason}).") from error


def _classes_of(config):
    """The names of the classes of a model or its prior; their numbers if they have no names."""
    config = config if config.get("num_classes") else config.get("prior") or {}
    return config.get("class_names") or range(config.get("num_classes") or 0)


def _same_but_for_the_date(metadata, published):
    """The metadata as JSON; the published text if they differ only in the date of saving."""
    with contextlib.suppress(ValueError, AttributeError, TypeError, RecursionError):
        if {**json.loads(published), "date_saved": None} == {**metadata, "date_saved": None}:
            return published
    return json.dumps(metadata, indent=2, ensure_ascii=False) + "\n"
