"""Bundled presets draw tomorrow what they draw today."""

from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo import latents, presets

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", zoo.list_presets())
def test_same_images_as_when_it_was_published(name):
    with np.load(GOLDEN / f"{name}.npz") as stored:
        images, version = stored["images"], int(stored["version"])
    assert version == presets.entry_of(name)["version"]
    model = zoo.load(name)
    rows = np.zeros((model.generation_batch, model.latent_dim), "float32")
    rows[: len(images)] = latents.sample(len(images), (model.latent_dim,), seed=0)
    assert np.abs(np.asarray(model._generate_batch(rows))[: len(images)] - images).max() < 1e-4


def test_latents_are_the_same_on_every_machine():
    expected = [[0.15975747, -0.96371937], [0.5854919, 0.72997737]]
    assert np.abs(latents.sample(2, (2,), seed=0) - expected).max() < 1e-6
