"""`generate`: its one contract for every class, and that it leaves training alone."""

import math
import os
import select
import signal
import time
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
    tiny_dcgan,
    tiny_gan,
    tiny_pix2pix,
    tiny_pixel_cnn,
    tiny_progressive_gan,
    tiny_style_gan,
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

MODELS = {
    "gan": tiny_gan,
    "dcgan": tiny_dcgan,
    "progressive_gan": tiny_progressive_gan,
    "style_gan": tiny_style_gan,
    "vae": tiny_vae,
}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    keras.utils.set_random_seed(0)
    return MODELS[request.param]()


def test_images_are_uint8_nhwc(model):
    drawn = model.generate(3, seed=0)
    assert isinstance(drawn, np.ndarray)
    assert drawn.dtype == np.uint8 and drawn.shape == (3, *SHAPE)
    assert len(np.unique(drawn)) > 10
    assert model.generate(seed=0).shape == (1, *SHAPE)
    assert model.generate(np.int64(2), seed=np.int64(0)).shape == (2, *SHAPE)


def test_colour_and_oblong_images():
    assert zoo.GAN((4, 6, 3), 2, hidden_units=(3,)).generate(5).shape == (5, 4, 6, 3)


def test_an_image_depends_on_the_seed_and_its_index_alone(model):
    # 150 spans three batches, the last of them partly filled.
    drawn = model.generate(150, seed=7)
    for fewer in (1, 16, 64, 65):
        np.testing.assert_array_equal(model.generate(fewer, seed=7), drawn[:fewer])
    assert len({image.tobytes() for image in drawn}) == 150


def test_networks_always_see_as_many_latents(model, monkeypatch):
    # Batches of another size would round differently and tell `generate(64)[:16]` from `generate(16)`.
    original, sizes = model.sample, []
    monkeypatch.setattr(model, "sample", lambda rows: (sizes.append(len(rows)), original(rows))[1])
    model.generate(1)
    model.generate(70)
    assert sizes == [64, 64, 64]


def test_seeds_repeat_and_differ(model):
    one = model.generate(4, seed=1)
    np.testing.assert_array_equal(model.generate(4, seed=1), one)
    assert (model.generate(4, seed=2) != one).any()
    assert (model.generate(4, seed=2**63 - 1) != one).any()


def test_without_a_seed_images_differ_even_under_a_global_seed(model):
    drawn = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        drawn.append(model.generate(4))
    assert (drawn[0] != drawn[1]).any()


def test_latents_are_decoded_as_given(model):
    given = latents.sample(70, (LATENT_DIM,), seed=3)
    drawn = model.generate(70, seed=3)
    np.testing.assert_array_equal(model.generate(latents=given), drawn)
    np.testing.assert_array_equal(model.generate(70, latents=given.tolist(), seed=9), drawn)
    np.testing.assert_array_equal(model.generate(latents=given[5:6]), drawn[5:6])


def test_images_are_the_networks_outputs(model):
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
@pytest.mark.parametrize("build", [restless_gan, tiny_vae, tiny_style_gan])
def test_training_ends_bit_equal_with_and_without_generating(build):
    ends = []
    for callbacks in ([], [Draw()]):
        keras.utils.set_random_seed(1)
        model = build()
        # Which takes longest to trace.
        model.compile(run_eagerly=build is tiny_style_gan)
        model.fit(images(12), batch_size=4, epochs=2, verbose=0, callbacks=callbacks)
        ends.append(state(model))
    assert_equal_states(*ends)


def test_generating_moves_no_random_state(model):
    before, numpy_before = values(model.variables), np.random.get_state()
    model.generate(3)
    model.generate(3, seed=0)
    np.testing.assert_equal(values(model.variables), before)
    np.testing.assert_equal(np.random.get_state(), numpy_before)


# === Errors ===


@pytest.mark.parametrize("argument", ["labels", "prompts", "source_images", "mask", "truncation"])
def test_arguments_of_other_classes_are_refused_by_name(model, argument):
    if model.takes(argument):
        pytest.skip(f"{type(model).__name__} understands it")
    takes = ", ".join(("num_samples", *(condition.name for condition in model.conditions), "seed"))
    message = rf"^{type(model).__name__}\.generate does not understand {argument}; it takes {takes}\.$"
    with pytest.raises(InputError, match=message):
        model.generate(1, **{argument: np.zeros(1)})


def test_each_class_says_what_it_takes():
    for build, names in (
        (tiny_gan, ["latents"]),
        (tiny_vae, ["latents", "temperature"]),
        (tiny_style_gan, ["latents", "truncation"]),
    ):
        assert [condition.name for condition in build().conditions] == names
    with pytest.raises(InputError, match="does not understand temperature"):
        tiny_gan().generate(1, temperature=0.0)


@pytest.mark.parametrize("num_samples", [0, -1, 1.5, True, "3", np.nan])
def test_impossible_numbers_are_refused(model, num_samples):
    with pytest.raises(InputError, match=r"num_samples is .*, expected an integer of at least 1\."):
        model.generate(num_samples)


def test_too_many_images_are_refused_at_once(model):
    begun = time.monotonic()
    with pytest.raises(InputError, match=r"num_samples is 1000000000000, whose images take \d+ GiB; at most 67108864 "):
        model.generate(10**12)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((2, LATENT_DIM + 1)), rf"latents has shape \(2, 5\), expected \(n, {LATENT_DIM}\)"),
        (np.zeros(LATENT_DIM), r"latents has shape \(4,\), expected"),
        (np.zeros((0, LATENT_DIM)), r"latents has shape \(0, 4\), expected"),
        (np.full((1, LATENT_DIM), np.nan), "latents holds NaN or infinite values"),
        (np.full((1, LATENT_DIM), np.inf), "latents holds NaN or infinite values"),
        ("latents", "latents"),
        ([[1, 2], [3]], "latents"),
    ],
)
def test_bad_latents_are_refused(model, given, message):
    with pytest.raises(InputError, match=message):
        model.generate(latents=given)


def test_as_many_latents_as_samples_are_expected(model):
    with pytest.raises(InputError, match=r"latents has 2 rows, expected num_samples=3"):
        model.generate(3, latents=np.zeros((2, LATENT_DIM)))


@pytest.mark.parametrize("seed", [-1, 2**63, 1.0, True, "0"])
def test_bad_seeds_are_refused(model, seed):
    with pytest.raises(InputError, match=r"seed is .*, expected an integer from 0 to 2\*\*63 - 1"):
        model.generate(1, seed=seed)


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
