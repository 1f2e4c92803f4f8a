"""`fine_tune`: what it sees in the data, what it chooses, what it keeps, and that a killed run ends bit-equal."""

import itertools
import json
import re
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from contract.families import FAMILIES
from helpers import (
    KILLED_COMMANDS,
    SHAPE,
    TINY_GANS,
    images,
    png_folder,
    run_script,
    tiny_cycle_gan,
    tiny_dcgan,
    tiny_gan,
    tiny_vae,
)

import zoo
from zoo import data
from zoo.callbacks import KeepBest
from zoo.cli import main
from zoo.errors import DataError, InputError
from zoo.training import fine_tuning
from zoo.training.choices import choose
from zoo.training.descriptions import concerns, describe, summary
from zoo.training.places import check_free, check_same
from zoo.training.polarity import exchange_black_and_white

SMALL = {"samples": 4, "evaluations": 2, "batch_size": 4, "verbose": 0}


def blots(number, ground=255, shape=(16, 16, 1)):
    """Images of a spot in the upper left corner, each of another size, on a ground."""
    found = np.full((number, *shape), ground, "uint8")
    for index, image in enumerate(found):
        image[1 : 3 + index % 9, 1 : 3 + index // 9] = 255 - ground
    return found


# === What it sees ===


def test_a_description_counts_what_the_choices_depend_on(tmp_path):
    dark_on_light = blots(30)
    found = describe(dark_on_light, data.ImageSet(dark_on_light), 255 - dark_on_light)
    assert (found.number, found.distinct, found.light, found.light_drawn, found.sides) == (30, 30, 1.0, 0.0, None)
    assert found.sided == 1.0 and found.distance > 0.1 and found.classes is None
    both_sides = np.concatenate([dark_on_light, dark_on_light[:, :, ::-1]])
    assert describe(None, data.ImageSet(both_sides)).sided < 0.2
    floats = describe(None, data.ImageSet((dark_on_light / 127.5 - 1).astype("float32")))
    assert floats.digest == found.digest != describe(None, data.ImageSet(both_sides)).digest


def test_a_description_of_a_folder_knows_its_files(tmp_path):
    folder = png_folder(tmp_path / "mixed", images(3, (10, 9, 3)))
    png_folder(tmp_path / "mixed" / "more", images(3, (20, 30, 1), seed=1))
    image_set = data.ImageSet(images(6, (16, 16, 1)), np.array([0, 0, 0, 0, 0, 1], "int32"), ("a", "b"))
    found = describe(str(folder), image_set)
    assert found.sides == ((9, 10), (30, 20)) and found.coloured == 0.5 and found.classes == {"a": 5, "b": 1}
    assert summary(found)["Images"] == "6, 50% with colours, from files of 9x10 to 30x20 pixels"
    told = " ".join(concerns(found, (16, 16, 1)))
    assert "6 different images, which are few" in told and "the model draws grey" in told
    assert "the model draws grey" not in " ".join(concerns(found, (16, 16, 3)))


# === What it chooses ===


@pytest.fixture(scope="module")
def gan():
    model = tiny_gan()
    model.compile()
    return model


def test_choices_are_overridden_by_name(gan):
    found = describe(None, data.ImageSet(images(20)), images(20, seed=1))
    choices, told = choose(gan, found, 100, {})
    assert choices.batch_size == 20 and choices.warmup_steps == 20 and len(choices.learning_rate) == 2
    layer = f"generator/{gan.generator.layers[-1].name}"
    asked = {"batch_size": 5, "learning_rate": (1e-3, 2e-3), "frozen_layers": layer}
    changed, told_again = choose(gan, found, 100, asked)
    assert (changed.batch_size, changed.learning_rate) == (5, (1e-3, 2e-3))
    assert changed.frozen_layers == (layer,)
    assert told_again["Batch size"] == "5 (as you ask)" and told.keys() == told_again.keys()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rate": 1}, "fine_tune has no choice 'rate', expected some of batch_size, learning_rate, "),
        ({"batch_size": 0}, "batch_size is 0, expected an integer of at least 1"),
        ({"batch_size": 21}, "20 images, fewer than one batch of 21"),
        ({"learning_rate": 1e-3}, "learning_rate is 0.001, expected numbers above 0 for generator and discriminator"),
        ({"learning_rate": (1e-3, 0)}, "expected numbers above 0"),
        ({"discriminator_share": 2}, "discriminator_share is 2, expected a number from 0 to 1"),
        ({"augmentation": "blur"}, "augmentation is 'blur'"),
        ({"mirrored": 1}, "mirrored is 1, expected True or False"),
        ({"frozen_layers": ("generator/nothing",)}, "frozen_layers has 'generator/nothing', expected a network and"),
        ({"frozen_layers": ("nothing",)}, "frozen_layers has 'nothing', expected a network and its layer"),
        ({"samples": 1}, "samples is 1, expected an integer of at least 2"),
    ],
)
def test_choices_out_of_range_are_refused(gan, given, says):
    found = describe(None, data.ImageSet(images(20)))
    with pytest.raises((InputError, DataError), match=says):
        choose(gan, found, 100, given)


def test_few_images_are_augmented_where_a_model_draws_them(gan):
    def chosen(number, drawn):
        return choose(gan, describe(None, data.ImageSet(images(number)), drawn), 100, {})[0].augmentation

    assert chosen(200, images(8, seed=1)) == "diff_augment"
    assert chosen(201, images(8, seed=1)) is None and chosen(200, None) is None


def test_mirror_images_need_motifs_that_clearly_have_no_side(gan):
    def mirrors(pixels):
        return choose(gan, describe(None, data.ImageSet(pixels)), 100, {})[0].mirrored

    both_sides = np.concatenate([blots(40), blots(40)[:, :, ::-1]])
    assert mirrors(both_sides) and not mirrors(blots(40)) and not mirrors(images(20))


def test_a_schedule_counts_with_its_highest_rate():
    model, found, highest = tiny_vae(), describe(None, data.ImageSet(images(20))), []
    for rate in (3e-3, keras.optimizers.schedules.CosineDecay(0.0, 300, warmup_target=3e-3, warmup_steps=100)):
        model.compile(keras.optimizers.Adam(rate))
        highest.append(choose(model, found, 100, {})[0].learning_rate)
    assert highest[0] == pytest.approx(6e-3) == pytest.approx(highest[1])


def test_black_and_white_are_exchanged_where_grounds_differ_and_no_penalty_helps(gan):
    dark_on_light, light_on_dark = blots(20), blots(20, ground=0)

    def exchanges(model, drawn):
        return choose(model, describe(None, data.ImageSet(dark_on_light), drawn), 100, {})[0].exchanged

    assert exchanges(gan, light_on_dark) and not exchanges(gan, dark_on_light) and not exchanges(gan, None)
    penalized = tiny_gan(penalties="r1")
    penalized.compile()
    assert not exchanges(penalized, light_on_dark)


@pytest.mark.parametrize(
    "build", [tiny_gan, tiny_dcgan, tiny_vae, *map(TINY_GANS.get, ("conditional_gan", "projection_gan"))]
)
def test_black_and_white_are_exchanged_in_both_networks(build):
    model = build()
    held = data.ImageSet(images(8), np.arange(8, dtype="int32") % 3 if model.classes else None)

    def draw(model):
        return model.generate(8, seed=0, **({"labels": held.labels} if model.classes else {}))

    def read(pixels):
        if hasattr(model, "encode"):
            return model.encode(pixels)[0]
        batch = {"labels": held.labels} if model.classes else {}
        return model.judge(pixels / np.float32(127.5) - 1, batch, training=False)

    before, seen = draw(model), np.array(read(held.images))
    assert exchange_black_and_white(model, draw, held)
    np.testing.assert_allclose(draw(model), 255.0 - before, atol=1)
    np.testing.assert_allclose(read(255 - held.images), seen, rtol=1e-3, atol=1e-5)
    assert exchange_black_and_white(model, draw, held)
    np.testing.assert_allclose(draw(model), before, atol=1)


# === What it keeps ===


@pytest.mark.slow
def test_the_best_weights_are_kept_and_a_training_without_gain_ends(tmp_path):
    model = tiny_vae()
    model.compile(run_eagerly=True)
    figures = {"figure": iter([5.0, 3.0, 4.0, 6.0, 1.0])}

    class Told(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["figure"] = next(figures["figure"])
            kept.append(np.array(self.model.encoder.weights[0]))

    kept, keeper = [], KeepBest(tmp_path, "figure", patience=2)
    keeper.begin(model, 4.5)
    model.fit(images(8), batch_size=8, epochs=9, verbose=0, callbacks=[Told(), keeper])
    assert keeper.figures == [4.5, 5.0, 3.0, 4.0, 6.0] and (keeper.best_epoch, keeper.last_epoch) == (2, 4)
    keeper.restore(model)
    np.testing.assert_array_equal(model.encoder.weights[0], kept[1])
    again = KeepBest(tmp_path, "figure", patience=2)
    assert again.figures == keeper.figures and again.last_epoch == 4


# One family of each kind of data, of figure and of phases: the others have other networks and losses.
KINDS = (
    "GAN",
    "ConditionalGAN",
    "ProjectedGAN",
    "TextToImageGAN",
    "Pix2Pix",
    "CycleGAN",
    "SRResNet",
    "SRGAN",
    "VAE",
    "VQVAE",
    "PixelCNN",
    "RectifiedFlow",
    "LatentFlow",
)


def weights_of_preset(model):
    """The weights that a preset keeps: those of an average, without those of the network that it follows."""
    parts = [model.encoder, model.decoder, model.prior] if isinstance(model, zoo.LatentFlow) else [model]
    averages = ("ema_generator", "ema_field")
    kept = [next((getattr(part, name) for name in averages if hasattr(part, name)), part) for part in parts]
    return [weight for part in kept for weight in part.weights]


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_family_is_fine_tuned_and_becomes_a_preset(name, tmp_path):
    family = FAMILIES[name]
    model = family.build(name)
    model.compile()
    rates = [float(getattr(model, each).learning_rate) for each in model.optimizer_names]
    # So few steps do not repay tracing, but for images pixel by pixel.
    tf.config.run_functions_eagerly(model.noise_distribution == "normal")
    try:
        with pytest.warns(UserWarning, match="which are few"):
            result = model.fine_tune(family.data(24), steps=2, output=tmp_path / "preset", held_back=6, **SMALL)
    finally:
        tf.config.run_functions_eagerly(False)
    [*_, figures] = result.figures.values()
    assert list(figures) == [0, 1, 2] and np.isfinite(list(figures.values())).all()
    assert result.choices.batch_size == 4 and result.description.number == 18
    assert [float(getattr(model, each).learning_rate) for each in model.optimizer_names] == rates
    loaded = zoo.load(tmp_path / "preset")
    for stored, kept in zip(weights_of_preset(loaded), weights_of_preset(model), strict=True):
        np.testing.assert_array_equal(stored, kept)
    kept = [path.name for path in (tmp_path / "preset" / "training").rglob("*") if path.is_file()]
    assert {"settings.json", "history.csv", "figures.json", "epoch_0001.png"} <= set(kept)
    assert not {"state.weights.h5", "best.weights.h5"} & set(kept)
    card = (tmp_path / "preset" / "README.md").read_text()
    assert "- Held back: 6 images\n" in card and "- Batch size: 4 (as you ask)\n" in card and "at the start" in card


@pytest.mark.slow
def test_without_an_output_the_best_weights_stay_in_the_model(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    model = tiny_vae()
    model.compile(run_eagerly=True)
    encoder = model.encoder
    frozen = encoder.layers[-1].name
    before = np.array(encoder.get_layer(frozen).weights[0])
    given = {**SMALL, "verbose": 2, "frozen_layers": (f"encoder/{frozen}",)}
    result = model.fine_tune(images(40), steps=4, validation_data=images(8, seed=1), **given)
    assert result.description.number == 40 and list(tmp_path.iterdir()) == []
    np.testing.assert_array_equal(encoder.get_layer(frozen).weights[0], before)
    assert encoder.get_layer(frozen).trainable
    model.fit(images(8), epochs=1, batch_size=8, verbose=0)
    assert (np.array(encoder.get_layer(frozen).weights[0]) != before).any()
    lines = capsys.readouterr().out
    assert "Batch size: 4 (as you ask)\n" in lines and "Frozen layers: encoder/" in lines
    best = min(result.figures["val_loss"].values())
    assert f"{best:.4g} at step " in lines


def test_what_came_of_a_training_is_told():
    assert fine_tuning._outcome({0: 2.0, 10: 1.5, 20: 1.75}, 20) == (
        "2 at the start, 1.5 at step 10, whose weights were kept"
    )
    assert fine_tuning._outcome({0: 1.0, 10: 1.5, 20: 1.25}, 30) == (
        "1 at the start, 1.25 at best later, so that the weights of the start were kept; more steps may help; ended "
        "after step 20, since nothing more was gained"
    )


@pytest.mark.slow
def test_weights_that_no_step_improves_on_stay_as_they_are(monkeypatch):
    model = tiny_dcgan()
    model.compile(run_eagerly=True)
    before = [np.array(weight) for weight in model.ema_generator.weights]
    judged = itertools.count()
    monkeypatch.setattr(fine_tuning, "_figure", lambda _: float(next(judged)))
    with pytest.warns(UserWarning, match="which are few"):
        result = model.fine_tune(images(40), steps=2, exchanged=False, **SMALL)
    assert list(result.figures["kernel_distance"].values()) == [0.0, 1.0, 2.0]
    for weight, same in zip(model.ema_generator.weights, before, strict=True):
        np.testing.assert_array_equal(weight, same)


@pytest.mark.slow
def test_classes_that_a_model_does_not_take_are_told(folder, capsys):
    model = zoo.load("gan/")
    model.compile(run_eagerly=True)
    with pytest.warns(UserWarning, match="which are few"):
        model.fine_tune("my_images", steps=1, **{**SMALL, "verbose": 2})
    assert (
        "Classes: cat, dog, which the model does not tell apart; zoo.load(..., num_classes=2, class_names=['cat', "
        "'dog']) makes a model that does\n"
    ) in capsys.readouterr().out


@pytest.mark.slow
def test_a_discriminator_is_shrunk_augmented_and_compiled_as_before(monkeypatch):
    model = tiny_gan()
    model.compile(run_eagerly=True)
    shares = []
    monkeypatch.setattr(type(model), "shrink_and_perturb", lambda model, share: shares.append(share))
    model.fine_tune(images(20), 1, discriminator_share=0.25, augmentation="diff_augment", **SMALL)
    assert shares == [0.25] and type(model.augmentation).__name__ == "DiffAugment"
    assert model.run_eagerly and int(model.generator_optimizer.iterations) == 0


@pytest.mark.slow
def test_unpaired_sets_of_different_sizes_are_held_back_apart():
    model = tiny_cycle_gan()
    model.compile(run_eagerly=True)
    result = model.fine_tune((images(30, seed=1), images(12)), 1, held_back=4, **SMALL)
    assert result.description.number == 8 and list(result.figures) == ["kernel_distance"]


# === What is refused ===


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (images(2), "data has 2 images, expected at least 8 different ones"),
        (np.repeat(images(1), 20, 0), "data has 20 images, 1 of them different, expected at least 8"),
        (tf.data.Dataset.from_tensor_slices(images(8)).batch(4), "whose batches are made, expected a folder, arrays"),
        (images(20, (9, 9, 1)), r"shape \(20, 9, 9, 1\)"),
    ],
)
def test_useless_data_is_refused_in_one_sentence(gan, source, says):
    with pytest.raises((DataError, InputError), match=says):
        gan.fine_tune(source, verbose=0)


def test_a_run_with_other_settings_is_not_continued(tmp_path):
    (tmp_path / "training").mkdir()
    (tmp_path / "training" / "settings.json").write_text(json.dumps({"steps": 6, "seed": 0}))
    check_free(tmp_path, "output")
    check_same(tmp_path, "output", {"steps": 6, "seed": 0})
    with pytest.raises(InputError, match="which holds an unfinished training with steps=6, but steps is 3; repeat the"):
        check_same(tmp_path, "output", {"steps": 3, "seed": 0})


def test_places_are_refused_before_the_data_is_read(gan, tmp_path):
    (tmp_path / "notes.txt").write_text("of somebody else")
    with pytest.raises(InputError, match=r"output is .*, which holds other files, expected a new or an empty folder"):
        gan.fine_tune("nowhere/", output=tmp_path)


# === The command ===


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with three presets and pictures of two classes."""
    monkeypatch.chdir(tmp_path)
    tiny_dcgan().save_to_preset("gan")
    tiny_gan(hidden_units=(4,)).save_to_preset("dense")
    TINY_GANS["projection_gan"]().save_to_preset("of_classes")
    for index, name in enumerate(("cat", "dog")):
        png_folder(tmp_path / "my_images" / name, images(12, SHAPE, seed=index))
    return tmp_path


def command(*arguments):
    small = [f"--choice={name}={value}" for name, value in SMALL.items() if name != "verbose"]
    return CliRunner().invoke(main, ["fine-tune", *arguments, "--steps", "2", *small])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody", "my_images", "-o", "x"], "There is no preset 'nobody'"),
        (["classifier_mnist_28", "my_images", "-o", "x"], "expected a preset that generates images"),
        (["gan/", "nowhere/", "-o", "x"], "There is no image folder 'nowhere/'"),
        (["gan/", "my_images"], "Missing option '-o'"),
        (["gan/", "my_images", "-o", "my_images"], "-o is 'my_images', which holds other files"),
        (
            ["gan/", "my_images", "-o", "gan"],
            "-o is 'gan', which already holds a preset; choose another folder, or train that preset further by "
            "`zoo fine-tune gan DATA -o FOLDER`.",
        ),
        (
            ["gan/", "my_images", "-o", "x", "--choice", "samples=8", "--choice", "samples=9"],
            "--choice samples is given twice, expected it once.",
        ),
        (["gan/", "my_images", "-o", "vae_mnist_28"], "which is the name of an official preset"),
        (["gan/", "my_images", "-o", "x", "--choice", "rate"], "--choice is 'rate', expected name=value"),
        (
            ["gan/", "my_images", "-o", "x", "--choice", "rate=2"],
            "--choice names 'rate', expected some of held_back",
        ),
        (["gan/", "my_images", "-o", "x", "--channels", "2"], "--channels is 2, expected 1 or 3"),
    ],
)
def test_mistakes_are_told_in_one_sentence(arguments, says, folder):
    result = command(*arguments)
    assert result.exit_code == 1
    [error] = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert says in error
    assert not (folder / "x").exists()


@pytest.mark.slow
def test_a_killed_run_is_continued_by_the_same_command_bit_for_bit(folder):
    choices = {**SMALL, "evaluations": 3}
    small = [f"--choice={name}={value}" for name, value in choices.items() if name != "verbose"]
    same = ["fine-tune", "dense/", "my_images", *small, "--steps", "6", "-o"]
    runs = [([*same, "killed"], 1), ([*same, "killed"], None), ([*same, "whole"], None)]
    result = run_script(KILLED_COMMANDS, json.dumps(runs))
    # A progress bar that was killed does not end its line.
    ends = [int(status) for status in re.findall(r"exit (-?\d+)", result.stdout)]
    assert ends == [-signal.SIGKILL, 0, 0], result.stderr
    names = ["model.weights.h5", "samples.png", "nearest.png"]
    for name in [*names, *(f"training/{name}" for name in ("history.csv", "figures.json", "samples/epoch_0003.png"))]:
        assert (folder / "killed" / name).read_bytes() == (folder / "whole" / name).read_bytes(), name


@pytest.mark.slow
def test_the_command_learns_the_classes_of_the_folder(folder):
    tf.config.run_functions_eagerly(True)
    try:
        result = command(
            "of_classes/", "my_images", "-o", "mine", "--choice", "held_back=4", "--choice", "mirrored=true"
        )
    finally:
        tf.config.run_functions_eagerly(False)
    assert result.exit_code == 0, result.output
    assert zoo.load("mine").class_names == ("cat", "dog")
    assert "Classes: cat (10), dog (10)" in result.output and "Mirrored: yes (as you ask)" in result.output
