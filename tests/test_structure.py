"""What the design says of the code as a whole: who may import whom, and that presets, recipes and weights agree."""

import ast
import importlib
import json
import re
import shutil
import subprocess
import sys
import types
from collections import Counter
from pathlib import Path

import grimp
import pytest
from helpers import run_script

import zoo
from zoo import presets
from zoo.presets import card

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(zoo.__file__).parent
RECIPES = ROOT / "recipes"
FOLDERS = [ROOT / "recipes", ROOT / "docs", ROOT / "benchmarks"]
# The script that draws imports reads the zoo as text.
SCRIPTS = sorted(path for folder in FOLDERS for path in folder.glob("*.py") if path.stem != "import_graph")
SOURCES = {path: path.relative_to(PACKAGE.parent) for path in sorted(PACKAGE.rglob("*.py"))}


def lint_imports(folder):
    """Checks the imports of `folder/zoo` against the contracts of `folder/pyproject.toml`."""
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.slow
def test_imports_keep_the_contracts():
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture
def copied(tmp_path):
    """A folder with a copy of the code and the contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(PACKAGE, tmp_path / "zoo", ignore=shutil.ignore_patterns("weights", "references", "__pycache__"))
    return tmp_path


WRONG = {
    ("zoo.files", "zoo.images"): "Imports run downwards",
    ("zoo.layers.attention", "zoo.arrays"): "Imports run downwards",
    ("zoo.presets.saving", "zoo.models"): "Imports run downwards",
    ("zoo.models.gan", "zoo"): "front door",
    ("zoo.models.gan", "zoo.metrics.pixels"): "Models know neither",
    ("zoo.models.gan", "tensorflow"): "every Keras backend",
    ("zoo.metrics.pixels", "tensorflow_datasets"): "TensorFlow Datasets",
    ("zoo.presets.files", "huggingface_hub"): "Hub's client",
    ("zoo.arrays", "pickle"): "unpickles nothing",
}


@pytest.mark.slow
def test_wrong_imports_break_their_contracts(copied):
    for importer, imported in WRONG:
        with copied.joinpath(*importer.split(".")).with_suffix(".py").open("a", encoding="utf-8") as source:
            source.write(f"\n\ndef f():\n    import {imported}\n")
    result = lint_imports(copied)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = " ".join(result.stdout.partition("Broken contracts")[2].split())
    for (importer, imported), contract in WRONG.items():
        assert contract in broken
        assert f"{importer} -> {imported} (l." in broken


@pytest.mark.slow
def test_every_room_has_its_place_in_the_contracts(copied):
    (copied / "zoo" / "attic.py").touch()
    result = lint_imports(copied)
    assert result.returncode == 1
    assert "not listed as layers: - zoo.attic" in " ".join(result.stdout.split())


def test_no_files_import_each_other_in_a_circle():
    # The contracts see no circle of a package and a file in it.
    found = grimp.build_graph("zoo", exclude_type_checking_imports=True, cache_dir=None)
    graph = {name: found.find_modules_directly_imported_by(name) for name in found.modules}
    assert "zoo.presets" in graph["zoo"]
    while graph:
        free = {name for name, targets in graph.items() if not targets & graph.keys()}
        assert free, f"in or above a circle: {sorted(graph)}"
        graph = {name: targets for name, targets in graph.items() if name not in free}


def test_the_drawn_graph_frames_circles_and_pales_shortcuts(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs")
    import import_graph

    edges = Counter({("cli", "models"): 2, ("models", "hub"): 1, ("hub", "models"): 1, ("hub", "files"): 1})
    edges["cli", "files"] = 1
    assert import_graph.floors(import_graph.reachable(edges)) == [["files"], ["hub", "models"], ["cli"]]
    picture = import_graph.drawn(edges)
    assert re.findall(r">(\w+)</text>", picture) == ["cli", "hub", "models", "files"]
    arrows = re.findall(r'<path d="M[^"]+" fill="none" stroke="([^"]+)"', picture)
    assert arrows == [import_graph.PALE, *[import_graph.INK] * 2, *[import_graph.CIRCLE] * 2]
    assert picture.count("<rect") == 2 + len(["cli", "hub", "models", "files"])


def test_only_one_file_of_each_backend_knows_gradients():
    gradients = re.compile(r"GradientTape|jax\.\w*grad\b|torch\.autograd")
    found = {str(name) for path, name in SOURCES.items() if gradients.search(path.read_text(encoding="utf-8"))}
    assert found == {f"zoo/training/step/with_{backend}.py" for backend in ("jax", "tensorflow", "torch")}


def test_only_the_front_door_imports_by_name():
    # The contracts do not see such imports.
    found = {
        str(name) for path, name in SOURCES.items() if re.search("import_module|__import__", path.read_text("utf-8"))
    }
    assert found == {"zoo/__init__.py"}


@pytest.mark.slow
def test_no_code_is_ever_read_from_files():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "id", getattr(called, "attr", None))
            assert name not in {"eval", "exec", "Lambda", "enable_unsafe_deserialization"}, path


LAZY = """
import sys
import zoo
from zoo import presets
dir(zoo)
for name in zoo.list_presets(kind=None):
    presets.verify(presets.resolve(name))
print(sorted({"tensorflow", "keras", "torch", "jax", "tensorflow_datasets", "h5py", "PIL"} & set(sys.modules)))
"""


def test_importing_and_listing_import_neither_tensorflow_nor_keras():
    assert run_script(LAZY).stdout.strip() == "[]"


def test_every_public_name_resolves():
    assert {"load", "list_presets", "GAN", "DCGAN", "VAE"} <= set(zoo.__all__) <= set(dir(zoo))
    for name in zoo.__all__:
        assert getattr(zoo, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'zoo' has no attribute 'StyleGAN9'"):
        zoo.StyleGAN9  # noqa: B018 - the access is what is tested


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_name_nothing_that_is_gone(path, monkeypatch):
    # Most take minutes to hours, so that no test runs them.
    monkeypatch.syspath_prepend(RECIPES)
    nodes, modules = list(ast.walk(ast.parse(path.read_text(encoding="utf-8")))), {}
    own = {"zoo", *(recipe.stem for recipe in RECIPES.glob("*.py"))}
    for node in nodes:
        if isinstance(node, ast.Import):
            found = {alias.asname or alias.name: alias.name for alias in node.names if alias.name.split(".")[0] in own}
            modules |= {name: importlib.import_module(module) for name, module in found.items()}
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in own:
            for alias in node.names:
                module = importlib.import_module(node.module)
                found = getattr(module, alias.name, None) or importlib.import_module(f"{node.module}.{alias.name}")
                if isinstance(found, types.ModuleType):
                    modules[alias.asname or alias.name] = found
    # What the scripts share may need nothing of the zoo.
    assert modules or path.stem.startswith("_")
    local = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    local |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    for node in nodes:
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in modules.keys() - local
        ):
            assert hasattr(modules[node.value.id], node.attr), f"{node.value.id}.{node.attr}"


# === One preset = one recipe = one manifest entry = one directory ===


def test_there_are_presets():
    assert presets.manifest()


@pytest.mark.parametrize("name", presets.manifest())
def test_every_manifest_entry_has_its_recipe_and_its_weights(name):
    entry = presets.manifest()[name]
    assert (RECIPES / f"{name}.py").is_file()
    assert entry["recipe"] == f"recipes/{name}.py"
    directory = presets.BUNDLED / name
    assert {file: presets.describe_file(directory / file) for file in presets.HASHED_FILES} == entry["files"]
    metadata = json.loads((directory / presets.METADATA).read_text(encoding="utf-8"))
    assert metadata["files"] == entry["files"]
    config = json.loads((directory / presets.CONFIG).read_text(encoding="utf-8"))
    assert entry["class"] == metadata["class"] == config["class_name"]


@pytest.mark.parametrize("name", presets.manifest())
def test_every_manifest_entry_says_what_its_reader_needs(name):
    entry = presets.manifest()[name]
    assert entry["kind"] in ("model", "feature_network")
    assert entry["version"] >= 1 and entry["parameters"] > 0
    assert entry["dataset"] and entry["dataset_licence"] and entry["weights_licence"]
    assert re.fullmatch("[0-9a-f]{40}", entry["commit"])
    assert entry["revision"] is None or re.fullmatch("[0-9a-f]{40}", entry["revision"])
    assert entry["metrics"]
    for metric, figure in entry["metrics"].items():
        assert isinstance(figure["value"], float) and figure["protocol"], metric


@pytest.mark.parametrize("name", presets.manifest())
def test_a_preset_that_its_recipe_does_not_repeat_says_why(name):
    entry = presets.manifest()[name]
    told, reason = "This preset's recipe does not repeat the shipped weights: ", entry.get("not_reproducible_because")
    text = (presets.BUNDLED / name / card.CARD).read_text(encoding="utf-8")
    assert entry.get("reproducible", True) is (reason is None)
    if reason is None:
        assert told not in text
    else:
        assert re.fullmatch(r"[a-z].{20,}\.", reason) and f"{told}{reason}\n" in text
        assert (ROOT / "docs" / "experiments" / f"{name}.md").is_file()


def test_recipes_begin_with_few_lines_and_name_their_experiments():
    pages = {page.stem for page in (ROOT / "docs" / "experiments").glob("*_*.md")}
    docstrings = {path.stem: ast.get_docstring(ast.parse(path.read_text())) for path in RECIPES.glob("[!_]*.py")}
    assert pages and pages == {name for name, text in docstrings.items() if f"docs/experiments/{name}.md" in text}
    assert all(len(text.splitlines()) <= 5 for text in docstrings.values())


def test_every_bundled_directory_is_in_the_manifest():
    bundled = {
        path.name for path in presets.BUNDLED.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))
    }
    assert bundled == set(presets.manifest())


def test_all_weights_together_stay_small():
    assert sum(entry["files"][presets.WEIGHTS]["size"] for entry in presets.manifest().values()) <= 90e6


@pytest.mark.parametrize("name", presets.manifest())
def test_every_card_says_what_the_manifest_says(name):
    directory = presets.BUNDLED / name
    expected = card.bundled_card(directory, name, presets.manifest()[name])
    assert (directory / card.CARD).read_text(encoding="utf-8") == expected, "`make cards` writes them"
