"""Keras' learning-rate callbacks and `model.optimizer` move the rates of both networks in proportion."""

import keras
import numpy as np
import pytest
from helpers import AtBatch, assert_equal_states, images, interrupt, restless_gan, state, tiny_gan, tiny_vae

from zoo.callbacks import BackupAndRestore
from zoo.errors import InputError

CosineDecay = keras.optimizers.schedules.CosineDecay


def rates_of(model):
    return [float(getattr(model, name).learning_rate) for name in model.optimizer_names]


def compiled(generator_rate=4e-3, discriminator_rate=1e-3):
    model = tiny_gan()
    model.compile(*map(keras.optimizers.SGD, (generator_rate, discriminator_rate)), run_eagerly=True)
    return model


def scheduler(*rates):
    return keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch])


def fit(model, *callbacks, epochs=1):
    return model.fit(images(4), batch_size=4, epochs=epochs, verbose=0, callbacks=[*callbacks])


class Rates(keras.callbacks.Callback):
    """The rates of both networks in the first batch of each epoch."""

    def on_train_begin(self, logs=None):
        self.seen = []

    def on_train_batch_begin(self, batch, logs=None):
        self.seen.append(rates_of(self.model))


@pytest.mark.slow
def test_a_scheduler_moves_both_rates_in_proportion():
    model, rates = compiled(), Rates()
    history = fit(model, scheduler(2e-3, 8e-3), rates, epochs=2).history
    np.testing.assert_allclose(rates.seen, [[2e-3, 5e-4], [8e-3, 2e-3]], rtol=1e-6)
    np.testing.assert_allclose(history["learning_rate"], [2e-3, 8e-3], rtol=1e-6)


@pytest.mark.slow
def test_a_scheduler_that_multiplies_moves_both_rates_once_an_epoch():
    model = compiled()
    fit(model, keras.callbacks.LearningRateScheduler(lambda _, rate: 0.5 * rate), epochs=3)
    np.testing.assert_allclose(rates_of(model), [5e-4, 1.25e-4], rtol=1e-6)


@pytest.mark.slow
def test_a_plateau_reduces_both_rates_down_to_the_least_of_the_generators():
    # No loss of these steps is lower by 100 than the first.
    plateau = keras.callbacks.ReduceLROnPlateau(
        "generator_loss", factor=0.5, patience=1, mode="min", min_delta=100, min_lr=1.5e-3
    )
    model, rates = compiled(), Rates()
    fit(model, plateau, rates, epochs=4)
    np.testing.assert_allclose(rates.seen, [[4e-3, 1e-3], [4e-3, 1e-3], [2e-3, 5e-4], [1.5e-3, 3.75e-4]], rtol=1e-6)


@pytest.mark.slow
def test_the_proportion_outlives_a_rate_of_zero_at_which_nothing_moves():
    model = compiled()
    weights = [*model.generator.weights, *model.discriminator.weights]
    before = [variable.numpy() for variable in weights]
    fit(model, scheduler(0.0))
    for variable, value in zip(weights, before, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=0, atol=1e-25)
    fit(model, scheduler(4e-3))
    np.testing.assert_allclose(rates_of(model), [4e-3, 1e-3], rtol=1e-6)


def test_a_rate_that_was_zero_from_the_beginning_has_no_proportion():
    model = compiled(0.0)
    model.optimizer.learning_rate = 2e-3
    np.testing.assert_allclose(rates_of(model), [2e-3, 1e-3], rtol=1e-6)


def test_a_rate_of_one_network_changes_the_proportion():
    model = compiled()
    model.discriminator_optimizer.learning_rate = 4e-3
    model.optimizer.learning_rate /= 2
    np.testing.assert_allclose(rates_of(model), [2e-3, 2e-3], rtol=1e-6)


def test_an_optimizer_that_is_replaced_later_moves_too():
    model = compiled()
    model.generator_optimizer = keras.optimizers.SGD(2e-3)
    model.optimizer.learning_rate = 1e-3
    np.testing.assert_allclose(rates_of(model), [1e-3, 5e-4], rtol=1e-6)
    assert model.optimizer.iterations is model.generator_optimizer.iterations


def test_rates_under_loss_scaling_move_in_proportion():
    model = tiny_gan(dtype="mixed_float16")
    model.compile(*map(keras.optimizers.SGD, (4e-3, 1e-3)))
    model.optimizer.learning_rate = 2e-3
    np.testing.assert_allclose(rates_of(model), [2e-3, 5e-4], rtol=1e-6)


@pytest.mark.slow
def test_a_model_of_one_optimizer_is_as_in_keras():
    model = tiny_vae()
    model.compile(run_eagerly=True)
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    fit(model, scheduler(0.0))
    assert rates_of(model) == [0.0]


@pytest.mark.slow
def test_a_killed_training_with_a_scheduler_ends_bit_equal(tmp_path):
    def train(seed, *callbacks):
        keras.utils.set_random_seed(seed)
        model = restless_gan()
        model.compile(*map(keras.optimizers.Adam, (4e-3, 1e-3)), run_eagerly=True)
        # The rate of an epoch follows from that of the one before, and once it is 0.
        falling = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 1e-3 if epoch == 2 else (1 - epoch) * rate)
        model.fit(images(12), batch_size=4, epochs=4, verbose=0, callbacks=[falling, *callbacks])
        return state(model)

    whole = train(0)
    for epoch in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            train(0, BackupAndRestore(tmp_path), AtBatch(epoch, 1, interrupt))
        assert_equal_states(train(99, BackupAndRestore(tmp_path)), whole)


@pytest.mark.parametrize(
    ("callback", "name"),
    [
        (scheduler(1e-3), "LearningRateScheduler"),
        (keras.callbacks.ReduceLROnPlateau("generator_loss", mode="min"), "ReduceLROnPlateau"),
    ],
)
@pytest.mark.parametrize("which", [0, 1])
def test_callbacks_cannot_set_schedules(callback, name, which):
    model, rates = compiled(), [4e-3, 1e-3]
    rates[which] = CosineDecay(1e-3, 10)
    model.compile(*map(keras.optimizers.SGD, rates))
    message = f"callbacks has a {name}, which cannot set the learning rate of {model.optimizer_names[which]}: it is a "
    with pytest.raises(InputError, match=f"{message}schedule, CosineDecay, expected a number"):
        fit(model, callback)
    assert int(model.optimizer.iterations) == 0
    with pytest.raises(InputError, match=f"model.optimizer cannot .* {model.optimizer_names[which]}: it is a schedule"):
        model.optimizer.learning_rate = 1e-3
    single = tiny_vae()
    single.compile(keras.optimizers.SGD(CosineDecay(1e-3, 10)))
    with pytest.raises(InputError, match=f"{name}, which cannot set the learning rate of optimizer: it is a schedule"):
        fit(single, callback)


def test_a_schedule_for_both_networks_at_once_is_refused():
    model = compiled()
    with pytest.raises(InputError, match=r"learning_rate is <.*CosineDecay.*, expected a number; compile takes a "):
        model.optimizer.learning_rate = CosineDecay(1e-3, 10)
    np.testing.assert_allclose(rates_of(model), [4e-3, 1e-3], rtol=1e-6)
