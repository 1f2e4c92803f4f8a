"""`generate`: what it draws, that it leaves training alone, and pictures on the way; for every class, see contract/."""

import math
import os
import select
import signal
import tracemalloc

import keras
import numpy as np
import pytest
from helpers import (
    LATENT_DIM,
    SHAPE,
    assert_equal_states,
    images,
    restless_gan,
    state,
    tiny_gan,
    tiny_pix2pix,
    tiny_pixel_cnn,
    tiny_vae,
    tiny_vq_vae,
    values,
)
from PIL import Image

import zoo
from zoo import latents
from zoo.callbacks import BackupAndRestore, SampleGrid, SampleMetric
from zoo.errors import DataError, InputError
from zoo.images import grid, write_png


class NumberOfRows(keras.layers.Layer):
    """Adds a trace of how many images are drawn together."""

    def call(self, x):
        return x + 0.01 * keras.ops.cast(keras.ops.shape(x)[0], x.dtype)


@pytest.mark.slow
def test_networks_always_see_as_many_rows():
    # Batches of another size would round differently and tell `generate(64)[:16]` from `generate(16)`.
    generator = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(64), NumberOfRows(), keras.layers.Reshape(SHAPE)]
    )
    model = tiny_gan(generator=generator)
    drawn = model.generate(70, seed=0)
    for fewer in (1, 64, 65):
        np.testing.assert_array_equal(model.generate(fewer, seed=0), drawn[:fewer])


@pytest.mark.slow
def test_colour_and_oblong_images():
    assert zoo.GAN((4, 6, 3), 2, hidden_units=(3,)).generate(5).shape == (5, 4, 6, 3)


@pytest.mark.parametrize("build", [tiny_gan, tiny_vae])
def test_images_are_the_networks_outputs(build):
    model = build()
    given = latents.sample(6, (LATENT_DIM,), seed=4)
    if hasattr(model, "decoder"):
        expected = 255 / (1 + np.exp(-model.decoder(given).numpy()))
    else:
        expected = (model.ema_generator(given, training=False).numpy() + 1) * 127.5
    assert np.abs(model.generate(6, seed=4) - np.clip(expected, 0, 255)).max() <= 0.501


# === Training is left alone ===


class Draw(keras.callbacks.Callback):
    """Generates in the middle of training."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.generate(3)
        self.model.generate(70, seed=epoch)

    def on_train_batch_end(self, batch, logs=None):
        self.model.generate(2, seed=batch)


@pytest.mark.slow
@pytest.mark.parametrize("build", [restless_gan, tiny_vae])
def test_training_ends_bit_equal_with_and_without_generating(build):
    ends = []
    for callbacks in ([], [Draw()]):
        keras.utils.set_random_seed(1)
        model = build()
        model.compile(run_eagerly=True)
        model.fit(images(12), batch_size=4, epochs=2, verbose=0, callbacks=callbacks)
        ends.append(state(model))
    assert_equal_states(*ends)


# === Errors ===


def test_a_bad_temperature_is_refused():
    with pytest.raises(InputError, match="temperature is 'hot', expected a number"):
        tiny_vae().generate(temperature="hot")
    with pytest.raises(InputError, match="temperature is 1e-40, expected a number of at least 1e-06"):
        tiny_pixel_cnn().generate(temperature=1e-40)


# === Processes ===


def reported_by_a_fork(work, limit=30):
    """What `work` returns in a forked process, which is killed where it takes longer than so many seconds."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        try:
            os.write(writing, work().encode())
        finally:
            os._exit(0)
    os.close(writing)
    try:
        with open(reading) as pipe:
            return pipe.read() if select.select([pipe], [], [], limit)[0] else "nothing"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("door", ["generate", "fit", "evaluate", "encode", "decode", "predict", "load", "new"])
def test_a_forked_process_is_refused_rather_than_hung(door, tmp_path):
    model = tiny_vae()
    model.compile()
    preset, given = zoo.list_presets()[0], images(4)
    doors = {
        "generate": lambda: model.generate(1),
        "decode": lambda: model.decode(np.zeros((1, LATENT_DIM))),
        "load": lambda: zoo.load(preset),
        "new": tiny_gan,
    }

    def work():
        try:
            doors.get(door, lambda: getattr(model, door)(given))()
        except InputError as error:
            return str(error)
        return "served"

    assert "start it by multiprocessing.get_context('spawn')" in reported_by_a_fork(work)


# === Memory ===


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.slow
def test_ten_thousand_images_take_little_more_than_themselves():
    shape = (24, 24, 3)
    model = zoo.GAN(shape, 4, hidden_units=(8,))
    model.generate(64)
    size, before = 10_000 * np.prod(shape), resident()
    tracemalloc.start()
    drawn = model.generate(10_000, seed=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert drawn.nbytes == size
    # As floats they would take four times as much.
    assert peak < 1.5 * size
    assert resident() - before < 2.5 * size


# === A grid after every epoch ===


@pytest.mark.parametrize(
    ("arguments", "says"), [({"num_samples": 0}, "num_samples is 0"), ({"seed": "a"}, "seed is 'a'")]
)
def test_grids_that_cannot_be_drawn_are_refused_at_once(arguments, says, tmp_path):
    with pytest.raises(InputError, match=says):
        SampleGrid(tmp_path, **arguments)


def test_more_channels_than_a_picture_has_are_refused_before_the_first_epoch(tmp_path):
    shape = (8, 8, 5)
    model = zoo.GAN(shape, 4, hidden_units=(4,))
    model.compile()
    with pytest.raises(InputError, match="images have 5 channels, expected 1 to 4, as a PNG file can hold"):
        model.fit(images(4, shape), batch_size=4, callbacks=[SampleGrid(tmp_path / "grids")], verbose=0)
    with pytest.raises(InputError, match="images have 5 channels"):
        write_png(tmp_path / "a.png", model.generate(1)[0])
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("every", [0, "2", 1.5])
def test_figures_come_every_so_many_epochs(every):
    with pytest.raises(InputError, match=f"every is {every!r}, expected an integer of at least 1"):
        SampleMetric("a", float, every=every)
    with pytest.raises(InputError, match="function is 'abc', expected a function of the model"):
        SampleMetric("a", "abc")


@pytest.mark.slow
def test_every_epoch_draws_the_same_seed_and_the_first_and_every_third_have_figures(tmp_path):
    model = tiny_gan()
    # A generator that stands still draws the same again.
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    watching = [SampleGrid(tmp_path, num_samples=4, seed=3), SampleMetric("figure", lambda _: 2.5, every=3)]
    # A kill in the middle of writing leaves such a file.
    (tmp_path / ".epoch_0003-killed.png").write_bytes(b"half of one")
    history = model.fit(images(4), batch_size=4, epochs=4, callbacks=watching, verbose=0).history
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"epoch_000{epoch}.png" for epoch in (1, 2, 3, 4)]
    np.testing.assert_array_equal(history["figure"], [2.5, math.nan, 2.5, math.nan])
    drawn = [np.asarray(Image.open(tmp_path / f"epoch_000{epoch}.png")) for epoch in (1, 2)]
    np.testing.assert_array_equal(*drawn)
    last = grid(model.generate(4, seed=3))[..., 0].repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(drawn[1], last)
    assert (model.generate(4, seed=0) != model.generate(4, seed=3)).any()


@pytest.mark.slow
def test_callbacks_of_keras_keep_the_best_by_a_figure_that_is_not_taken_every_epoch(tmp_path):
    figures = iter([5.0, 2.0, 3.0, 4.0])
    model, path = tiny_gan(), tmp_path / "best.weights.h5"
    model.compile()
    stop = keras.callbacks.EarlyStopping("figure", mode="min", patience=4, restore_best_weights=True)
    best = {"monitor": "figure", "mode": "min", "save_best_only": True, "save_weights_only": True}
    watching = [SampleMetric("figure", lambda _: next(figures), 2), stop, keras.callbacks.ModelCheckpoint(path, **best)]
    history = model.fit(images(4), batch_size=4, epochs=9, callbacks=watching, verbose=0).history
    np.testing.assert_array_equal(history["figure"], [5.0, 2.0, math.nan, 3.0, math.nan, 4.0])
    assert stop.best_epoch == 1
    restored = values(model.weights)
    model.load_weights(path)
    for one, other in zip(values(model.weights), restored, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_grids_without_a_place_or_a_source_are_refused_before_the_first_epoch(tmp_path):
    (tmp_path / "file").write_text("")
    model = tiny_gan()
    model.compile()
    with pytest.raises(DataError, match=r"folder is .*file', where no folder can be made: File exists"):
        model.fit(images(4), batch_size=4, callbacks=[SampleGrid(tmp_path / "file")], verbose=0)
    with pytest.raises(DataError, match=r"backup_dir is .*file/a', where no folder can be made: Not a directory"):
        model.fit(images(4), batch_size=4, callbacks=[BackupAndRestore(tmp_path / "file" / "a")], verbose=0)
    # Neither draws from a number alone: one draws nothing without source images, the other nothing without a prior.
    for model, given in ((tiny_pix2pix(), (images(4), images(4))), (tiny_vq_vae(), images(4))):
        model.compile()
        expected = f"draw is None, expected a function that returns images, since this {type(model).__name__} cannot"
        with pytest.raises(InputError, match=expected):
            model.fit(given, batch_size=4, callbacks=[SampleGrid(tmp_path)], verbose=0)
    assert not list(tmp_path.glob("*.png"))
