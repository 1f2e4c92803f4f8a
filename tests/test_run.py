"""The training pipeline for models of one's own: stages, resuming, and what a run writes."""

import csv
import json

import keras
import numpy as np
import pytest
from helpers import SHAPE, assert_equal_states, images, interrupt, state, tiny_gan

import zoo
from zoo import data
from zoo.errors import InputError
from zoo.training import run

IMAGES = data.ImageSet(images(16))


class AtStep(keras.callbacks.Callback):
    """Interrupts the training before a batch."""

    def __init__(self, batch):
        super().__init__()
        self._batch = batch

    def on_train_batch_begin(self, batch, logs=None):
        if batch == self._batch:
            interrupt(self.model)


def stage(name="", **settings):
    return run.Stage(IMAGES, **{"epochs": 1, "batch_size": 4, "learning_rate": (1e-3, 2e-3), "name": name, **settings})


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_stages_run_in_turn_and_a_killed_one_continues_bit_equal(tmp_path):
    def train(folder, *stages, resume=False):
        trial = run.begin("tiny", tmp_path / folder, seed=5, resume=resume)
        model = tiny_gan()
        run.train(trial, model, stages)
        return trial, model

    _, expected = train("whole", stage("first"), stage("second"))
    with pytest.raises(KeyboardInterrupt):
        train("killed", stage("first"), stage("second", metrics=[AtStep(2)]))
    with pytest.raises(InputError, match=r"backup holds an unfinished run; continue it with --resume \(resume=True\)"):
        train("killed", stage("first"), stage("second"))
    resumed, found = train("killed", stage("first"), stage("second"), resume=True)
    assert_equal_states(state(found), state(expected))

    run.finish(resumed, found, IMAGES)
    assert not (tmp_path / "killed" / "backup").exists()
    entry = json.loads((tmp_path / "killed" / "weights_manifest.json").read_text())["presets"]["tiny"]
    assert (entry["epochs"], entry["cycles"], entry["seed"], entry["metrics"]) == (2, 2, 5, {})
    # What the zoo says of its own presets is not said of those of others.
    assert entry["recipe"] is None and entry["weights_licence"] is None and "reproducible" not in entry
    loaded = zoo.load(tmp_path / "killed" / "preset")
    assert float(loaded.generator_optimizer.learning_rate) == pytest.approx(1e-3)
    for name in ("first", "second"):
        assert (tmp_path / "killed" / name / "samples" / "epoch_0001.png").exists()
        assert len(rows(tmp_path / "killed" / name / "history.csv")) == 1


def test_stages_need_names_of_their_own(tmp_path):
    trial = run.begin("tiny", tmp_path)
    for names in (("", ""), ("", "second"), ("first", "first")):
        with pytest.raises(InputError, match="stages have the names"):
            run.train(trial, None, [stage(name) for name in names])


def test_a_run_goes_on_from_a_preset_only_where_there_is_one(tmp_path):
    with pytest.raises(InputError, match="which holds no preset"):
        run.begin("tiny", tmp_path / "new", further=True)
    with pytest.raises(InputError, match="seed is -1"):
        run.begin("tiny", tmp_path / "new", seed=-1)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_epochs_of_any_length_see_whole_passes_in_the_order_of_their_epoch(tmp_path):
    numbered = data.ImageSet(np.broadcast_to(np.arange(8, dtype="uint8")[:, None, None, None], (8, *SHAPE)))

    def seen(steps, epoch):
        _, batches = run.Stage(numbered, epochs=2, batch_size=2, steps_per_epoch=steps).begin(tiny_gan(), seed=0)
        assert len(batches) == steps
        batches.set_epoch(epoch)
        return [number for batch in batches for number in batch["images"][:, 0, 0, 0].numpy().tolist()]

    # Two passes and a half.
    found = seen(10, 0)
    assert sorted(found[:8]) == sorted(found[8:16]) == list(range(8)) and found[:8] != found[8:16]
    assert len(set(found[16:])) == 4
    assert seen(10, 1) != found and seen(10, 0) == found
    assert seen(3, 1) == seen(4, 1)[:6]


@pytest.mark.slow
def test_a_model_without_a_learning_rate_of_its_own_keeps_its_default_optimizers(tmp_path):
    trial, model = run.begin("tiny", tmp_path), tiny_gan()
    run.train(trial, model, [stage(learning_rate=None)])
    assert [float(o.learning_rate) for o in (model.generator_optimizer, model.discriminator_optimizer)] == [
        pytest.approx(float(o.learning_rate)) for o in zoo.GAN.default_optimizers()
    ]
