"""A disk that is full costs one sentence: no crash, no half of a file, no older file, and the training goes on."""

import pytest
from helpers import run_script

# A process may limit the size of its files, whose writing then fails as on a full disk, without privileges.
SCRIPT = """
import resource, sys
from pathlib import Path
from types import SimpleNamespace
import keras
import numpy as np
from helpers import SHAPE, assert_equal_states, images, run_graphs_as_traced, state, tiny_gan
import zoo
from zoo.callbacks import BackupAndRestore, CSVLogger, SampleGrid
from zoo.errors import StorageError
from zoo.files import write_json
from zoo.images import write_png, write_png_bands
from zoo.metrics import references

run_graphs_as_traced()
folder = Path(sys.argv[1])

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def content():
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}

def assert_fails(path, write, size=100):
    before = content()
    limit(size)
    try:
        write()
    except StorageError as error:
        said = str(error)
    else:
        said = None
    limit(resource.RLIM_INFINITY)
    assert said, f"{path} was written"
    assert said.startswith(f"{str(path)!r} could not be written: File too large; "), said
    assert said.endswith(f" MiB are free in {str(path if path.is_dir() else path.parent)!r}."), said
    after = content()
    assert after == before, sorted(str(path) for path in {*after, *before} if after.get(path) != before.get(path))

def fit(*callbacks, epochs=1, **options):
    model.fit(images(8), batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks, **options)

model = tiny_gan()
model.compile()
writers = {
    "preset": model.save_to_preset,
    "model.keras": model.save,
    "model.weights.h5": model.save_weights,
    "picture.png": lambda path: write_png(path, images(1, (64, 64, 3))[0]),
    "bands.png": lambda path: write_png_bands(path, images(2, (32, 64, 3)), 64, 64),
    "figures.json": lambda path: write_json(path, list(range(100))),
    "reference.npz": lambda path: references.write(path, SimpleNamespace(identity="n"), {"a": np.arange(999)}),
}
for name, write in writers.items():
    assert_fails(folder / name, lambda: write(folder / name))
    write(folder / name)
fit()
for name, write in writers.items():
    assert_fails(folder / name, lambda: write(folder / name))

backup, log = folder / "backup" / "state.weights.h5", folder / "log.csv"
backing_up = BackupAndRestore(backup.parent, delete_checkpoint=False)
drawing, logging = SampleGrid(folder / "samples"), CSVLogger(log, append=True)
fit(backing_up, drawing, logging)
assert_fails(backup, lambda: fit(backing_up, epochs=2))
assert_fails(folder / "samples" / "epoch_0002.png", lambda: fit(drawing, epochs=2, initial_epoch=1))
# Of the row, 20 characters fit.
assert_fails(log, lambda: fit(logging, epochs=2, initial_epoch=1), log.stat().st_size + 20)

fit(backing_up, drawing, logging, epochs=3)
assert [row.split(",")[0] for row in log.read_text().splitlines()] == ["epoch", "0", "1", "2"]
model.save(folder / "elsewhere.keras")
assert_equal_states(state(keras.saving.load_model(folder / "elsewhere.keras")), state(model))
model.save_to_preset(folder / "elsewhere")
np.testing.assert_array_equal(zoo.load(folder / "elsewhere").generate(2, seed=0), model.generate(2, seed=0))
"""


@pytest.mark.slow
def test_a_full_disk_costs_one_sentence_wherever_the_zoo_writes(tmp_path):
    run_script(SCRIPT, tmp_path, warm=True)
