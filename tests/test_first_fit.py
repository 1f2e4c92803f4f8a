"""The first training of a loaded preset: `fit` warns of epochs that mean few steps."""

import warnings

import keras
import numpy as np
import pytest
from helpers import AtBatch, images, interrupt, tiny_gan, tiny_vae

import zoo
from zoo.callbacks import BackupAndRestore

WORDS = (
    "epochs=2 means 6 of the 200 steps that a preset needs at least to learn new images; epochs=67 reaches them, and "
)


@pytest.fixture
def preset(tmp_path):
    model = tiny_vae()
    model.compile(run_eagerly=True)
    model.save_to_preset(tmp_path / "preset")
    return tmp_path / "preset"


def told(model, *data, epochs=2, **options):
    """What a `fit` of three steps an epoch says of its steps."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*(data or (images(12),)), **{"batch_size": 4, "verbose": 0, **options}, epochs=epochs)
    return [str(one.message) for one in caught if "that a preset needs at least" in str(one.message)]


@pytest.mark.slow
def test_a_loaded_preset_warns_once_of_few_steps(preset):
    model = zoo.load(preset)
    (message,) = told(model)
    assert message.startswith(WORDS)
    assert told(model) == []
    model.compile(run_eagerly=True)
    assert told(model) == []


@pytest.mark.slow
def test_enough_steps_say_nothing_also_where_they_follow_later(preset):
    model = zoo.load(preset)
    assert told(model, images(8), batch_size=1, epochs=25) == []
    assert told(model) == []


@pytest.mark.slow
def test_steps_per_epoch_and_a_later_first_epoch_count(preset):
    (message,) = told(zoo.load(preset), steps_per_epoch=2, epochs=9, initial_epoch=5)
    assert message.startswith("epochs=9 means 8 of the 200 steps") and "epochs=105 reaches them" in message


@pytest.mark.slow
def test_a_changed_or_recompiled_preset_warns_too(preset):
    changed = zoo.load(preset, beta=2.0)
    changed.compile(keras.optimizers.SGD(1e-3))
    assert len(told(changed)) == 1
    assert len(told(zoo.VAE.from_preset(preset))) == 1


@pytest.mark.slow
def test_models_from_scratch_say_nothing(tmp_path):
    for model in (tiny_vae(), tiny_gan()):
        model.compile(run_eagerly=True)
        assert told(model) == []
        model.save(tmp_path / "model.keras")
        assert told(keras.saving.load_model(tmp_path / "model.keras")) == []


@pytest.mark.slow
def test_a_gan_counts_the_generators_steps(tmp_path):
    tiny_gan(discriminator_steps=2).save_to_preset(tmp_path / "preset")
    model = zoo.load(tmp_path / "preset")
    model.compile(run_eagerly=True)
    (message,) = told(model, images(24))
    assert message.startswith(WORDS)


@pytest.mark.slow
def test_a_resumed_training_says_nothing(preset, tmp_path):
    keep = BackupAndRestore(tmp_path / "backup")
    with pytest.raises(KeyboardInterrupt), pytest.warns(UserWarning, match="that a preset needs at least"):
        zoo.load(preset).fit(images(12), batch_size=4, epochs=3, verbose=0, callbacks=[keep, AtBatch(1, 1, interrupt)])
    assert told(zoo.load(preset), epochs=3, callbacks=[keep]) == []


@pytest.mark.slow
def test_batches_without_a_known_number_say_nothing(preset):
    batches = (np.array(images(4)) for _ in range(20))
    assert told(zoo.load(preset), batches, batch_size=None, steps_per_epoch=None, epochs=1) == []
