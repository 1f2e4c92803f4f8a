"""Under Keras' JAX backend, pretrained generators draw the same images, and models train alike."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import parity
import pytest
from helpers import tiny_progressive_gan, tiny_style_gan

import zoo
from zoo import presets


def under_jax(*arguments):
    """A process of Python that runs under JAX."""
    # Without these emitters, XLA compiles in a third of the time.
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_use_fusion_emitters=false"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def draw(name):
    """Images of a preset; translators are given waves, of which no two are alike."""
    model, given = zoo.load(name), {}
    model.generation_batch = 8
    if not model.draws_alone:
        shape = (8, *model.source_shape)
        given["source_images"] = np.sin(np.arange(np.prod(shape), dtype="float32").reshape(shape) / 50)
    return model.generate(8, seed=0, **given)


DRAW = f"""
import sys, keras, zoo, numpy as np
{inspect.getsource(draw)}
assert keras.backend.backend() == sys.argv[1]
path, *names = sys.argv[2:]
np.savez(path, **{{name: draw(name) for name in names}})
assert "tensorflow" not in sys.modules

try:
    zoo.GAN((4, 4, 1), 2, hidden_units=(2,)).export("gan.onnx")
except zoo.errors.InputError as error:
    print(error)
"""


@pytest.mark.slow
def test_jax_draws_what_tensorflow_draws_and_exports_nothing(tmp_path):
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
    with under_jax("-c", DRAW, "jax", path, *names) as process:
        said, _ = process.communicate()
    assert process.returncode == 0
    assert "KERAS_BACKEND is 'jax', expected 'tensorflow' for export." in said
    with np.load(path) as drawn:
        assert set(drawn) == set(names)
        for name in drawn:
            difference = np.abs(drawn[name].astype("int16") - draw(name))
            # A value on the edge between two grey levels may round either way.
            assert difference.max() <= 1, name
            assert (difference > 0).mean() < 0.001, name


@pytest.mark.slow
def test_jax_trains_as_tensorflow_trains(tmp_path, monkeypatch):
    path = tmp_path / "jax.npz"
    with under_jax(Path(__file__).with_name("under_jax.py"), path) as process:
        # Both backends train at the same time.
        parity.inject_noise(monkeypatch.setattr)
        expected = parity.all_trained()
    # What the process asserts itself is in its standard error.
    assert process.returncode == 0
    with np.load(path) as found:
        assert set(found) == set(expected)
        for name in found:
            # The gradient of a bias before a normalization is nothing but rounding.
            atol = parity.SENSITIVE.get(name.partition(":")[0], 1e-5) * np.abs(expected[name]).max()
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=atol, err_msg=name)
