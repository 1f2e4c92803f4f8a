"""Bundled presets draw tomorrow what they draw today.

A new version of a preset gets new golden images by `python tests/test_golden.py NAME`.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo import latents, presets

GOLDEN = Path(__file__).parent / "golden"
IMAGES = 4


def draw(name):
    """The first images of seed 0 as floats, which show changes that rounding to uint8 would hide."""
    model = zoo.load(name)
    rows = np.zeros((model.generation_batch, *model.noise_shape), "float32")
    rows[:IMAGES] = latents.sample(IMAGES, model.noise_shape, seed=0, distribution=model.noise_distribution)
    conditions = {}
    if model.num_classes is not None:
        conditions["labels"] = np.arange(len(rows), dtype="int32") % model.num_classes
    for condition in model.conditions:
        if condition.name == "prompts":
            conditions["prompts"] = condition.drawn(len(rows), seed=0)
    if model.takes("source_images") and not model.draws_alone:
        shape = (len(rows), *model.source_shape)
        # Waves, of which no two are alike.
        conditions["source_images"] = np.sin(np.arange(np.prod(shape), dtype="float32").reshape(shape) / 50)
    return np.asarray(model.sample(rows, **conditions))[:IMAGES]


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.list_presets())
def test_same_images_as_when_it_was_published(name):
    with np.load(GOLDEN / f"{name}.npz") as stored:
        images, version = stored["images"], int(stored["version"])
    assert version == presets.entry_of(name)["version"]
    assert np.abs(draw(name) - images).max() < 1e-4


@pytest.mark.slow
def test_latents_are_the_same_on_every_machine():
    expected = [[0.15975747, -0.96371937], [0.5854919, 0.72997737]]
    assert np.abs(latents.sample(2, (2,), seed=0) - expected).max() < 1e-6


if __name__ == "__main__":
    for preset in sys.argv[1:]:
        np.savez_compressed(GOLDEN / f"{preset}.npz", images=draw(preset), version=presets.entry_of(preset)["version"])
