"""The protocols of the zoo's metrics: by default three seeds, 10,000 images of `generate`, and named networks."""

from zoo.metrics.protocols.autoencoders import compression, reconstruction
from zoo.metrics.protocols.evaluation import evaluate
from zoo.metrics.protocols.faces import disentanglement, edits, prompt_agreement, prompts_right
from zoo.metrics.protocols.figures import FULL, SMOKE, Size
from zoo.metrics.protocols.image_to_image import translation, translation_of
from zoo.metrics.protocols.likelihoods import exact_likelihood, likelihood
from zoo.metrics.protocols.samples import CURVES, curve, frechet_to_train, own_images, sample_quality
from zoo.metrics.protocols.short_prompts import prompt_distances, prompt_variety
from zoo.metrics.protocols.super_resolution import PERCEPTUAL_FEATURES, upscaling, upscaling_of

__all__ = [
    "CURVES",
    "FULL",
    "PERCEPTUAL_FEATURES",
    "SMOKE",
    "Size",
    "compression",
    "curve",
    "disentanglement",
    "edits",
    "evaluate",
    "exact_likelihood",
    "frechet_to_train",
    "likelihood",
    "own_images",
    "prompt_agreement",
    "prompt_distances",
    "prompt_variety",
    "prompts_right",
    "reconstruction",
    "sample_quality",
    "translation",
    "translation_of",
    "upscaling",
    "upscaling_of",
]
