"""The site: its pages say what manifest, cards and code say, its links work, and it builds without warnings."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import _arc
import _docstrings
import _gallery
import _guides
import _links
import _pages
import _reference
import matplotlib
import matplotlib.pyplot as plt
import pytest
import tensorflow as tf
from helpers import PAGES

import zoo
from zoo import presets

ROOT = Path(__file__).resolve().parent.parent
DOCS, PACKAGE = ROOT / "docs", ROOT / "zoo"
GUIDES = sorted((DOCS / "guides").glob("*.py"))
BASES = {"AdversarialModel", "GenerativeModel"}


@pytest.fixture(scope="module")
def reference():
    return _reference.reference_pages()


@pytest.fixture(scope="module")
def entries(reference):
    """The names that have an entry in the reference."""
    return set(re.findall(r"^\.\. (?:auto|py:)\w+:: ([\w.]+)", "\n".join(reference.values()), re.MULTILINE))


# === Every name, class and preset has its page ===


def test_every_public_name_has_an_entry(entries):
    files = [path for path in PACKAGE.rglob("*.py") if re.search(r"^__all__ = ", path.read_text("utf-8"), re.MULTILINE)]
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files}
    # The front door has the classes of models, and a page of its own has the command.
    public = names - {"zoo.models", "zoo.cli"}
    assert {"zoo", "zoo.data", "zoo.presets.hub", "zoo.nets.options", "zoo.training.run"} <= public
    for module in map(importlib.import_module, public):
        found = {name for name in module.__all__ if not inspect.ismodule(getattr(module, name))}
        assert {f"{module.__name__}.{name}" for name in found} <= entries


def test_what_pages_import_has_an_entry(entries):
    missing = set()
    for page in PAGES:
        for block in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom) and node.module.startswith("zoo."):
                    missing |= {f"{node.module}.{alias.name}" for alias in node.names} - entries
    modules = {module.__name__ for module in _reference.modules()}
    assert {name for name in missing if name not in modules} == {"zoo.datasets.avatars"}


def test_members_of_hidden_bases_have_entries(reference):
    assert re.search(r":members: .*\bupscale\b", reference["api/zoo.SRResNet.rst"])
    members = reference["api/zoo.GenerativeModel.rst"]
    assert all(re.search(rf":members: .*\b{name}\b", members) for name in ("fit", "fine_tune", "save_to_preset"))
    assert not re.search(r":members: .*\bfit\b", reference["api/zoo.VAE.rst"])


def test_every_class_has_a_page_with_its_paper():
    assert set(_arc.PAPERS) == {name for name in zoo.__all__ if name[0].isupper()} - BASES
    pages = _reference.model_pages()
    for name in _arc.PAPERS:
        page = pages[f"models/{name}.myst"]
        assert _arc.PAPERS[name][2] in page and f"{{py:class}}`zoo.{name}`" in page and "## Train your own" in page
        assert all(f"(/gallery/{preset}.myst)" in page for preset in presets.list_presets(model=name))
    assert "(/concepts/vae.md)" in pages["models/BetaVAE.myst"]


@pytest.fixture(scope="module")
def gallery():
    return _gallery.pages()


@pytest.mark.parametrize("name", presets.list_presets())
def test_every_preset_has_a_page(gallery, name):
    page, entry = gallery[f"gallery/{name}.myst"], presets.entry_of(name)
    assert page.startswith(f"# {name}\n") and f"**{_gallery.figure_of(entry)}**" in page
    assert f'zoo.load("{name}")' in page and f"/../zoo/weights/{name}/samples.png" in page
    assert all(metric in page for metric in entry["metrics"])
    assert len(_gallery.described()[name]["looks"]) > 30
    experiments = DOCS / "experiments" / f"{name}.md"
    assert ("## Limits" in page) == (experiments.is_file() and "## What limits it" in experiments.read_text("utf-8"))
    assert f"[`{name}`]({name}.myst)" in gallery["gallery/index.myst"]
    assert gallery[f"gallery/pictures/{name}.png"][:4] == b"\x89PNG"


def test_pages_of_presets_link_to_the_playground_where_there_is_one(gallery):
    found = _gallery.pages(playground=True)
    for name in presets.list_presets():
        tabs = re.findall(rf"playground/index.html#(\w+)/{name}\"", found[f"gallery/{name}.myst"])
        assert len(tabs) == 1 and tabs[0] in {"draw", *(tab for _, tab in _gallery.USES.values())}
        assert "playground" not in gallery[f"gallery/{name}.myst"]


def test_a_preset_without_a_figure_is_refused():
    with pytest.raises(ValueError, match="No pattern of FOREMOST matches a figure of this GAN"):
        _gallery.figure_of({"class": "GAN", "metrics": {}})


def test_the_arc_skips_presets_that_are_missing(monkeypatch):
    whole = _arc.table()
    assert "pixel_cnn_mnist_28" in whole and "From words and pictures" in whole
    monkeypatch.setattr(presets, "list_presets", lambda: ["vae_mnist_28"])
    assert re.findall(r"pictures/(\w+)\.png", _arc.table()) == ["vae_mnist_28"]


# === Links and markup ===

LINKS = {
    "[x](data.md#pairs)": "[x](/data.md#pairs)",
    "[x](../recipes/gan_mnist_28.py)": "[x](path:/../recipes/gan_mnist_28.py)",
    "[x](../zoo/weights/gan_mnist_28/README.md)": "[x](/gallery/gan_mnist_28.myst)",
    "[x](../CONTRIBUTING.md#add-a-preset)": "[x](/project/contributing.myst#add-a-preset)",
    "[x](../README.md)": "[x](/index.rst)",
    "[x](../recipes)": "[x](/gallery/index.myst)",
    "![x](figures/strip.png)": "![x](/figures/strip.png)",
    '<img src="../benchmarks/results/speed.png">': '<img src="/../benchmarks/results/speed.png">',
    "[x](https://example.org/a.md) [x](#part)": "[x](https://example.org/a.md) [x](#part)",
    "`[x](a.md)`": "`[x](a.md)`",
    "```python\n[x](a.md)\n```": "```python\n[x](a.md)\n```",
}


@pytest.mark.parametrize("text", LINKS)
def test_links_lead_into_the_site(text):
    assert _links.relinked(text, DOCS) == LINKS[text]


def test_links_lead_to_the_repository_if_it_is_known(monkeypatch):
    monkeypatch.setattr(_links, "REPOSITORY", "https://example.org/zoo")
    assert _links.relinked("[x](../recipes)", DOCS) == "[x](https://example.org/zoo/blob/HEAD/recipes)"
    monkeypatch.setattr(_guides, "REPOSITORY", "https://github.com/me/zoo")
    assert "/github/me/zoo/blob/gh-pages/notebooks/load_and_play.ipynb>" in _guides.colab("load_and_play")


def test_docstrings_become_restructured_text():
    text = "Draws `x_` of f(x|z)*2.\n\nIt is\n\n    a = b * c\n\nso.\n\nArgs:\n    a: `b`.\n\n        Not a formula.\n"
    parts = ["Draws ``x_`` of f(x\\|z)\\*2.", "It is", ".. code-block:: text", "    a = b * c", "so."]
    parts.append("Args:\n    a: ``b``.\n\n        Not a formula.\n")
    assert _docstrings.rest(text) == "\n\n".join(parts)
    fenced = "Example:\n\n```python\nx = 1 * 2\n\ny = [`a`]\n```"
    assert _docstrings.rest(fenced) == "Example:\n\n.. code-block:: python\n\n    x = 1 * 2\n\n    y = [`a`]\n"


def test_pages_that_are_no_longer_generated_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(_pages, "DOCS", tmp_path)
    _pages.write({"a/b.rst": "1", "a/c/d.png": b"2"})
    before = (tmp_path / "a" / "b.rst").stat().st_mtime_ns
    _pages.write({"a/b.rst": "1"})
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b.rst"]
    assert (tmp_path / "a" / "b.rst").stat().st_mtime_ns == before


# === The whole ===


@pytest.mark.slow
def test_the_site_builds_without_warnings(tmp_path):
    # Without the guides, which run for minutes.
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", tmp_path / "trees"]
    environment = {
        **os.environ,
        "ZOO_DOCS_GUIDES": "skip",
        "ZOO_PLAYGROUND_RUNTIME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    result = subprocess.run([*command, DOCS, tmp_path / "site"], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    first = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert 'href="models/VAE.html"' in first
    # Nothing comes from another host.
    assert not re.search(r"<(?:script|link)[^>]+(?:src|href)=\"https?:", first)


# Enough for every line of a guide to run, but not to learn anything.
SMALLER = {
    r"\bepochs=\d+": "epochs=1",
    r"\b(fine_tune\(.*)\bsteps=\d+": r"\1steps=2, evaluations=1, samples=8",
    r"\b(generate\()\d{3,}": r"\g<1>64",
    r"\bSize\(images=\d+": "Size(images=16",
}


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_guides_run(guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = guide.read_text("utf-8")
    for long, short in SMALLER.items():
        text = re.sub(long, short, text)
    matplotlib.use("agg")
    tf.config.run_functions_eagerly(True)
    try:
        exec(compile(text, guide, "exec"), {"__name__": "__main__"})
        # `show` leaves figures open where it cannot show them.
        assert bool(plt.get_fignums()) == ("plt." in text)
    finally:
        plt.close("all")
        tf.config.run_functions_eagerly(False)


def test_the_guides_have_an_order():
    assert sorted(_guides.ORDER) == [guide.name for guide in GUIDES]
