"""A Keras model zoo of generative models: load in one line, generate, fine-tune with `fit`.

Names resolve on first use, so that `import zoo` (and `zoo list`) never import TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from zoo.version import __version__ as __version__

if TYPE_CHECKING:
    # Editors and type checkers see here what `__getattr__` resolves. They take names with `as` for public ones.
    import os
    from typing import Any

    from zoo import callbacks as callbacks
    from zoo import data as data
    from zoo import images as images
    from zoo import latents as latents
    from zoo import metrics as metrics
    from zoo import objectives as objectives
    from zoo import presets as presets
    from zoo import text as text
    from zoo.models import *
    from zoo.presets import hub as hub
    from zoo.presets import list_presets as list_presets

__all__ = [
    "DCGAN",
    "GAN",
    "SAGAN",
    "SRGAN",
    "VAE",
    "VQVAE",
    "VQVAE2",
    "WGAN",
    "WGANGP",
    "AdversarialModel",
    "BetaVAE",
    "BigGAN",
    "ConditionalGAN",
    "CycleGAN",
    "GenerativeModel",
    "LatentFlow",
    "Pix2Pix",
    "PixelCNN",
    "ProgressiveGAN",
    "ProjectedGAN",
    "ProjectionGAN",
    "RectifiedFlow",
    "SRResNet",
    "StyleDCGAN",
    "StyleGAN",
    "TextToImageGAN",
    "list_presets",
    "load",
]
_MODELS = frozenset(__all__) - {"list_presets", "load"}
# `import zoo` alone gives these, too.
_MODULES = {
    "callbacks": "zoo.callbacks",
    "data": "zoo.data",
    "hub": "zoo.presets.hub",
    "images": "zoo.images",
    "latents": "zoo.latents",
    "metrics": "zoo.metrics",
    "objectives": "zoo.objectives",
    "presets": "zoo.presets",
    "text": "zoo.text",
}
_MODULES_ON_KERAS = ("callbacks", "data", "objectives")


def load(preset: str | os.PathLike[str], *, bundled: bool = True, **overrides: Any) -> GenerativeModel:
    """Loads a pretrained model, compiled with its recipe's optimizers, ready for `generate` and `fit`.

    What its training draws is as `keras.utils.set_random_seed` says, like that of a new model.

    Args:
        preset: name of an official preset, a preset directory, or `"hf://org/name@revision"` for a repository on
            the Hugging Face Hub at a branch, tag or commit (default: its default branch). An official preset that is
            not bundled comes from the local cache or the Hub, at the commit that the manifest pins. A file that
            `model.save` wrote, such as `"gan.keras"`, gives the model with its optimizers.
        bundled: False insists on the copy that is published on the Hub.
        **overrides: constructor arguments to change, such as `image_shape=(32, 32, 3)`. Weights whose shapes
            still fit are kept; a warning names those that start afresh.

    Returns:
        The compiled Keras model.

    Raises:
        PresetError: unknown, damaged or altered preset.
        HubError: the Hub cannot be reached, or has no such repository, revision or file for this user.
        InputError: an override that the class does not have or that leaves too little of the weights.
    """
    from zoo.presets import load_as

    # TensorFlow takes seconds to import, so the preset is verified before the classes of the zoo register themselves.
    return load_as(None, preset, bundled, lambda: importlib.import_module("zoo.models"), **overrides)


if not TYPE_CHECKING:
    # Type checkers would take any name for one that this function resolves.
    def __getattr__(name):
        if name in _MODELS or name in _MODULES_ON_KERAS:
            importlib.import_module("zoo.backend").import_keras()
        if name in _MODELS:
            return getattr(importlib.import_module("zoo.models"), name)
        if name == "list_presets":
            return importlib.import_module("zoo.presets").list_presets
        if name in _MODULES:
            return importlib.import_module(_MODULES[name])
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
