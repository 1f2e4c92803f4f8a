"""Pretrained generators draw the same images under Keras' JAX backend."""

import inspect
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from helpers import tiny_progressive_gan, tiny_style_gan

import zoo
from zoo import presets


def draw(name):
    """Images of a preset; translators are given waves, of which no two are alike."""
    model, given = zoo.load(name), {}
    model.generation_batch = 8
    if not model.draws_alone:
        shape = (8, *model.source_shape)
        given["source_images"] = np.sin(np.arange(np.prod(shape), dtype="float32").reshape(shape) / 50)
    return model.generate(8, seed=0, **given)


REFUSED = ("fit", "evaluate", "train_on_batch", "test_on_batch", "encode_image", "update_standing_statistics")
DRAW = f"""
import sys, keras, zoo, numpy as np
{inspect.getsource(draw)}
assert keras.backend.backend() == sys.argv[1]
path, *names = sys.argv[2:]
np.savez(path, **{{name: draw(name) for name in names}})
assert "tensorflow" not in sys.modules

model, batch = zoo.GAN((4, 4, 1), 2, hidden_units=(2,)), np.zeros((4, 4, 4, 1), "uint8")
model.compile()
for method in {REFUSED}:
    try:
        getattr(model, method)(batch)
    except zoo.errors.InputError as error:
        print(error)
"""


@pytest.mark.slow
def test_jax_draws_what_tensorflow_draws_and_refuses_the_rest(tmp_path):
    growing = tiny_progressive_gan((16, 16, 1))
    growing.grow([0.5, 0.0])
    # Classes whose layers no bundled preset has.
    for name, model in {"growing": growing, "style": tiny_style_gan()}.items():
        model.save_to_preset(tmp_path / name)
    # One preset of each class, but for PixelCNN, which XLA compiles for half a minute and `test_pixel_cnn.py` has, and
    # classes of whose generators another has every layer.
    by_class = {presets.entry_of(name)["class"]: name for name in zoo.list_presets()}
    for name in ("PixelCNN", "VQVAE", "BetaVAE", "GAN", "DCGAN", "ConditionalGAN", "ProjectionGAN", "SRResNet"):
        del by_class[name]
    names = [*by_class.values(), str(tmp_path / "growing"), str(tmp_path / "style")]
    path = tmp_path / "jax.npz"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", DRAW, "jax", str(path), *names]
    said = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    refusal = r"KERAS_BACKEND is 'jax', expected 'tensorflow' for (\w+); other backends generate"
    assert tuple(re.findall(refusal, said)) == REFUSED
    with np.load(path) as drawn:
        assert set(drawn) == set(names)
        for name in drawn:
            difference = np.abs(drawn[name].astype("int16") - draw(name))
            # A value on the edge between two grey levels may round either way.
            assert difference.max() <= 1, name
            assert (difference > 0).mean() < 0.001, name
