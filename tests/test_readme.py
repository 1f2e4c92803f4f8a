"""The README and the pages in `docs/`: their code runs, their links lead somewhere, their figures are the manifest's.

Blocks that need a Hub run in `tests/hub/test_round_trip.py`.
"""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from _gallery import figure_of
from click.testing import CliRunner
from helpers import PAGES, SHAPE, tiny_pix2pix
from PIL import Image

import zoo
from zoo import presets
from zoo.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CARDS = sorted(presets.BUNDLED.glob("*/README.md"))
TEXTS = {page: page.read_text(encoding="utf-8") for page in [*PAGES, *CARDS]}


def blocks_of(page, language):
    return re.findall(rf"```{language}\n(.*?)```", TEXTS[page], re.DOTALL)


def name_of(page):
    return str(page.relative_to(ROOT))


# === Code ===


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with the pictures that the pages name."""
    monkeypatch.chdir(tmp_path)
    stream = np.random.RandomState(0)
    sides = {
        **{f"my_images/{index}.png": (40, 32, 3) for index in range(64)},
        **{f"my_classes/{name}/{index}.png": (32, 32, 3) for name in ("cat", "dog") for index in range(8)},
        **{f"my_pairs/{side}/{index}.png": (64, 64, 3) for side in "AB" for index in range(8)},
        **{f"my_sketches/{index}.png": (64, 64, 3) for index in range(8)},
        **{"face.png": (64, 64, 3), "sketch.png": (8, 8), "photo.jpg": (12, 16, 3)},
    }
    for name, shape in sides.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(stream.randint(0, 256, shape).astype("uint8")).save(tmp_path / name)
    # As the playground downloads it.
    drawn = {"preset": "dcgan_avatars_64", "latents": [[0.0] * 96]}
    (tmp_path / "dcgan_avatars_64-7.json").write_text(json.dumps(drawn))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page, "python")], ids=name_of)
def test_python_blocks_run(page, folder):
    namespace = {}
    try:
        for number, block in enumerate(blocks_of(page, "python")):
            if "hf://" in block:
                continue
            # So little work does not repay tracing, but for images pixel by pixel, and a model that is a page's own.
            tf.config.run_functions_eagerly(not re.search(r"pixel_cnn|^class ", block, re.MULTILINE))
            short = re.sub(r"\bepochs=\d+", "epochs=1", block)
            short = re.sub(r"(\bfine_tune\(.*?)\bsteps=\d+", r"\1steps=1, samples=8", short)
            exec(compile(short, f"{name_of(page)}, block {number}", "exec"), namespace)
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.mark.slow
def test_commands_run(folder):
    blocks = [block for page in PAGES for block in blocks_of(page, "sh")]
    lines = dict.fromkeys(line for block in blocks for line in block.splitlines() if line.startswith("zoo "))
    # What they need, a Hub, `tests/hub` has; `test_playground.py` has what `zoo play` needs.
    commands = [shlex.split(line, comments=True)[1:] for line in lines if "me/my-gan" not in line]
    tiny_pix2pix().save_to_preset("my_painter")
    zoo.load("dcgan_fashion_mnist_28").save_to_preset("my_gan")
    # A quick look instead of a whole measurement or training.
    quick = {"evaluate": ["--images", "16"], "train": ["--steps", "2", "--option", "filters=2"]}
    quick["fine-tune"] = ["--steps", "1", "--choice", "samples=8"]
    try:
        for arguments in commands:
            # So little work does not repay tracing, but for images pixel by pixel.
            tf.config.run_functions_eagerly("pixel_cnn" not in " ".join(arguments))
            result = CliRunner().invoke(main, [*arguments, *quick.get(arguments[0], [])])
            assert result.exit_code == 0, (arguments, result.output)
    finally:
        tf.config.run_functions_eagerly(False)
    assert {arguments[0] for arguments in commands} == set(main.commands) - {"publish", "play"}
    sizes = {"smiling.png": (64, 64), "picture.png": SHAPE[:2], "large.png": (256, 256)}
    assert {name: Image.open(name).size for name in sizes} == sizes
    assert min(Image.open("grid.png").size) > 8 * 28


def test_targets_and_recipes_exist():
    texts = "\n".join(TEXTS[page] for page in PAGES)
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^|`)make ([\w-]+)", texts, re.MULTILINE)
    assert named and set(named) <= set(targets)
    recipes = re.findall(r"recipes/([a-z]\w+)\.py", texts)
    assert recipes and all((ROOT / "recipes" / f"{name}.py").exists() for name in recipes)


# === Figures ===

DISTANCES = {
    "Fréchet distance": (r"fid10k_test_\w+_classifier$", 2),
    "kernel distance": (r"kid\d+k?_test_\w+_classifier$", 3),
    "precision": (r"precision\d+k?_test_\w+_classifier$", 3),
    "recall": (r"recall\d+k?_test_\w+_classifier$", 3),
}
# On the page of presets: of the textbook's settings, and of another paper.
NO_METRICS = {"2.73", "81.3"}


def models():
    return {name: entry for name, entry in presets.manifest().items() if entry["kind"] == "model"}


def rows_of(page):
    """The cells of each row of a page's tables that names a preset."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in TEXTS[page].splitlines() if line[:1] == "|"
    ]
    return [(found[0], cells) for cells in rows if (found := re.findall(r"`(\w+_\w+)`", " ".join(cells[:2])))]


def value_of(metrics, pattern):
    return next((figure["value"] for key, figure in metrics.items() if re.match(pattern, key)), None)


def test_the_readme_lists_every_preset_with_its_figure():
    rows = {name: cells for name, cells in rows_of(README) if len(cells) == 5}
    assert rows.keys() == models().keys()
    for name, entry in models().items():
        size = sum(file["size"] for file in entry["files"].values())
        assert rows[name] == [
            f'<img src="docs/figures/presets/{name}.png" height="48" alt="">',
            f"[`{name}`](zoo/weights/{name}/README.md)",
            f"`{entry['class']}`",
            f"{size / 1e6:.1f} MB",
            figure_of(entry),
        ]


def test_the_page_of_presets_states_the_manifests_figures():
    page = ROOT / "docs" / "presets.md"
    described = {name: cells for name, cells in rows_of(page) if len(cells) == 6}
    measured = {name: cells for name, cells in rows_of(page) if len(cells) == 5 and all(cells)}
    assert described.keys() == models().keys()
    for name, entry in models().items():
        _, kind, _, _, parameters, minutes = described[name]
        assert (kind, parameters) == (f"`{entry['class']}`", f"{entry['parameters'] / 1e6:.2f} M")
        assert minutes.split()[-1] == f"{entry['training_minutes']:.0f}"
        found = [(value_of(entry["metrics"], pattern), digits) for pattern, digits in DISTANCES.values()]
        if found[0][0] is not None:
            assert measured.pop(name)[1:] == [f"{value:.{digits}f}" for value, digits in found]
    # The rest of the numbers, each a figure of some preset, rounded to the digits that are shown.
    figures = [v for entry in models().values() for f in entry["metrics"].values() for v in (f["value"], f.get("real"))]
    figures = [value for value in figures if value is not None]
    for number in set(re.findall(r"\b\d+\.\d+\b(?! M)", TEXTS[page])) - NO_METRICS:
        digits = len(number.partition(".")[2])
        assert any(f"{value:.{digits}f}".lstrip("-") == number for value in figures), number


def test_the_page_of_evaluation_states_what_classifiers_read():
    rows = dict(rows_of(ROOT / "docs" / "evaluating.md"))
    networks = {name: entry for name, entry in presets.manifest().items() if entry["kind"] == "feature_network"}
    for name, entry in networks.items():
        worst = min(f["value"] for key, f in entry["metrics"].items() if key.startswith("accuracy"))
        assert rows[name][2] == f"{entry['parameters'] / 1e6:.2f} M"
        assert rows[name][3].split(" %")[0] == f"{100 * worst:.2f}"


# === Words and links ===


def targets_of(page):
    """What a page links to in this repository, without the part of the page."""
    text = re.sub(r"```.*?```", "", TEXTS[page], flags=re.DOTALL)
    found = re.findall(r"\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)|src=\"(?!https?:)([^\"]+)\"", text)
    return {(page.parent / (link or source)).resolve() for link, source in found}


@pytest.mark.parametrize("page", [*PAGES, *CARDS], ids=name_of)
def test_links_lead_somewhere(page):
    assert [target for target in targets_of(page) if not target.exists()] == []
    text = TEXTS[page]
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", text):
        headings = re.findall(r"^#+ (.*)", TEXTS[(page.parent / path).resolve() if path else page], re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readme_leads_to_every_page():
    reached, waiting = set(), [README]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        waiting += [target for target in targets_of(page) if target in TEXTS and target not in reached]
    assert set(PAGES) <= reached


def test_the_readme_is_short():
    assert len(TEXTS[README].splitlines()) <= 220


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_sentences_begin_with_their_subject(page):
    text = re.sub(r"```.*?```", "", TEXTS[page], flags=re.DOTALL)
    beginnings = r"(?:\A|\n\s*\n|[.!?:]\*{0,2}\s+|\|\s*|(?:\A|\n)\s*(?:[-*#]+|\d+\.) )\*{0,2}"
    openers = r"(?:Which|As which|Of which|Whose|Lest|But for)\b"
    # A question may begin so.
    begun = re.findall(rf"{beginnings}({openers}[^.!?|]*.)", text)
    assert [sentence for sentence in begun if not sentence.endswith("?")] == []
