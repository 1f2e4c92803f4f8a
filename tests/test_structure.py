"""What the design says of the code as a whole: who may import whom, and that presets, recipes and weights agree."""

import ast
import importlib
import json
import re
import types
from pathlib import Path

import pytest
from helpers import run_script

import zoo
from zoo import presets
from zoo.presets import card

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(zoo.__file__).parent
RECIPES = ROOT / "recipes"
SCRIPTS = sorted(path for folder in ("recipes", "docs", "benchmarks") for path in (ROOT / folder).glob("*.py"))
SOURCES = {path: path.relative_to(PACKAGE.parent) for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path):
    """Full names of everything a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imported_from(path, *packages):
    return {name for name in imports(path) if any(name == p or name.startswith(f"{p}.") for p in packages)}


def importers(*packages):
    return {str(name) for path, name in SOURCES.items() if imported_from(path, *packages)}


def test_the_reader_of_imports_sees_what_there_is():
    assert "zoo/data.py" in importers("tensorflow")
    assert "zoo/__init__.py" in importers("zoo.models")


def test_no_files_import_each_other_in_a_circle():
    modules = {".".join(name.with_suffix("").parts).removesuffix(".__init__"): path for path, name in SOURCES.items()}

    def below(path):
        for name in imported_from(path, "zoo"):
            # `from zoo.files import sha256` names a file and what is in it.
            yield name if name in modules else name.rpartition(".")[0]

    graph = {name: set(below(path)) - {name} for name, path in modules.items()}
    while graph:
        free = {name for name, targets in graph.items() if not targets & graph.keys()}
        assert free, f"in or above a circle: {sorted(graph)}"
        graph = {name: targets for name, targets in graph.items() if name not in free}


def test_presets_know_no_model_and_only_one_file_has_a_gradient_tape():
    assert not {name for name in importers("zoo.models") if name.startswith("zoo/presets/")}
    tapes = [str(name) for path, name in SOURCES.items() if "GradientTape" in path.read_text(encoding="utf-8")]
    assert tapes == ["zoo/training/step.py"]


@pytest.mark.parametrize(
    ("package", "allowed"),
    [("layers", {"layers"}), ("nets", {"nets", "layers"}), ("objectives", {"objectives", "layers"})],
)
def test_the_lower_floors_know_keras_and_nothing_above_them(package, allowed):
    for path in sorted((PACKAGE / package).glob("*.py")):
        assert not imported_from(path, "tensorflow", "torch", "jax", "tensorflow_datasets"), path
        others = {name.split(".")[1] for name in imported_from(path, "zoo")}
        assert others <= allowed | {"errors", "bicubic"}, path


def test_models_reach_tensorflow_in_one_file():
    found = {name for name in importers("tensorflow") if name.startswith("zoo/models/")}
    assert found <= {"zoo/models/generative_model.py"}


def test_only_the_data_module_the_builders_and_recipes_know_tfds():
    found = importers("tensorflow_datasets")
    assert {name for name in found if not name.startswith("zoo/datasets/")} == {"zoo/data.py"}


def test_only_the_hub_and_the_card_know_the_hubs_client():
    assert importers("huggingface_hub") == {"zoo/presets/hub.py", "zoo/presets/card.py"}


def test_the_package_depends_on_nothing_outside_of_it():
    assert not importers("recipes", "tests", "benchmarks")


def test_no_code_is_ever_read_from_files():
    assert not importers("pickle", "dill", "cloudpickle", "marshal")
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
    assert modules
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


def test_every_bundled_directory_is_in_the_manifest():
    bundled = {
        path.name for path in presets.BUNDLED.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))
    }
    assert bundled == set(presets.manifest())


@pytest.mark.parametrize("name", presets.manifest())
def test_every_card_says_what_the_manifest_says(name):
    directory = presets.BUNDLED / name
    expected = card.bundled_card(directory, name, presets.manifest()[name])
    assert (directory / card.CARD).read_text(encoding="utf-8") == expected, "`make cards` writes them"
