"""Under Keras' other backends, pretrained generators draw the same images, and models train alike."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import parity
import pytest
from contract.families import FAMILIES
from helpers import tiny_progressive_gan, tiny_style_gan
from under_backend import write_backup

import zoo
from zoo import presets

#: The backends beside TensorFlow.
BACKENDS = ("jax", "torch")
PAGE = Path(__file__).resolve().parent.parent / "docs" / "training.md"


def under(backend, *arguments):
    """A process of Python that runs under a backend, on the CPU."""
    # Without these emitters, XLA compiles in a third of the time.
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_use_fusion_emitters=false"
    places = {"JAX_PLATFORMS": "cpu", "KERAS_TORCH_DEVICE": "cpu", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": flags, **places}
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


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """What TensorFlow draws of presets, an array by the name of each."""
    folder, growing = tmp_path_factory.mktemp("presets"), tiny_progressive_gan((16, 16, 1))
    growing.grow([0.5, 0.0])
    # Classes whose layers no bundled preset has.
    for name, model in {"growing": growing, "style": tiny_style_gan()}.items():
        model.save_to_preset(folder / name)
    # XLA compiles a PixelCNN for half a minute, and `test_pixel_cnn.py` has it.
    bundled = [name for name in zoo.list_presets() if presets.entry_of(name)["class"] != "PixelCNN"]
    return {name: draw(name) for name in [*bundled, str(folder / "growing"), str(folder / "style")]}


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_another_backend_draws_what_tensorflow_draws_and_exports_nothing(backend, drawn, tmp_path):
    path = tmp_path / "drawn.npz"
    with under(backend, "-c", DRAW, backend, path, *drawn) as process:
        said, _ = process.communicate()
    assert process.returncode == 0
    assert f"KERAS_BACKEND is '{backend}', expected 'tensorflow' for export." in said
    with np.load(path) as found:
        assert set(found) == set(drawn)
        for name in found:
            difference = np.abs(found[name].astype("int16") - drawn[name])
            # A value on the edge between two grey levels may round either way.
            assert difference.max() <= 1, name
            assert (difference > 0).mean() < 0.001, name


@pytest.fixture(scope="module")
def trained():
    """The steps that TensorFlow takes."""
    with pytest.MonkeyPatch.context() as patched:
        parity.inject_noise(patched.setattr)
        return parity.all_trained()


def write_differences(backend, found, expected):
    """Writes the column of a backend in the table of `docs/training.md`."""
    before, table, after = re.split(
        r"(?<=test_backends.py begins -->\n\n)|(?=\n<!-- tests/test_backends.py ends)", PAGE.read_text()
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    known = {name: cells for name, *cells in rows}
    largest = dict.fromkeys(FAMILIES, 0.0)
    for key, value in expected.items():
        name, error = key.partition(":")[0], np.abs(found[key] - value).max()
        largest[name] = max(largest[name], error / max(np.abs(value).max(), 1e-9))
    lines = ["| model | JAX | PyTorch |", "|---|---|---|"]
    for name, error in largest.items():
        cells = known.get(name, ["", ""])
        cells[BACKENDS.index(backend)] = f"{error:.0e}"
        lines.append(f"| {name} | {' | '.join(cells)} |")
    PAGE.write_text("".join([before, *(f"{line}\n" for line in lines), after]))


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_another_backend_trains_as_tensorflow_trains(backend, request, tmp_path):
    write_backup(tmp_path)
    path = tmp_path / "steps.npz"
    with under(backend, Path(__file__).with_name("under_backend.py"), path, tmp_path) as process:
        # Both backends train at the same time.
        expected = request.getfixturevalue("trained")
    # What the process asserts itself is in its standard error.
    assert process.returncode == 0
    with np.load(path) as found:
        assert set(found) == set(expected)
        if os.environ.get("ZOO_WRITE_TABLES"):
            write_differences(backend, found, expected)
        for name in found:
            # The gradient of a bias before a normalization is nothing but rounding.
            atol = parity.SENSITIVE.get(name.partition(":")[0], 1e-5) * np.abs(expected[name]).max()
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=atol, err_msg=name)
