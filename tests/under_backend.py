"""What trains under a backend other than TensorFlow, in a process of its own, which asserts and writes steps.

`python under_backend.py STEPS BACKUP` writes steps to compare to the file STEPS, and goes on from TensorFlow's BACKUP.
"""

import random
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import parity
import pytest
from helpers import (
    LATENT_DIM,
    SHAPE,
    AtBatch,
    assert_equal_states,
    dense_discriminator,
    dense_generator,
    images,
    interrupt,
    moved,
    restless_gan,
    state,
    tiny_dcgan,
    tiny_gan,
    tiny_vae,
    tiny_vq_vae,
    values,
)
from keras import ops

import zoo
from zoo.callbacks import BackupAndRestore, SampleGrid
from zoo.errors import InputError, NonFiniteError
from zoo.objectives.penalties import R1

UNDER_TORCH = keras.backend.backend() == "torch"
#: Name of the file of weights that lies beside TensorFlow's backup.
WEIGHTS = "weights.npz"


class Drawn(keras.callbacks.Callback):
    """Keeps what the average draws at the end of each epoch."""

    def on_train_begin(self, logs=None):
        self.drawn = []

    def on_epoch_end(self, epoch, logs=None):
        self.drawn.append(self.model.generate(4, seed=0))


def callbacks_see_current_weights_and_a_killed_training_ends_bit_equal(folder):
    # A step of PyTorch runs by itself.
    settings = {} if UNDER_TORCH else {"steps_per_execution": 2}

    def fit(seed, *callbacks):
        keras.utils.set_random_seed(seed)
        # A seed that nobody chose is the harder case under PyTorch.
        networks = {"generator": dense_generator(), "discriminator": dense_discriminator(batch_norm=False, seed=None)}
        model = zoo.GAN(SHAPE, LATENT_DIM, **networks, penalties=R1(0.5, 2), ema_momentum=0.5)
        model.compile("adam", "adam", **settings)
        model.fit(images(12), batch_size=4, epochs=3, verbose=0, callbacks=[SampleGrid(folder / "grids"), *callbacks])
        return model

    seen = Drawn()
    whole = fit(0, seen)
    # The average moves from epoch to epoch.
    assert len({drawn.tobytes() for drawn in seen.drawn}) == 3
    np.testing.assert_array_equal(seen.drawn[-1], whole.generate(4, seed=0))
    assert len(list((folder / "grids").iterdir())) == 3
    with pytest.raises(KeyboardInterrupt):
        fit(0, BackupAndRestore(folder / "backup"), AtBatch(1, 2, interrupt))
    assert_equal_states(state(fit(99, BackupAndRestore(folder / "backup"))), state(whole))


def a_killed_fine_tuning_ends_bit_equal(folder):
    model = tiny_vae()
    model.compile()
    model.save_to_preset(folder / "start")

    def fine_tuned(name):
        model = zoo.load(folder / "start")
        model.fine_tune(images(16), steps=2, output=folder / name, samples=4, evaluations=2, batch_size=4, verbose=0)
        return values(model.weights)

    def end_after_backup(callback, epoch, logs=None):
        save(callback, epoch, logs)
        raise KeyboardInterrupt

    whole, save = fine_tuned("whole"), BackupAndRestore.on_epoch_end
    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(BackupAndRestore, "on_epoch_end", end_after_backup)
        fine_tuned("killed")
    for one, other in zip(fine_tuned("killed"), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def half_trained(backup, epochs, *callbacks):
    """Trains a GAN with a backup, and returns it."""
    model = restless_gan()
    model.compile("adam", "adam")
    saving = BackupAndRestore(backup, delete_checkpoint=False)
    model.fit(images(8), batch_size=4, epochs=epochs, verbose=0, callbacks=[saving, *callbacks])
    return model


def write_backup(backup):
    """Writes a backup of the first epoch of two, and its weights beside it."""
    np.savez(backup / WEIGHTS, *values(half_trained(backup, 1).weights))


def a_training_goes_on_under_another_backend(backup):
    with np.load(backup / WEIGHTS) as stored:
        expected = list(stored.values())
    found = []
    seen = AtBatch(1, 0, lambda model: found.extend(values(model.weights)))
    model = half_trained(backup, 2, seen)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert int(ops.convert_to_numpy(model.optimizer.iterations)) == 4 and any(moved(expected, model.weights))


def a_prior_trains_and_evaluates(folder):
    model = tiny_vq_vae()
    model.compile()
    model.fit(images(8), batch_size=4, verbose=0)
    model.build_prior(filters=4, num_blocks=1)
    before = values(model.prior.trainable_variables)
    losses = model.fit_prior(images(8), batch_size=4, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0] and all(moved(before, model.prior.trainable_variables))
    before = values(model.weights)
    assert np.isfinite(model.evaluate(images(4), batch_size=4, verbose=0)).all()
    assert not any(moved(before, model.weights))


def images_are_encoded_and_statistics_measured(folder):
    model = tiny_dcgan()
    model.compile()
    originals = model.generate(3, seed=5)

    def distance(steps):
        drawn = model.generate(latents=model.encode_image(originals, steps=steps, seed=1))
        return np.square(drawn.astype("float32") - originals).mean()

    assert distance(100) < 0.3 * distance(1)
    statistics = [v for v in model.ema_generator.weights if v.path.endswith(("moving_mean", "moving_variance"))]
    before = values(statistics)
    model.update_standing_statistics([images(8)] * 2)
    assert all(moved(before, statistics))


def half_precision_scales_its_losses(folder):
    model = tiny_gan(dtype="mixed_float16")
    model.compile("sgd", "sgd")
    before = values(model.trainable_variables)
    figures = model.train_on_batch(images(4), return_dict=True)
    assert all(np.isfinite(figure) for figure in figures.values())
    assert any(moved(before, model.trainable_variables)) and int(model.generator_optimizer.iterations) == 1
    # A scale that overflows is halved, and the step skipped.
    model.generator_optimizer.dynamic_scale.assign(2.0**127)
    before = values(model.generator.trainable_variables)
    model.train_on_batch(images(4))
    assert not any(moved(before, model.generator.trainable_variables))
    assert float(ops.convert_to_numpy(model.generator_optimizer.dynamic_scale)) == 2.0**126


class Counting(zoo.GenerativeModel):
    """An autoencoder that counts its steps in a variable, which it hides from Keras if told so."""

    def __init__(self, hidden):
        super().__init__(SHAPE, monitored=("loss", "network_gradient_norm"))
        self.network = keras.Sequential([keras.Input(SHAPE), keras.layers.Dense(1)])
        count = keras.Variable(0, dtype="int32", trainable=False)
        # Keras looks for variables in attributes, not in functions.
        self.count = (lambda: count) if hidden else count
        self.built = True

    def train_step(self, data):
        batch = self.prepare(data)
        logs = self.update("network", self.error, batch, self.network.trainable_variables, self.optimizer)
        return self.report(logs, batch)

    def error(self, batch):
        (self.count() if callable(self.count) else self.count).assign_add(1)
        loss = ops.mean(ops.square(self.network(batch["images"]) - batch["images"]))
        return loss, {"loss": loss}


def a_step_changes_every_variable_of_the_model_and_no_other(folder):
    model = Counting(hidden=False)
    model.compile("sgd")
    model.fit(images(8), batch_size=4, verbose=0)
    assert int(ops.convert_to_numpy(model.count)) == 2
    if not UNDER_TORCH:
        with pytest.raises(InputError, match="A step was taken outside of fit, expected train_on_batch"):
            model.train_step({"images": images(4)})
        model = Counting(hidden=True)
        model.compile("sgd")
        with pytest.raises(InputError, match="A step changes a variable of no attribute or layer of the model"):
            model.fit(images(8), batch_size=4, verbose=0)
    else:
        logs = model.train_step({"images": images(4)})
        assert int(ops.convert_to_numpy(model.count)) == 3
        assert not any(log.requires_grad for log in logs.values())
    assert "tensorflow" not in sys.modules


def settings_of_compiled_steps_are_refused_and_left_out_of_presets(folder):
    model = tiny_vae()
    for name, value, expected in (("jit_compile", True, False), ("steps_per_execution", 2, 1)):
        with pytest.raises(InputError, match=f"{name} is {value}, expected {expected} under KERAS_BACKEND='torch'"):
            model.compile(**{name: value})
    model.compile(jit_compile="auto", run_eagerly=True)
    model.compile_from_config({**model.get_compile_config(), "jit_compile": True, "steps_per_execution": 2})
    assert not model.jit_compile and model.steps_per_execution == 1
    assert np.isfinite(model.train_on_batch(images(4))).all()


def a_loss_that_is_not_finite_ends_the_training(folder):
    model = Counting(hidden=False)
    model.compile(keras.optimizers.SGD(float("nan")))
    with pytest.raises(NonFiniteError, match="The network's loss or gradient became NaN or infinite at step 2"):
        model.fit(images(8), batch_size=4, verbose=0)


def a_strategy_of_tensorflow_is_refused(folder):
    import tensorflow as tf

    with tf.distribute.MirroredStrategy(["CPU:0"]).scope(), pytest.raises(InputError, match="scope of a MirroredStr"):
        tiny_gan().compile()


#: What JAX, which shares all of this with PyTorch, compiles for a long time, and what is PyTorch's alone.
ONLY_UNDER_TORCH = (
    (settings_of_compiled_steps_are_refused_and_left_out_of_presets, a_killed_fine_tuning_ends_bit_equal)
    if UNDER_TORCH
    else ()
)

if __name__ == "__main__":
    steps, backup = map(Path, sys.argv[1:])
    for check in (
        # The first one runs before anything imports TensorFlow, as `keras.utils.set_random_seed` does.
        a_step_changes_every_variable_of_the_model_and_no_other,
        a_loss_that_is_not_finite_ends_the_training,
        a_prior_trains_and_evaluates,
        images_are_encoded_and_statistics_measured,
        half_precision_scales_its_losses,
        *ONLY_UNDER_TORCH,
        callbacks_see_current_weights_and_a_killed_training_ends_bit_equal,
        a_strategy_of_tensorflow_is_refused,
    ):
        # Keras draws its seeds by it.
        random.seed(0)
        with tempfile.TemporaryDirectory() as temporary:
            check(Path(temporary))
    if UNDER_TORCH:
        a_training_goes_on_under_another_backend(backup)
    # JAX compiles these for every shape, only for other weights to take the place of what they draw.
    for initializer in ("Orthogonal", "RandomNormal", "VarianceScaling"):
        getattr(keras.initializers, initializer).__call__ = keras.initializers.Zeros.__call__
    parity.inject_noise(setattr)
    np.savez(steps, **parity.all_trained())
