"""Saved or killed and continued, a training ends bit-equal to one that was left alone."""

import signal

import keras
import numpy as np
import pytest
from helpers import (
    SHAPE,
    AtBatch,
    assert_equal_states,
    images,
    interrupt,
    labelled,
    restless_gan,
    run_script,
    state,
    tiny_gan,
    tiny_vae,
)
from keras import layers
from PIL import Image

from zoo import data
from zoo.callbacks import BackupAndRestore, EpochOrder
from zoo.errors import DataError
from zoo.objectives.penalties import R1
from zoo.random_state import random_states

DATA = labelled(12)


def lazily_penalized_gan():
    return restless_gan(penalties=R1(0.5, 2), ema_momentum=0.5)


@pytest.mark.slow
def test_a_saved_training_continues_bit_equal(tmp_path):
    def fit(model, **options):
        model.fit(DATA, batch_size=4, epochs=3, verbose=0, **options)

    whole = lazily_penalized_gan()
    whole.compile(run_eagerly=True)
    fit(whole, callbacks=[AtBatch(1, 0, lambda model: model.save(tmp_path / "model.keras"))])
    keras.utils.set_random_seed(99)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    fit(loaded, initial_epoch=1)
    assert_equal_states(state(loaded), state(whole))


@pytest.mark.slow
def test_epochs_that_end_early_continue_bit_equal(tmp_path):
    def fit(seed, *callbacks):
        keras.utils.set_random_seed(seed)
        model = tiny_vae(num_importance_samples=2)
        model.compile(run_eagerly=True)
        model.fit(DATA, batch_size=4, epochs=3, steps_per_epoch=2, verbose=0, callbacks=[*callbacks])
        return state(model)

    whole = fit(0)
    with pytest.raises(KeyboardInterrupt):
        fit(0, BackupAndRestore(tmp_path / "backup"), AtBatch(1, 1, interrupt))
    assert_equal_states(fit(99, BackupAndRestore(tmp_path / "backup")), whole)


@pytest.mark.slow
def test_an_interrupted_fit_leaves_its_backup_and_a_finished_one_does_not(tmp_path):
    def fit(model, epochs, *callbacks):
        callbacks = [*callbacks, BackupAndRestore(tmp_path / "backup")]
        return model.fit(DATA, batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks).epoch

    model = lazily_penalized_gan()
    model.compile(run_eagerly=True)
    with pytest.raises(KeyboardInterrupt):
        fit(model, 3, AtBatch(1, 1, interrupt))
    assert [path.name for path in (tmp_path / "backup").iterdir()] == ["state.weights.h5"]
    (tmp_path / "backup" / "notes.txt").write_text("of somebody else")
    (tmp_path / "backup" / ".state-killed.weights.h5").write_bytes(b"half of one")

    def only_mine(_):
        assert sorted(path.name for path in (tmp_path / "backup").iterdir()) == ["notes.txt", "state.weights.h5"]

    assert fit(model, 3, AtBatch(1, 0, only_mine)) == [1, 2]
    assert [path.name for path in (tmp_path / "backup").iterdir()] == ["notes.txt"]
    (tmp_path / "backup" / "notes.txt").unlink()
    # The model itself is not bound to the backup's epoch any longer.
    assert fit(model, 1) == [0]
    assert not (tmp_path / "backup").exists()
    # Nor after a continued training that was interrupted, too.
    for moment in ((1, 1), (2, 0)):
        with pytest.raises(KeyboardInterrupt):
            fit(model, 3, AtBatch(*moment, interrupt))
    assert model.fit(DATA, batch_size=4, verbose=0).epoch == [0]


@pytest.mark.slow
def test_what_is_no_backup_of_the_model_is_said_in_one_sentence(tmp_path):
    def fit(model):
        model.compile(run_eagerly=True)
        model.fit(images(8), batch_size=4, verbose=0, callbacks=[BackupAndRestore(tmp_path, delete_checkpoint=False)])

    fit(tiny_gan())
    with pytest.raises(DataError, match="which holds no backup of such a model; remove it or choose another"):
        fit(tiny_vae())
    frozen = tiny_gan()
    frozen.generator.layers[1].trainable = False
    with pytest.raises(DataError, match="Skipping variable loading for optimizer"):
        fit(frozen)
    (tmp_path / "state.weights.h5").write_bytes(b"xx")
    with pytest.raises(DataError, match=f"backup_dir is '{tmp_path}', which holds no backup of such a model"):
        fit(tiny_gan())


@pytest.mark.slow
def test_a_plain_keras_model_resumes_bit_equal(tmp_path):
    def train(seed, *callbacks):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential(
            [keras.Input(SHAPE), layers.Flatten(), layers.Dropout(0.5), layers.Dense(3, activation="softmax")]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        dataset = data.dataset((images(12), np.arange(12) % 3), SHAPE, 4)
        pairs = dataset.map(lambda batch: (keras.ops.cast(batch["images"], "float32") / 255, batch["labels"]))
        model.fit(pairs, epochs=3, verbose=0, shuffle=False, callbacks=[EpochOrder(dataset), *callbacks])
        return [*model.variables, *model.optimizer.variables], random_states(model)

    expected, states = train(0)
    assert states
    with pytest.raises(KeyboardInterrupt):
        train(0, AtBatch(2, 1, interrupt), BackupAndRestore(tmp_path / "backup"))
    found, _ = train(99, BackupAndRestore(tmp_path / "backup", delete_checkpoint=False))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)
    assert (tmp_path / "backup" / "state.weights.h5").exists()


# === kill -9 ===

TRAIN = """
import os, signal, sys
source, folder, backup, end, *kills = sys.argv[1:]
import keras
import numpy as np
from helpers import SHAPE, images, restless_gan, run_graphs_as_traced, state
from zoo import data
from zoo.callbacks import BackupAndRestore
from zoo.objectives.penalties import R1

def die():
    os.kill(os.getpid(), signal.SIGKILL)

backups, replace = 0, os.replace

def replace_or_die(old, new, **options):
    global backups
    ours = str(new).endswith("state.weights.h5")
    backups += ours
    if ours and kill == f"before {backups}":
        die()
    replace(old, new, **options)
    if ours and kill == f"after {backups}":
        die()

os.replace = replace_or_die

class Epochs(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        print(epoch, flush=True)

    def on_train_batch_end(self, batch, logs=None):
        if kill == f"batch {self.epoch} {batch}":
            die()

def train():
    run_graphs_as_traced()
    keras.utils.set_random_seed(0)
    model = restless_gan(penalties=R1(0.5, 2), discriminator_steps=2, ema_momentum=0.5)
    model.compile()
    fit = {
        "arrays": lambda: {"x": images(24), "batch_size": 4},
        "folder": lambda: {"x": folder, "batch_size": 4},
        "dataset": lambda: {"x": data.dataset(folder, SHAPE, 8)},
    }[source]()
    model.fit(**fit, epochs=5, verbose=0, callbacks=[Epochs(), BackupAndRestore(backup)])
    np.savez(end, **state(model))

# Each a process of its own, which inherits the seconds that importing takes.
for kill in kills:
    if not (child := os.fork()):
        train()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), "end", flush=True)
"""


def train(folder, source, run, kills):
    """One process after the other of a training, each killed at its moment; the epochs that each began."""
    result = run_script(TRAIN, source, folder / "images", folder / run, folder / f"{run}.npz", *kills, warm=True)
    epochs, ends = [[]], []
    for line in result.stdout.splitlines():
        if line.endswith("end"):
            ends.append(int(line.split()[0]))
            epochs.append([])
        else:
            epochs[-1].append(int(line))
    assert ends == [-signal.SIGKILL if kill else 0 for kill in kills], result.stderr[-3000:]
    return epochs[:-1]


@pytest.fixture(scope="module")
def left_alone(tmp_path_factory):
    """A folder of images, and the end of a training on them that nothing disturbed."""
    folder = tmp_path_factory.mktemp("kills")
    (folder / "images").mkdir()
    for index, image in enumerate(images(24)):
        Image.fromarray(image[..., 0]).save(folder / "images" / f"{index:02}.png")
    assert train(folder, "arrays", "left_alone", [""]) == [[0, 1, 2, 3, 4]]
    return folder


KILLS = [
    # In the middle of an epoch; before a backup takes the place of the last; right after it did.
    ("arrays", [("batch 2 1", [0, 1, 2]), ("before 2", [2, 3]), ("after 1", [3]), ("", [4])]),
    ("folder", [("batch 1 2", [0, 1]), ("", [1, 2, 3, 4])]),
    ("dataset", [("before 3", [0, 1, 2]), ("", [2, 3, 4])]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("source", "runs"), KILLS, ids=[source for source, _ in KILLS])
def test_a_killed_training_ends_bit_equal(source, runs, left_alone):
    kills, epochs = zip(*runs, strict=True)
    assert train(left_alone, source, source, kills) == list(epochs)
    with np.load(left_alone / f"{source}.npz") as found, np.load(left_alone / "left_alone.npz") as expected:
        assert_equal_states(dict(found), dict(expected))
    assert not (left_alone / source).exists()
