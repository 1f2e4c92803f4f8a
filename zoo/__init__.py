"""A Keras model zoo of generative models: load in one line, generate, fine-tune with `fit`.

Names resolve on first use, so that `import zoo` (and `zoo list`) never import TensorFlow.
"""

import importlib

from zoo.backend import import_keras

__version__ = "0.1.0"

_HOME_OF = {
    "load": "zoo.presets",
    "list_presets": "zoo.presets",
    "GenerativeModel": "zoo.models",
    "AdversarialModel": "zoo.models",
    "VAE": "zoo.models",
    "BetaVAE": "zoo.models",
    "VQVAE": "zoo.models",
    "VQVAE2": "zoo.models",
    "PixelCNN": "zoo.models",
    "GAN": "zoo.models",
    "DCGAN": "zoo.models",
    "WGAN": "zoo.models",
    "WGANGP": "zoo.models",
    "ConditionalGAN": "zoo.models",
    "ProjectionGAN": "zoo.models",
    "SAGAN": "zoo.models",
    "BigGAN": "zoo.models",
    "ProgressiveGAN": "zoo.models",
    "StyleGAN": "zoo.models",
    "Pix2Pix": "zoo.models",
    "CycleGAN": "zoo.models",
    "SRResNet": "zoo.models",
    "SRGAN": "zoo.models",
    "TextToImageGAN": "zoo.models",
}
__all__ = sorted(_HOME_OF)
# `import zoo` alone gives these, too.
_SUBMODULES = ("callbacks", "data", "hub", "images", "latents", "metrics", "objectives", "presets", "text")


# These import Keras.
_ON_KERAS = ("zoo.models", "callbacks", "objectives")


def __getattr__(name):
    if _HOME_OF.get(name, name) in _ON_KERAS:
        import_keras()
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    if name in _SUBMODULES:
        return importlib.import_module(f"zoo.{name}")
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_HOME_OF, *_SUBMODULES})
