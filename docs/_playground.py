"""Puts the playground into the site, where the package of ONNX Runtime Web is at hand."""

import importlib.util
import os
from pathlib import Path

import zoo

# Folder with the package, since nothing is fetched while the site is built.
RUNTIME = os.environ.get("ZOO_PLAYGROUND_RUNTIME")


def at_hand():
    """Returns whether the site gets the playground."""
    return bool(RUNTIME) and importlib.util.find_spec("zoo.playground") is not None


def add(app, error):
    """Handles `build-finished`: exports every preset into the folder `playground` of the site."""
    if error is None and app.builder.name == "html" and at_hand():
        models = {name: zoo.load(name) for name in zoo.list_presets()}
        importlib.import_module("zoo.playground").build(Path(app.outdir) / "playground", models, RUNTIME)
