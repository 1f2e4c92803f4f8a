"""Writes the gallery: a page for each preset from its manifest entry, card and pictures, and a table of them all.

`FOREMOST` says what a preset is measured by first. What its images look like stands in presets.md, and what limits it
on its page of experiments.
"""

import ast
import functools
import io
import re

import _links
from PIL import Image
from thumbnails import column_of, first_images, row_of

from zoo import presets

CARD = "README.md"
# What a model of its kind is measured by first, the special ones before the distance.
FOREMOST = {
    r"nll_": "{:.2f} nats an image",
    r"bits_per_dim_": "{:.3f} bits a value",
    r"edit_smile_flipped_": "smile edits that work {:.3f}",
    r"prompt_agreement_": "attributes as described {:.3f}",
    r"l1_test_": "mean absolute difference {:.3f}",
    r"psnr_luma_x4_set5$": "PSNR on Set5 {:.2f} dB",
    # A classifier of few photographs sees texture and colour, not what they show.
    r"kid550_test_efficientnet_lite1_": "kernel distance, general features {:.3f}",
    r"fid10k_test_": "Fréchet distance {:.2f}",
}
# An SRGAN gives up PSNR for what looks right.
SHARP = {r"perceptual_x4_set14_classifier_avatars_64$": "perceptual distance, Set14 {:.3f}"}
# What a class does in words, and the tab of the playground in which it does so. Other classes draw images.
USES = {
    "BetaVAE": ("edit faces", "faces"),
    "CycleGAN": ("translate pictures", "emoji"),
    "Pix2Pix": ("colour line art", "sketch"),
    "PixelCNN": ("draw, complete", "pixels"),
    "SRGAN": ("enlarge photographs", "enlarge"),
    "SRResNet": ("enlarge photographs", "enlarge"),
    "StyleDCGAN": ("draw, mix styles", "styles"),
    "StyleGAN": ("draw, mix styles", "styles"),
    "TextToImageGAN": ("draw from text", "words"),
    "VAE": ("draw, encode as vectors", "draw"),
    "VQVAE": ("draw, encode as codes", "codes"),
    "VQVAE2": ("draw, encode as codes", "codes"),
}


def figure_of(entry):
    """Returns the main figure of a preset in words."""
    foremost = {**(SHARP if entry["class"] == "SRGAN" else {}), **FOREMOST}
    for pattern, text in foremost.items():
        for name, figure in entry["metrics"].items():
            if re.match(pattern, name):
                return text.format(figure["value"])
    raise ValueError(f"No pattern of FOREMOST matches a figure of this {entry['class']}: {list(entry['metrics'])}")


def use_of(name, entry):
    """Returns what a preset does in words, and its tab in the playground."""
    use, tab = USES.get(entry["class"], ("draw", "draw"))
    options = presets.config_of(presets.BUNDLED / name)["config"]
    classes = options.get("num_classes") or (options.get("prior") or {}).get("num_classes")
    return (use.replace("draw", "draw by class", 1) if classes else use), tab


@functools.cache
def described():
    """Returns what presets.md says of each preset: a dict of its paper, its data and what its images look like."""
    text = (_links.DOCS / "presets.md").read_text("utf-8")
    rows = re.findall(r"^\| \[`(\w+)`\]\(\S+\) \| `\w+` \| (.*?) \| (.*?) \|", text, re.MULTILINE)
    found = {name: {"paper": paper, "data": data, "looks": ""} for name, paper, data in rows}
    for paragraph in re.findall(r"^\*\*`.*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL):
        for name in set(re.findall(r"`(\w+)`", paragraph.split("**")[1])) & found.keys():
            found[name]["looks"] = _links.relinked(paragraph.strip(), _links.DOCS)
    return found


def section(text, title):
    """Returns the text below a heading of a page in Markdown, or None if there is no such heading."""
    found = re.search(rf"^## {title}\n+(.*?)(?=^## |^<!--|\Z)", text, re.MULTILINE | re.DOTALL)
    return found and found[1].strip()


def first_lines(text):
    """Returns the first three statements of a block of code: import, load, draw."""
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    return "\n".join(code.splitlines()[: ast.parse(code).body[2].end_lineno])


# === Pictures ===


def mosaic(name, width=288, shape=(2, 3)):
    """Returns the first images of a preset, not chosen, as a PNG in bytes; small images in twice as many rows."""
    rows, columns = (2 * side for side in shape) if name.endswith("_28") else shape
    images = first_images(name, rows * columns)
    side = width // columns
    picture = column_of([row_of(images[row * columns :][:columns], side) for row in range(rows)])
    written = io.BytesIO()
    picture.quantize(128, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
    return written.getvalue()


def figure(source, caption, kind):
    """Returns a figure of a page."""
    return f"```{{figure}} {source}\n:figclass: {kind}\n:alt: {caption}\n\n{caption}\n```"


# === Pages ===


def page_of(name, entry, playground):
    """Returns the page of a preset."""
    folder = presets.BUNDLED / name
    card = (folder / CARD).read_text("utf-8")
    facts = described()[name]
    size = sum(file["size"] for file in entry["files"].values()) / 1e6
    samples, *pictures = re.findall(r"^!\[(.*?)\]\((\S+)\)$", card, re.MULTILINE)
    parts = [f"# {name}", facts["looks"]]
    if playground:
        parts.append(
            f'<a class="play" href="../playground/index.html#{use_of(name, entry)[1]}/{name}">Play in the browser</a>'
        )
    parts.append(figure(f"/../zoo/weights/{name}/{samples[1]}", samples[0], "samples"))
    parts.append(
        f"{{.facts}}\n**{figure_of(entry)}** · [{entry['class']}](/models/{entry['class']}{_links.GENERATED}), "
        f"{facts['paper']} · {facts['data']} · {entry['parameters'] / 1e6:.2f} M parameters · {size:.1f} MB"
    )
    parts.append(f"## Use\n\n```python\n{first_lines(section(card, 'Use'))}\n```")
    parts.append("[Fine-tuning](/fine_tuning.md) adapts it to your own images in one call.")
    for caption, file in pictures:
        heading = "Nearest training images" if file == "nearest.png" else "More pictures"
        if f"## {heading}" not in parts:
            parts.append(f"## {heading}")
        parts.append(figure(f"/../zoo/weights/{name}/{file}", caption, "details"))
    prompts = re.search(r"^The prompts, row by row:\n\n(?:\d+\. .*\n)+", card, re.MULTILINE)
    if prompts:
        parts.append(prompts[0])
    experiments = _links.DOCS / "experiments" / f"{name}.md"
    parts.append(f"## Training\n\n{section(card, 'Data, licence, training')}")
    parts.append(f"```sh\npython {entry['recipe']}\n```")
    parts.append(f"The [recipe]({_links.linked(_links.ROOT / entry['recipe'])}) has all settings.")
    if experiments.is_file():
        parts[-1] += f" [Experiments](/experiments/{name}.md) tells what was tried."
        limits = section(experiments.read_text("utf-8"), "What limits it")
        if limits:
            parts.append(f"## Limits\n\n{_links.relinked(limits, experiments.parent)}")
    parts.append(f"## All figures\n\n{section(card, 'Figures')}")
    return "\n\n".join(parts) + "\n"


def table_of(entries):
    """Returns the table of presets, which a script of the page makes filterable."""
    rows = [
        f"| ![](/figures/presets/{name}.png) | [`{name}`]({name}{_links.GENERATED}) | {use_of(name, entry)[0]} "
        f"| {described()[name]['data']} | {entry['parameters'] / 1e6:.2f} M | {figure_of(entry)} |"
        for name, entry in entries.items()
    ]
    head = "| first images | preset | task | data | parameters | figure |\n|---|---|---|---|---|---|"
    return "\n".join(["```{table}", ":class: presets filterable", "", head, *rows, "```"])


def pages(playground=False):
    """Returns the pages of the gallery, a dict of texts by path.

    Args:
        playground: bool. Whether the site has the playground, to which the pages then link.
    """
    entries = {name: presets.entry_of(name) for name in presets.list_presets()}
    found = {f"gallery/{name}{_links.GENERATED}": page_of(name, entry, playground) for name, entry in entries.items()}
    names = "\n".join(entries)
    found[f"gallery/index{_links.GENERATED}"] = (
        f"# Gallery\n\n{len(entries)} pretrained models. Each row shows the first images, not chosen; the page behind "
        f"the name shows more.\n\n{table_of(entries)}\n\nDistances compare models of one data set only; lower is "
        f"better. [Presets](/presets.md) has all figures side by side.\n\n"
        f"```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    )
    found |= {f"gallery/pictures/{name}.png": mosaic(name) for name in entries}
    return found
