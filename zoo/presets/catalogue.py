"""The weights manifest: the official presets, their training data and their metrics."""

import difflib
import fnmatch
import functools
import json
from pathlib import Path
from typing import Any, Literal

from zoo.errors import InputError, PresetError, shown
from zoo.files import write_json

PACKAGE = Path(__file__).parent.parent
#: Folder of the presets that are part of this installation.
BUNDLED = PACKAGE / "weights"
_REPLACED = "was dropped; projected_gan_tf_flowers_64 replaces it"
# What became of presets that earlier versions had, as the end of a sentence.
FORMER = {
    "projection_gan_tf_flowers_64": _REPLACED,
    "style_dcgan_tf_flowers_64": _REPLACED,
    "style_gan_avatars_64": "is called style_dcgan_avatars_64 now",
    "style_gan_tf_flowers_64": _REPLACED,
    "text_to_image_gan_emoji_64": "was dropped; text_to_image_gan_avatars_64 draws from text",
    "vq_vae2_tf_flowers_64": _REPLACED,
}


def manifest_path() -> Path:
    """Returns the path of the manifest: in the wheel, or at the top of the checkout."""
    packaged = PACKAGE / "weights_manifest.json"
    return packaged if packaged.exists() else PACKAGE.parent / "weights_manifest.json"


def manifest() -> dict[str, dict[str, Any]]:
    """Returns the entries of the weights manifest, a dict by preset name.

    Raises:
        PresetError: the manifest is missing or does not parse.
    """
    path = manifest_path()
    try:
        return _parse_manifest(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise PresetError(f"The weights manifest {path} cannot be read: {error.strerror}.") from error


@functools.lru_cache(maxsize=4)
def _parse_manifest(path, _mtime):
    try:
        presets = json.loads(path.read_text(encoding="utf-8"))["presets"]
        return {name: dict(entry) for name, entry in presets.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PresetError(
            f"The weights manifest {path} is damaged ({error}); expected JSON with a dict under 'presets'."
        ) from error


def list_presets(
    pattern: str = "*",
    *,
    model: str | type | None = None,
    dataset: str | None = None,
    kind: Literal["model", "feature_network"] | None = "model",
) -> list[str]:
    """Lists the names of official presets, sorted.

    Args:
        pattern: shell wildcard, such as `"*fashion*"`; default `"*"`.
        model: only presets of this class, given by name (`"DCGAN"`) or as the class; default None lists all.
        dataset: only presets trained on this data set, given by its TFDS name; default None lists all.
        kind: `"model"` (default) for generative models, `"feature_network"` for the networks that evaluation uses, None
            for both.

    Returns:
        List of str.

    Raises:
        InputError: an argument is not of this form.
    """
    if not isinstance(pattern, str):
        raise InputError(f"pattern is {shown(pattern)}, expected a text such as '*fashion*'.")
    if kind is not None and (not isinstance(kind, str) or kind not in ("model", "feature_network")):
        raise InputError(f"kind is {shown(kind)}, expected 'model', 'feature_network' or None.")
    model = model.__name__ if isinstance(model, type) else model
    for name, value in {"model": model, "dataset": dataset}.items():
        if not isinstance(value, (str, type(None))):
            raise InputError(f"{name} is {shown(value)}, expected a name or None.")
    return sorted(
        name
        for name, entry in manifest().items()
        if fnmatch.fnmatch(name, pattern)
        and kind in (None, entry["kind"])
        and model in (None, entry["class"])
        and dataset in (None, entry["dataset"])
    )


def entry_of(name: str) -> dict[str, Any]:
    """Returns the manifest entry of an official preset, a dict.

    Raises:
        PresetError: no preset has that name; the message says what became of a former preset, or suggests similar
            names.
    """
    entries = manifest()
    if not isinstance(name, str) or name not in entries:
        if isinstance(name, str) and name in FORMER:
            raise PresetError(f"The preset {name!r} {FORMER[name]}.")
        near = difflib.get_close_matches(name, entries, n=3, cutoff=0.4) if isinstance(name, str) else []
        hint = f"did you mean {', '.join(near)}?" if near else "`zoo list` shows the names."
        raise PresetError(f"There is no preset {shown(name)}; {hint}")
    return entries[name]


def record_publication(name: str, repo_id: str, revision: str) -> None:
    """Pins an official preset in the manifest to a commit of its repository on the Hub."""
    entries = dict(manifest())
    entries[name] = {**entry_of(name), "repo_id": repo_id, "revision": revision}
    write_json(manifest_path(), {"presets": entries})
