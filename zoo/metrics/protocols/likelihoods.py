"""Likelihoods of test images, exact or bounded."""

from zoo.metrics.protocols.figures import FULL, figure
from zoo.metrics.protocols.held_out import held_out_images


def likelihood(model, dataset, *, size=FULL, data_dir=None):
    """Computes the importance-weighted bound on the negative log likelihood of test images, in nats per image."""
    images, _ = held_out_images(dataset, model, size, data_dir)
    bounds = [-model.log_likelihood_bound(images, size.importance_samples, seed=seed).mean() for seed in size.seeds]
    protocol = (
        f"importance-weighted bound with {size.importance_samples} samples on -log p(x) in nats, mean over "
        f"{len(images)} test images of {dataset}{_binarized(model)}; seeds {size.named_seeds}"
    )
    return {f"nll_iw{size.importance_samples}_test_{dataset}": figure(bounds, protocol)}


def exact_likelihood(model, dataset, *, size=FULL, data_dir=None):
    """Computes the exact negative log likelihood of test images, given their labels if the model has classes.

    The unit is nats per image for a Bernoulli likelihood, otherwise bits per dimension.
    """
    images, labels = held_out_images(dataset, model, size, data_dir)
    given = "p(x)" if model.num_classes is None else "p(x | label)"
    over = f"exact, mean over {len(images)} test images of {dataset}"
    if model.likelihood.name == "bernoulli":
        found = [-model.log_prob(images, labels, seed=seed).mean() for seed in size.seeds]
        seeds = size.named_seeds
        protocol = f"-log {given} in nats, {over}{_binarized(model)}; seeds {seeds}"
        return {f"nll_test_{dataset}": figure(found, protocol)}
    levels = model.likelihood.levels
    found = model.bits_per_dim(images, labels).mean()
    return {
        f"bits_per_dim_test_{dataset}": figure(
            [found], f"-log2 {given} for each value of an image, rounded to {levels} grey values, {over}"
        )
    }


def _binarized(model):
    """The part of a protocol that says how a Bernoulli likelihood treats grey values."""
    if model.likelihood.name != "bernoulli":
        return ""
    return (
        ", each pixel drawn once by each seed with its grey value as probability (not Larochelle's static binarization)"
    )
