"""Every Python block of the README runs, top to bottom in one session, and its figures are the manifest's.

Those that need a Hub run in `tests/hub/test_round_trip.py`.
"""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers import tiny_pix2pix
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
    for index in range(100):
        pixels = stream.randint(0, 256, (40, 32, 3)).astype("uint8")
        Image.fromarray(pixels).save(tmp_path / "my_images" / f"{index}.png")
    sketches = stream.randint(0, 256, (16, 64, 64, 3)).astype("uint8")
    for side in "AB":
        (tmp_path / "my_pairs" / side).mkdir(parents=True)
        for index, pixels in enumerate(sketches):
            Image.fromarray(pixels).save(tmp_path / "my_pairs" / side / f"{index}.png")
    namespace = {"sketches": sketches}
    for number, block in enumerate(blocks):
        if "hf://" in block:
            continue
        exec(compile(block, f"README block {number}", "exec"), namespace)


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
    for name in ("grid.png", "smiling.png", "picture.png"):
        assert Image.open(name).size > (1, 1)


def test_targets_and_recipes_exist():
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"^make ([\w-]+)", README, re.MULTILINE)
    assert named and set(named) <= set(targets)
    recipes = re.findall(r"recipes/(\w+)\.py", README)
    assert recipes and all((ROOT / "recipes" / f"{name}.py").exists() for name in recipes)


def test_table_states_the_manifests_figures():
    rows = {}
    for line in README.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            rows[cells[0].strip("`")] = line
    for name, entry in presets.manifest().items():
        for metric, figure in entry["metrics"].items():
            # Curves have no room in a table; the model card has them.
            if "_truncation_" in metric:
                continue
            # Each figure as the manifest has it, rounded to the digits that the table shows.
            numbers = re.findall(r"-?\d+\.\d+", rows[name])
            for value in filter(None, (figure["value"], figure.get("real"))):
                exact = 100 * value if metric.startswith("accuracy") else value
                shown = [n for n in numbers if abs(float(n) - exact) <= 0.501 * 10.0 ** -len(n.partition(".")[2])]
                assert shown, (name, metric, exact, numbers)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)|src=\"(?!https?:)([^\"]+)\"", README):
        assert (ROOT / next(filter(None, target))).exists(), target
