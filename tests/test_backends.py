"""Pretrained generators draw the same images under Keras' JAX backend."""

import os
import subprocess
import sys

import numpy as np
import pytest

import zoo

DRAW = """
import sys, numpy, keras, zoo
assert keras.backend.backend() == sys.argv[1]
numpy.savez(sys.argv[2], **{name: zoo.load(name).generate(8, seed=0) for name in zoo.list_presets()})
"""


@pytest.mark.slow
def test_jax_draws_what_tensorflow_draws(tmp_path):
    pytest.importorskip("jax")
    path = tmp_path / "jax.npz"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", DRAW, "jax", str(path)], env=environment, check=True)
    with np.load(path) as drawn:
        assert set(drawn) == set(zoo.list_presets())
        for name in drawn:
            difference = np.abs(drawn[name].astype("int16") - zoo.load(name).generate(8, seed=0))
            # A value on the edge between two grey levels may round either way.
            assert difference.max() <= 1, name
            assert (difference > 0).mean() < 0.001, name
