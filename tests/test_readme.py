"""Every Python block of the README runs, top to bottom in one session, and its figures are the manifest's.

Those that need a Hub run in `tests/hub/test_round_trip.py`.
"""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from helpers import SHAPE, tiny_pix2pix
from PIL import Image

from zoo import presets
from zoo.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_python_blocks_run(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 5
    monkeypatch.chdir(tmp_path)
    stream = np.random.RandomState(0)
    (tmp_path / "my_images").mkdir()
    for index in range(64):
        pixels = stream.randint(0, 256, (40, 32, 3)).astype("uint8")
        Image.fromarray(pixels).save(tmp_path / "my_images" / f"{index}.png")
    sketches = stream.randint(0, 256, (8, 64, 64, 3)).astype("uint8")
    for side in "AB":
        (tmp_path / "my_pairs" / side).mkdir(parents=True)
        for index, pixels in enumerate(sketches):
            Image.fromarray(pixels).save(tmp_path / "my_pairs" / side / f"{index}.png")
    namespace = {"sketches": sketches}
    try:
        for number, block in enumerate(blocks):
            if "hf://" in block:
                continue
            # So little work does not repay tracing, but for images pixel by pixel, and a model that is this page's own.
            tf.config.run_functions_eagerly(not re.search(r"pixel_cnn|^class ", block, re.MULTILINE))
            exec(compile(block, f"README block {number}", "exec"), namespace)
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.mark.slow
def test_commands_run(tmp_path, monkeypatch):
    [block] = [block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if block.startswith("zoo list")]
    monkeypatch.chdir(tmp_path)
    stream = np.random.RandomState(0)
    for name, shape in (("face.png", (64, 64, 3)), ("sketch.png", (8, 8))):
        Image.fromarray(stream.randint(0, 256, shape).astype("uint8")).save(name)
    tiny_pix2pix().save_to_preset("my_painter")
    for line in block.splitlines():
        arguments = shlex.split(line, comments=True)[1:]
        # What it needs, a Hub, `tests/hub` has.
        if arguments[0] == "publish":
            continue
        # A quick look instead of a whole measurement.
        quick = ["--images", "16"] if arguments[0] == "evaluate" else []
        result = CliRunner().invoke(main, [*arguments, *quick])
        assert result.exit_code == 0, (line, result.output)
    sizes = {"smiling.png": (64, 64), "picture.png": SHAPE[:2], "large.png": (256, 256)}
    assert {name: Image.open(name).size for name in sizes} == sizes
    assert min(Image.open("grid.png").size) > 8 * 28


def test_targets_and_recipes_exist():
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"^make ([\w-]+)", README, re.MULTILINE)
    assert named and set(named) <= set(targets)
    recipes = re.findall(r"recipes/(\w+)\.py", README)
    assert recipes and all((ROOT / "recipes" / f"{name}.py").exists() for name in recipes)


# What the table calls the figures that it brackets with those of real images.
NAMED = {
    r"fid10k_test_\w+_classifier$": "Fréchet distance",
    r"kid5k_test_\w+_classifier$": "kernel distance",
    r"precision5k_test_\w+_classifier$": "precision",
    r"recall5k_test_\w+_classifier$": "recall",
}
# Of the textbook's settings, of another paper, and of chance.
NO_METRICS = {"2.73", "81.3", "0.1"}


def test_table_states_the_manifests_figures():
    rows = {}
    for line in README.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            rows[cells[0].strip("`")] = cells
    for name, entry in presets.manifest().items():
        assert f"{entry['parameters'] / 1e6:.2f} M" in rows[name]
        if entry["kind"] == "model":
            assert re.search(rf"\b{round(entry['training_minutes'])} min$", rows[name][-2]), name
        numbers = re.findall(r"-?\d+\.\d+", rows[name][-1].replace("(0.9 or more)", ""))
        for metric, what in NAMED.items():
            for figure in (figure for key, figure in entry["metrics"].items() if re.match(metric, key)):
                digits = 2 if metric.startswith("fid") else 3
                shown = f"{what} {figure['value']:.{digits}f} ({figure['real']:.{digits}f}"
                assert shown.replace("-0.000", "0.000") in rows[name][-1].replace("*", ""), (name, shown)
        for metric, figure in entry["metrics"].items():
            # Curves have no room in a table; the model card has them.
            if "_truncation_" in metric:
                continue
            # Each figure as the manifest has it, rounded to the digits that the table shows.
            for value in filter(None, (figure["value"], figure.get("real"))):
                exact = 100 * value if metric.startswith("accuracy") else value
                shown = [n for n in numbers if abs(float(n) - exact) <= 0.501 * 10.0 ** -len(n.partition(".")[2])]
                assert shown, (name, metric, exact, numbers)
                # So that none stands for two that happen to be near one another, as the attributes' accuracies do.
                if entry["kind"] == "model":
                    numbers.remove(max(shown, key=len))
        assert entry["kind"] != "model" or set(numbers) <= NO_METRICS, (name, numbers)


PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *presets.BUNDLED.glob("*/README.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)]+)\)|src=\"(?!https?:)([^\"]+)\"", text)
    assert targets or page.parent.name.startswith("classifier_")
    for target in targets:
        assert (page.parent / next(filter(None, target))).exists(), target
