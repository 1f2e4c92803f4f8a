"""Puts the playground into the site, where the package of ONNX Runtime Web is at hand."""

import os
from pathlib import Path

import zoo
from zoo.playground import building

# Folder with the package, since nothing is fetched while the site is built; by default where `zoo play` keeps it.
RUNTIME = os.environ.get("ZOO_PLAYGROUND_RUNTIME")


def at_hand():
    """Returns whether the site gets the playground."""
    return building.is_at_hand(RUNTIME)


def add(app, error):
    """Handles `build-finished`: exports every preset into the folder `playground` of the site."""
    if error is None and app.builder.name == "html" and at_hand():
        models = ((name, zoo.load(name)) for name in zoo.list_presets())
        building.build(Path(app.outdir) / "playground", models, RUNTIME)
