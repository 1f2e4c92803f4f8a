"""Builds the playground: the page, the runtime from its published package, and the exported models."""

import json
import shutil
import types
from pathlib import Path

from zoo.datasets.packages import Package, read
from zoo.errors import InputError
from zoo.exporting.destination import INDEX
from zoo.files import cache_folder, expanded, replacing_directory, storing, write_json

PAGE = Path(__file__).parent / "page"
#: What runs the models in the browser.
RUNTIME = Package(
    "npm",
    "onnxruntime-web",
    "1.30.0",
    33106585,
    "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71",
)
# The smallest of its builds: WebAssembly alone.
_RUNTIME_FILES = r"package/(dist/(ort\.wasm\.min\.mjs|ort-wasm-simd-threaded\.(mjs|wasm))|LICENSE.*|README.md)"


def build(folder, models, runtime=None):
    """Builds a playground in a folder, which any web server can serve.

    Args:
        folder: str or path. New or empty folder, or an earlier playground.
        models: dict of the zoo's models by the names that the page shows, or an iterator of such pairs, from which a
            model is taken when the one before it is exported.
        runtime: str or path of the folder that holds the package of ONNX Runtime Web, or None to fetch it by npm, once.
            Defaults to None.

    Raises:
        InputError: If no model is given, or the folder holds something else.
        DataError: If the package of the runtime is missing, cannot be fetched, or is another one.
        StorageError: If nothing can be written. What was there remains.

    Example:

    ```python
    import zoo
    from zoo import playground

    playground.build("my_playground", {"garments": zoo.load("dcgan_fashion_mnist_28")})
    ```
    """
    folder = expanded(folder)
    pairs = models.items() if isinstance(models, dict) else models
    if not pairs:
        raise InputError("models is empty, expected at least one model by name.")
    if folder.exists() and any(folder.iterdir()) and not (folder / "models" / "index.json").exists():
        raise InputError(f"folder is {str(folder)!r}, which holds something else; expected a new or empty folder.")
    files = runtime_files(runtime)
    with replacing_directory(folder) as draft:
        shutil.copytree(PAGE, draft, dirs_exist_ok=True)
        (draft / "ort").mkdir()
        for name, content in files.items():
            (draft / "ort" / Path(name).name).write_bytes(content)
        (draft / "models").mkdir()
        described = []
        for name, model in pairs:
            model.export(draft / "models" / name, format="onnx")
            facts = json.loads((draft / "models" / name / INDEX).read_text(encoding="utf-8"))
            described.append({**facts, "name": name})
        write_json(draft / "models" / "index.json", described)


def runtime_files(runtime=None):
    """Returns the files of the runtime that the page loads, a dict from name to bytes; `runtime` is as for `build`."""
    kept = _kept()
    with storing(kept):
        kept.mkdir(parents=True, exist_ok=True)
    # The folders that `read` looks into are those of a TFDS download manager.
    places = types.SimpleNamespace(download_dir=kept, manual_dir=kept if runtime is None else expanded(runtime))
    return read(RUNTIME, places, _RUNTIME_FILES)


def is_at_hand(runtime=None):
    """Returns whether the runtime need not be fetched; `runtime` is as for `build`."""
    return ((_kept() if runtime is None else expanded(runtime)) / RUNTIME.file).exists()


def _kept():
    return cache_folder() / "packages"
