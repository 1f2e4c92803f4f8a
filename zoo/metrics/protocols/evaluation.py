"""Chooses the protocols that suit a model, by what it can do."""

import keras

from zoo import data
from zoo.datasets import avatars
from zoo.errors import InputError, shown
from zoo.files import expanded
from zoo.metrics.protocols.autoencoders import compression, reconstruction
from zoo.metrics.protocols.faces import disentanglement, edits, prompt_agreement
from zoo.metrics.protocols.figures import FULL, Size
from zoo.metrics.protocols.image_to_image import translation
from zoo.metrics.protocols.likelihoods import exact_likelihood, likelihood
from zoo.metrics.protocols.samples import sample_quality
from zoo.metrics.protocols.short_prompts import prompt_variety
from zoo.metrics.protocols.super_resolution import PERCEPTUAL_FEATURES, upscaling


def evaluate(model, dataset, *, size=FULL, feature_network=None, data_dir=None):
    """Measures a generative model against the test split of a data set.

    Args:
        model: any zoo model with `generate`.
        dataset: TFDS name of the data set on which it was trained.
        size: `Size`, the amount of samples and test data; default `FULL`.
        feature_network: name of a feature network, or a directory of one as text; default the bundled one of `dataset`.
            A network on whose features the model was trained is refused.
        data_dir: TFDS folder, used where nothing is bundled; default None.

    Returns:
        Dict of metrics by name. Each is a dict of `value` (the mean over seeds), `std` over the seeds, `real` (the same
        metric of real training images in place of generated ones, where this is meaningful) and `protocol`, a sentence.

    Raises:
        InputError: `model` is no model of the zoo, the data set is a folder, which has no test split, `size` is too
            small, the model was trained on the features of the feature network, a feature network is given for a
            super-resolution model, whose metrics have networks of their own, or a text-to-image model without example
            prompts is measured on other data than `avatars`.

    Example:

    ```python
    import zoo
    from zoo.metrics import protocols

    model = zoo.load("dcgan_fashion_mnist_28")
    figures = protocols.evaluate(model, "fashion_mnist", size=protocols.SMOKE)
    ```
    """
    if not isinstance(model, keras.Model) or not hasattr(model, "generate"):
        raise InputError(f"model is {shown(model)}, expected a model of the zoo.")
    if not isinstance(size, Size):
        raise InputError(f"size is {shown(size)}, expected a Size.")
    if not isinstance(feature_network, (str, type(None))):
        raise InputError(f"feature_network is {shown(feature_network)}, expected a name or None.")
    data_dir = None if data_dir is None else str(expanded(data_dir))
    size.check()
    data.check_name(dataset)
    if dataset == "avatars" and (hasattr(model, "reconstruct") or hasattr(model, "log_prob")):
        # Rendering test faces needs an optional package, so its absence is reported before the long measurements.
        avatars.check_renderer()
    if hasattr(model, "upscale"):
        if feature_network is not None:
            raise InputError(
                f"feature_network is {shown(feature_network)}, expected None: enlargement is measured on "
                f"{' and '.join(PERCEPTUAL_FEATURES)}."
            )
        return upscaling(model, dataset, size=size, data_dir=data_dir)
    if hasattr(model, "translate"):
        return translation(model, dataset, size=size, feature_network=feature_network, data_dir=data_dir)
    # A model of prompts without example prompts cannot generate images by itself.
    is_silent = model.takes("prompts") and not model.draws_alone
    if is_silent and dataset != "avatars":
        raise InputError(
            f"model has no example_prompts, so it draws nothing to compare with {dataset!r}; expected a "
            f"{type(model).__name__} with example_prompts."
        )
    figures = {}
    if not is_silent:
        figures |= sample_quality(model, dataset, size=size, feature_network=feature_network, data_dir=data_dir)
    if hasattr(model, "log_likelihood_bound") and model.likelihood.name == "bernoulli":
        figures |= likelihood(model, dataset, size=size, data_dir=data_dir)
    elif hasattr(model, "bits_per_dim"):
        figures |= exact_likelihood(model, dataset, size=size, data_dir=data_dir)
    elif hasattr(model, "reconstruct"):
        # Gaussian densities of integer grey values are not comparable, so such models get a reconstruction error.
        figures |= reconstruction(model, dataset, size=size, data_dir=data_dir)
    if hasattr(model, "bits_per_image"):
        figures |= compression(model, dataset, size=size, data_dir=data_dir)
    if dataset == "avatars" and getattr(model, "attributes", ()):
        figures |= edits(model, size=size)
        figures |= disentanglement(model, size=size)
    if dataset == "avatars" and model.takes("prompts"):
        figures |= prompt_agreement(model, size=size) | prompt_variety(model, size=size)
    return figures
