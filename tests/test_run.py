"""The training pipeline for models of one's own: stages, resuming, and what a run writes."""

import csv
import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import SHAPE, assert_equal_states, images, interrupt, state, tiny_gan, values

import zoo
from zoo import data
from zoo.errors import InputError
from zoo.objectives.penalties import R1
from zoo.training import run

IMAGES = data.ImageSet(images(16))


class AtStep(keras.callbacks.Callback):
    """Interrupts the training before a batch of an epoch."""

    def __init__(self, batch, epoch=0):
        super().__init__()
        self._place = epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self._epoch, batch) == self._place:
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


def small_pixel_cnn():
    return zoo.PixelCNN(SHAPE, filters=2, num_blocks=1, first_kernel_size=3, num_classes=2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:class_map_features=2. newly initialized")
@pytest.mark.parametrize(
    ("build", "changes", "killed_in"),
    [
        (tiny_gan, {"objective": "hinge", "penalties": R1(1.0)}, 1),
        # The new weights must be the same before the first backup, too.
        (small_pixel_cnn, {"class_map_features": 2}, 0),
    ],
    ids=["objective", "new_weights"],
)
def test_a_stage_changes_the_model_and_a_killed_one_continues_bit_equal(tmp_path, build, changes, killed_in):
    labelled = IMAGES._replace(labels=np.arange(16, dtype="int32") % 2)
    rates = (1e-3, 2e-3) if build is tiny_gan else 1e-3

    def train(folder, metrics=(), resume=False):
        shared = {"images": labelled, "epochs": 2, "batch_size": 4, "learning_rate": rates}
        stages = [
            run.Stage(name="first", **shared),
            run.Stage(name="second", changes=changes, cosines={0: 3, 1: 2}, metrics=metrics, **shared),
        ]
        trial = run.begin("tiny", tmp_path / folder, seed=5, resume=resume)
        return run.train(trial, build(), stages)

    expected = train("whole")
    with pytest.raises(KeyboardInterrupt):
        train("killed", [AtStep(2, epoch=killed_in)])
    assert_equal_states(state(train("killed", resume=True)), state(expected))
    changed = type(expected).from_config({**build().get_config(), **changes})
    assert {**expected.get_config(), "name": ""} == {**changed.get_config(), "name": ""}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:class_map_features=2. newly initialized")
def test_a_changed_stage_begins_with_the_weights_of_the_stage_before(tmp_path):
    model, begun = small_pixel_cnn(), []
    watch = keras.callbacks.LambdaCallback(on_train_begin=lambda _: begun.append(values(watch.model.weights)))
    second = stage("second", learning_rate=1e-3, changes={"class_map_features": 2}, metrics=[watch])
    labelled = IMAGES._replace(labels=np.zeros(16, dtype="int32"))
    stages = [dataclasses.replace(each, images=labelled) for each in (stage("first", learning_rate=1e-3), second)]
    run.train(run.begin("tiny", tmp_path), model, stages)
    # The layers of the class maps are new, and the first model keeps what the first stage taught it.
    kept = [value for value in begun[0] if any(np.array_equal(value, old) for old in values(model.weights))]
    assert len(kept) == len(model.weights) < len(begun[0])


def test_a_stage_refuses_changes_that_the_model_does_not_take(tmp_path):
    with pytest.raises(InputError, match="GAN has no argument 'groth' to change"):
        run.train(run.begin("tiny", tmp_path), tiny_gan(), [stage(changes={"groth": 1})])


def test_the_cosine_of_a_stage_may_change_its_length_on_the_way():
    model = tiny_gan()
    stage(epochs=7, learning_rate=(1.0, 0.5), cosines={0: 12, 1: 8, 5: 7}).compile(model, 70)
    for step, length in ((0, 120), (9, 120), (10, 80), (49, 80), (50, 70), (69, 70)):
        model.generator_optimizer.iterations.assign(step)
        expected = 0.5 * (1 + np.cos(np.pi * step / length))
        assert float(model.generator_optimizer.learning_rate) == pytest.approx(expected, abs=1e-6)


def test_a_recipe_runs_all_its_stages_and_further_the_last_one():
    listed = ({"epochs": 12, "changes": {"objective": "hinge"}}, {"epochs": 3, "cosines": {0: 4}}, {"epochs": 2})

    def stages(**settings):
        paths = [Path("output"), Path("preset"), Path("manifest.json")]
        return run.Recipe("x", *paths, **{"epochs": None, **settings}).stages(listed, IMAGES, batch_size=4)

    found = stages()
    assert [(each.name, each.epochs) for each in found] == [("stage_1", 12), ("stage_2", 3), ("stage_3", 2)]
    assert [each.changes for each in found] == [{"objective": "hinge"}, {}, {}] and found[1].cosines == {0: 4}
    # The number of epochs on the command line holds for each stage, whose rate then falls along one cosine.
    assert [(each.epochs, each.cosines) for each in stages(epochs=5)] == [(5, None)] * 3
    [last] = stages(further=True)
    assert (last.name, last.epochs, last.changes) == ("stage_3", 2, {"objective": "hinge"})


def test_stages_need_names_of_their_own(tmp_path):
    trial = run.begin("tiny", tmp_path)
    for names in (("", ""), ("", "second"), ("first", "first")):
        with pytest.raises(InputError, match="stages have the names"):
            run.train(trial, None, [stage(name) for name in names])


@pytest.mark.slow
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
