"""Presets: the manifest, finding a preset by name, folder or `hf://` reference, loading, saving, card and Hub.

A preset is a directory of `config.json`, `metadata.json`, `model.weights.h5` and, for people, `README.md` and
`samples.png`. It holds no pickle and no code; `zoo.presets.allow_list` lists what a configuration may name. This
package imports Keras only when it builds a model.
"""

from zoo.presets.catalogue import BUNDLED, entry_of, list_presets, manifest, manifest_path, record_publication
from zoo.presets.files import (
    CONFIG,
    HASHED_FILES,
    LIMITS,
    METADATA,
    WEIGHTS,
    Location,
    config_of,
    describe_file,
    metadata_of,
    stated_of,
    verify,
)
from zoo.presets.loading import load_as, origin_of
from zoo.presets.locating import obtain, resolve
from zoo.presets.saving import save

__all__ = [
    "BUNDLED",
    "CONFIG",
    "HASHED_FILES",
    "LIMITS",
    "METADATA",
    "WEIGHTS",
    "Location",
    "config_of",
    "describe_file",
    "entry_of",
    "list_presets",
    "load_as",
    "manifest",
    "manifest_path",
    "metadata_of",
    "obtain",
    "origin_of",
    "record_publication",
    "resolve",
    "save",
    "stated_of",
    "verify",
]
