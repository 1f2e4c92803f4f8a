"""Presets: the same model after a round trip, what overrides keep, and damage that is named before Keras sees it."""

import errno
import json
import os
import re
import shutil
import warnings
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from helpers import (
    LATENT_DIM,
    SHAPE,
    dense_discriminator,
    dense_generator,
    flip_a_bit,
    images,
    load_warning,
    restless_gan,
    run_script,
    tiny_dcgan,
    tiny_gan,
    tiny_style_gan,
    tiny_vae,
    tiny_vq_vae,
    values,
)

import zoo
from zoo import presets
from zoo.errors import InputError, PresetError, StorageError
from zoo.files import replacing_directory, sha256
from zoo.objectives.adversarial import Minimax
from zoo.presets import catalogue as shipped_catalogue
from zoo.presets import locating, saving
from zoo.presets.card import model_card
from zoo.random_state import random_states

MODELS = {
    "gan": tiny_gan,
    "dcgan": tiny_dcgan,
    "vae": tiny_vae,
    "custom": restless_gan,
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """For each model, what it drew and the preset that it was saved as."""
    folder, found = tmp_path_factory.mktemp("presets"), {}
    for name, build in MODELS.items():
        keras.utils.set_random_seed(0)
        model = build()
        model.compile()
        # A step, so that the average, the optimizers and the moving statistics are not where they began.
        model.train_step(images(8))
        model.save_to_preset(folder / name)
        found[name] = (model, model.generate(5, seed=0), folder / name)
    return found


@pytest.fixture
def preset(stored, tmp_path):
    """A copy of a preset to damage."""
    return shutil.copytree(stored["dcgan"][2], tmp_path / "preset")


# === Round trip ===


OWN_CLASS = """
import keras
import sys
import zoo

class Own(zoo.GAN):
    pass

model = Own((4, 4, 1), 2, hidden_units=(2,))
try:
    model.save_to_preset(sys.argv[1])
except zoo.errors.PresetError as error:
    print(error)
keras.saving.register_keras_serializable(package="mine")(Own)
model.save_to_preset(sys.argv[1])
print((zoo.load(sys.argv[1]).generate(2, seed=0) == model.generate(2, seed=0)).all())
"""


@pytest.mark.slow
def test_a_class_of_the_running_script_can_be_a_preset(tmp_path):
    refused, equal = run_script(OWN_CLASS, str(tmp_path / "own")).stdout.splitlines()
    assert refused.startswith("The model has a Own, which is not registered") and equal == "True"


@pytest.mark.slow
def test_what_a_loaded_preset_draws_in_training_is_as_the_seed_says(tmp_path):
    model = tiny_gan(dropout=0.5)
    model.save_to_preset(tmp_path / "gan")

    def noise(seed):
        keras.utils.set_random_seed(seed)
        states = random_states(zoo.load(tmp_path / "gan"))
        return [state.numpy().tolist() for state in states]

    assert len(noise(1)) > 1
    assert noise(1) == noise(1)
    assert all(one != other for one, other in zip(noise(1), noise(2), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vae", "custom"])
def test_a_loaded_preset_is_the_model_and_learns(stored, name):
    model, drawn, directory = stored[name]
    loaded = zoo.load(directory)
    assert type(loaded) is type(model)
    np.testing.assert_array_equal(loaded.generate(5, seed=0), drawn)
    for network in ("discriminator", "encoder", "decoder", "ema_generator"):
        if hasattr(model, network):
            np.testing.assert_equal(*(values(getattr(each, network).weights) for each in (model, loaded)))
    if hasattr(model, "generator"):
        np.testing.assert_equal(values(loaded.generator.weights), values(model.ema_generator.weights))
        own, average = values(model.generator.weights), values(model.ema_generator.weights)
        assert any((one != other).any() for one, other in zip(own, average, strict=True))

    assert loaded.compiled
    for attribute in loaded.optimizer_names:
        optimizer, original = getattr(loaded, attribute), getattr(model, attribute)
        assert optimizer.get_config() == original.get_config()
        assert int(optimizer.iterations) == 0
    before = values(loaded.trainable_variables)
    logs = loaded.train_step(images(8, seed=1))
    assert all(np.isfinite(float(value)) for value in logs.values())
    assert all((one != other).any() for one, other in zip(before, values(loaded.trainable_variables), strict=True))


@pytest.mark.slow
def test_from_preset_takes_the_class_and_its_subclasses(stored):
    directory = stored["dcgan"][2]
    for cls in (zoo.DCGAN, zoo.GAN, zoo.GenerativeModel):
        assert type(cls.from_preset(directory)) is zoo.DCGAN


@pytest.mark.parametrize(("name", "cls"), [("dcgan", "VAE"), ("vae", "GAN"), ("gan", "DCGAN")])
def test_another_class_is_refused(stored, name, cls):
    directory, found = stored[name][2], type(stored[name][0]).__name__
    with pytest.raises(PresetError, match=rf"is a {found}, not a {cls}; zoo\.load\('.*{name}'\) loads it"):
        getattr(zoo, cls).from_preset(directory)


def test_the_file_holds_no_optimizer_and_one_generator(stored):
    _, _, directory = stored["dcgan"]
    names = []
    with h5py.File(directory / "model.weights.h5") as file:
        file.visit(names.append)
        assert {"generator", "ema_generator", "discriminator"} <= set(file)
        one, other = (h5py.h5o.get_info(file[name].id) for name in ("generator", "ema_generator"))
        assert one.addr == other.addr
    assert not [name for name in names if "optim" in name]


@keras.saving.register_keras_serializable(package="tests")
class Scaled(keras.layers.Layer):
    """A layer of a user's, whose variable has a value from the beginning."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = keras.Variable(np.full((1,), 0.5, "float32"))

    def call(self, inputs):
        return self.scale * inputs


@keras.saving.register_keras_serializable(package="tests")
def swelling(x):
    return keras.ops.maximum(x, 0.5 * x)


@pytest.mark.slow
@pytest.mark.parametrize("own", [False, True])
def test_operations_and_classes_of_the_user_survive_the_round_trip(own, tmp_path):
    latents = keras.Input((LATENT_DIM,))
    x = keras.layers.Dense(6, activation=swelling if own else "gelu")(latents)
    if own:
        x = Scaled()(x)
    x = keras.ops.concatenate([x, keras.ops.square(x) - 1.0], axis=-1)
    x = keras.ops.where(x[:, :8] > 0, x[:, :8], keras.ops.tanh(x[:, 4:]) * np.linspace(0, 1, 8, dtype="float32"))
    x = keras.layers.Dense(64)(keras.activations.silu(x))
    generator = keras.Model(latents, keras.ops.reshape(keras.ops.tanh(x), (-1, *SHAPE)))
    model = zoo.GAN(SHAPE, LATENT_DIM, generator=generator, discriminator=dense_discriminator())
    model.save_to_preset(tmp_path / "preset")
    np.testing.assert_array_equal(zoo.load(tmp_path / "preset").generate(3, seed=0), model.generate(3, seed=0))


@pytest.mark.slow
def test_uncompiled_models_stay_uncompiled(tmp_path):
    model = tiny_gan()
    model.save_to_preset(tmp_path / "preset")
    assert not zoo.load(tmp_path / "preset").compiled


@pytest.mark.slow
def test_half_precision_halves_the_file_and_keeps_the_images(tmp_path):
    model = tiny_vae(hidden_units=(64,))
    drawn = model.generate(5, seed=0)
    model.save_to_preset(tmp_path / "full")
    model.save_to_preset(tmp_path / "half", weights_dtype="float16")
    full, half = ((tmp_path / name / "model.weights.h5").stat().st_size for name in ("full", "half"))
    saved = model.count_params() * 2
    assert 0.9 * saved < full - half < 1.1 * saved
    loaded = zoo.load(tmp_path / "half")
    assert {variable.dtype for variable in loaded.weights} == {"float32"}
    for one, other in zip(values(model.weights), values(loaded.weights), strict=True):
        np.testing.assert_array_equal(one.astype("float16"), other)
    assert np.abs(loaded.generate(5, seed=0).astype(int) - drawn).max() <= 1


def test_unknown_precisions_are_refused(tmp_path):
    with pytest.raises(InputError, match="weights_dtype is 'int8', expected 'float32' or 'float16'"):
        tiny_gan().save_to_preset(tmp_path / "preset", weights_dtype="int8")
    assert not list(tmp_path.iterdir())


PLAIN_KERAS = """
import sys
import numpy as np
import keras
import zoo.models
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[2], model.generate(5, seed=0))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dcgan", "vae"])
def test_plain_keras_loads_the_directory(stored, name, tmp_path):
    _, drawn, directory = stored[name]
    run_script(PLAIN_KERAS, directory, tmp_path / "drawn.npy", warm=True)
    np.testing.assert_array_equal(np.load(tmp_path / "drawn.npy"), drawn)


@pytest.mark.slow
def test_a_file_of_keras_is_loaded_with_its_optimizers_also_in_a_new_process(tmp_path):
    model = tiny_gan()
    model.compile()
    model.train_step(images(8))
    model.save(tmp_path / "gan.keras")
    again = zoo.load(tmp_path / "gan.keras")
    np.testing.assert_equal(values(again.variables), values(model.variables))
    assert int(again.generator_optimizer.iterations) == 1
    script = f"""
import zoo
assert int(zoo.load({str(tmp_path / "gan.keras")!r}).generator_optimizer.iterations) == 1
"""
    run_script(script)
    with pytest.raises(InputError, match=r"^latent_dim changes a preset, but"):
        zoo.load(tmp_path / "gan.keras", latent_dim=5)
    with pytest.raises(PresetError, match="is a GAN, not a VAE"):
        zoo.VAE.from_preset(tmp_path / "gan.keras")


def test_files_that_only_end_like_those_of_keras_are_refused(tmp_path):
    (tmp_path / "gan.keras").write_bytes(b"no archive")
    for name in ("gan.keras", "missing.keras"):
        with pytest.raises(PresetError, match=f"^The model in .*{name} cannot be loaded"):
            zoo.load(tmp_path / name)


def test_a_file_of_keras_may_name_what_a_preset_may(tmp_path):
    layers = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    layers.save(tmp_path / "lambda.keras")
    with pytest.raises(PresetError, match="Lambda"):
        zoo.load(tmp_path / "lambda.keras")


@pytest.mark.slow
def test_custom_networks_survive_training_and_the_round_trip(tmp_path):
    model = restless_gan(discriminator_steps=2, ema_momentum=0.5)
    model.compile(keras.optimizers.Adam(0.01), keras.optimizers.RMSprop(0.02), run_eagerly=True)
    model.fit(images(16), batch_size=4, verbose=0)
    model.save_to_preset(tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    np.testing.assert_array_equal(loaded.generate(9, seed=4), model.generate(9, seed=4))
    assert [type(layer).__name__ for layer in loaded.generator.layers] == [
        "Dense",
        "BatchNormalization",
        "ReLU",
        "Dense",
        "Reshape",
    ]
    np.testing.assert_equal(values(loaded.discriminator.weights), values(model.discriminator.weights))
    assert loaded.discriminator_steps == 2 and isinstance(loaded.discriminator_optimizer, keras.optimizers.RMSprop)
    history = loaded.fit(images(16), batch_size=4, verbose=0).history
    assert np.isfinite(history["generator_loss"]).all()
    assert int(loaded.generator_optimizer.iterations) == 2


# === Overrides ===


def kept(model, original, network, fresh):
    """Whether exactly the weights of `network` that are not named have the original's values."""
    pairs = zip(getattr(model, network).weights, getattr(original, network).weights, strict=True)
    for own, other in pairs:
        same = own.shape == other.shape and bool((own.numpy() == other.numpy()).all())
        # Biases and moving statistics that start afresh may start where the original's stand.
        named = f"{network}/{own.path}" in fresh
        assert same or named, own.path
        assert not (named and own.path.endswith("kernel") and same), own.path


@pytest.mark.parametrize(
    ("name", "overrides", "expected"),
    [
        (
            "dcgan",
            {"image_shape": (8, 8, 3)},
            {"generator/to_image/kernel", "generator/to_image/bias", "discriminator/down_0/kernel"},
        ),
        pytest.param(
            "dcgan",
            {"image_shape": (12, 12, 1)},
            {"generator/project/kernel", "discriminator/logit/kernel"},
            marks=pytest.mark.slow,
        ),
        pytest.param("dcgan", {"latent_dim": 7}, {"generator/project/kernel"}, marks=pytest.mark.slow),
        ("gan", {"latent_dim": 7}, {"generator/hidden_0/kernel"}),
        (
            "gan",
            {"image_shape": (8, 8, 3)},
            {"generator/pixels/kernel", "generator/pixels/bias", "discriminator/hidden_0/kernel"},
        ),
        (
            "vae",
            {"latent_dim": 7},
            {
                "encoder/posterior/kernel",
                "encoder/posterior/bias",
                "decoder/hidden_0_gate/kernel",
                "decoder/hidden_0_value/kernel",
            },
        ),
    ],
)
def test_overrides_keep_all_weights_but_the_named(stored, name, overrides, expected):
    _, _, directory = stored[name]
    original = zoo.load(directory)
    model, fresh = load_warning(directory, **overrides)
    assert type(model) is type(original)
    networks = [n for n in ("encoder", "decoder", "generator", "discriminator") if hasattr(model, n)]
    mapped = {f"{n}/{v.path}": v for n in networks for v in getattr(model, n).weights}
    assert fresh == expected <= set(mapped)
    for network in networks:
        kept(model, original, network, fresh)
    if hasattr(model, "ema_generator"):
        np.testing.assert_equal(values(model.ema_generator.weights), values(model.generator.weights))
    ((argument, value),) = overrides.items()
    assert getattr(model, argument) == value
    assert model.generate(2, seed=0).shape == (2, *model.image_shape)
    assert model.compiled
    model.train_step(images(4, model.image_shape))


@pytest.mark.slow
def test_networks_of_equal_layers_do_not_trade_weights(tmp_path):
    # Both hold layers `hidden_0` and `hidden_1` whose biases and second kernels have one shape.
    model = tiny_gan(hidden_units=(6, 6))
    for variable in [*model.discriminator.weights, *model.generator.weights]:
        variable.assign(keras.random.normal(variable.shape))
    model.save_to_preset(tmp_path / "preset")
    loaded, fresh = load_warning(tmp_path / "preset", latent_dim=9)
    assert fresh == {"generator/hidden_0/kernel"}
    np.testing.assert_equal(values(loaded.discriminator.weights), values(model.discriminator.weights))


@pytest.mark.slow
def test_overrides_that_keep_every_weight_do_not_warn(stored):
    _, drawn, directory = stored["dcgan"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = zoo.load(directory, ema_momentum=0.5, objective="minimax", discriminator_steps=3)
    assert model.ema_momentum == 0.5 and model.discriminator_steps == 3 and isinstance(model.objective, Minimax)
    np.testing.assert_array_equal(model.generate(5, seed=0), drawn)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("dcgan", {"dtype": "foo"}, "dtype is 'foo', expected a dtype policy of Keras"),
        ("dcgan", {"image_size": 3}, "DCGAN has no argument 'image_size' to change; it has .*image_shape.*latent_dim"),
        (
            "dcgan",
            {"image_shape": (9, 9, 1)},
            r"image_shape is \(9, 9, 1\), expected sides divisible by 4, to be halved 2 times",
        ),
        ("dcgan", {"image_shape": (8, 8)}, r"image_shape is \(8, 8\), expected \(height, width, channels\)"),
        ("dcgan", {"filters": 3}, "filters=3 leaves only .* of .* pretrained weights usable; build a DCGAN"),
        ("dcgan", {"latent_dim": 0}, "latent_dim is 0, expected an integer of at least 1"),
        ("gan", {"latent_dim": -3}, "latent_dim is -3, expected an integer of at least 1"),
        ("vae", {"latent_dim": "4"}, "latent_dim is '4', expected an integer of at least 1"),
        ("vae", {"hidden_units": (9, 9)}, r"hidden_units=\(9, 9\) leaves only"),
        ("vae", {"beta": -1}, "beta is -1, expected"),
        ("vae", {"likelihood": "gaussian"}, "likelihood is 'gaussian', expected 'bernoulli', which says what the pre"),
        ("custom", {"latent_dim": 7}, r"generator takes \(4,\), expected latent_dim=7"),
        ("custom", {"image_shape": (4, 4, 1)}, r"generator makes \(8, 8, 1\), expected image_shape=\(4, 4, 1\)"),
    ],
)
def test_impossible_overrides_are_refused_by_name(stored, name, overrides, message):
    with pytest.raises(InputError, match=message) as caught:
        zoo.load(stored[name][2], **overrides)
    assert "\n" not in str(caught.value)


def test_plain_networks_have_no_arguments_to_change():
    message = r"Functional is a plain Keras network, which takes no image_shape=\(32, 32, 1\)\.$"
    with pytest.raises(InputError, match=message):
        zoo.load("classifier_mnist_28", image_shape=(32, 32, 1))


def test_networks_that_do_not_fit_each_other_are_refused():
    with pytest.raises(InputError, match=r"discriminator takes \(4, 4, 1\), expected image_shape=\(8, 8, 1\)"):
        zoo.GAN(SHAPE, LATENT_DIM, discriminator=dense_discriminator((4, 4, 1)))
    with pytest.raises(InputError, match=r"generator takes \(9,\), expected latent_dim=4"):
        zoo.GAN(SHAPE, LATENT_DIM, generator=dense_generator(latent_dim=9))


def test_what_is_bundled_may_be_passed_over_and_then_is_on_the_hub_or_nowhere(monkeypatch):
    name = "gan_mnist_28"
    unpublished = {**presets.entry_of(name), "revision": None}
    monkeypatch.setattr(locating, "entry_of", lambda _: unpublished)
    with pytest.raises(PresetError, match=f"The preset '{name}' is not on the Hub yet"):
        zoo.load(name, bundled=False)


# === Damage ===


def truncate(directory):
    path = directory / "model.weights.h5"
    path.write_bytes(path.read_bytes()[:-100])


def edit(directory):
    path = directory / "config.json"
    path.write_text(path.read_text().replace('"ema_momentum": 0.999', '"ema_momentum": 0.099'))


def state_no_hashes(files):
    def damage(directory):
        path = directory / "metadata.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "files": files}))

    return damage


DAMAGES = {
    "no weights": (lambda d: (d / "model.weights.h5").unlink(), r"is incomplete: model\.weights\.h5 is missing"),
    "no config": (lambda d: (d / "config.json").unlink(), r"is no preset directory: it has no config\.json"),
    "truncated": (truncate, r"model\.weights\.h5 has \d+ bytes, expected \d+: it is truncated or another file"),
    "flipped bit": (flip_a_bit, r"model\.weights\.h5 does not match its SHA-256 [0-9a-f]{12}…: it was altered"),
    "edited config": (edit, r"config\.json does not match its SHA-256 [0-9a-f]{12}…: it was altered"),
    "longer config": (
        lambda d: (d / "config.json").write_text((d / "config.json").read_text() + "\n"),
        r"config\.json has \d+ bytes, expected \d+",
    ),
    "no JSON": (lambda d: (d / "metadata.json").write_text("{"), r"metadata\.json is damaged \(.*\); expected a JSON"),
    "binary": (lambda d: (d / "metadata.json").write_bytes(b"\xff\xfe"), r"metadata\.json is damaged \(.*\); expected"),
    "no object": (lambda d: (d / "metadata.json").write_text("3"), r"metadata\.json is damaged: it holds a int"),
    "no text": (
        lambda d: (d / "metadata.json").write_text('{"class": 5}'),
        r"metadata\.json is damaged: its class is 5, expected a text",
    ),
    "a folder": (
        lambda d: ((d / "metadata.json").unlink(), (d / "metadata.json").mkdir()),
        r"metadata\.json is no regular file, as the files of a preset are",
    ),
    "no figures": (
        lambda d: (d / "metadata.json").write_text('{"metrics": {"fid": 3.2}}'),
        r"metadata\.json is damaged: its metrics are not figures with a value and a protocol",
    ),
    "no hash of a file": (state_no_hashes({}), r"states no size and SHA-256 of config\.json"),
    "numbers for hashes": (
        lambda d: state_no_hashes({"config.json": {"size": (d / "config.json").stat().st_size, "sha256": 5}})(d),
        r"states no size and SHA-256 of config\.json",
    ),
    "nested without end": (
        lambda d: (d / "metadata.json").write_text("[" * 200_000),
        r"metadata\.json is damaged \(.*\); expected a JSON",
    ),
    "odd hashes": (state_no_hashes("none"), r"states no size and SHA-256 of config\.json"),
    "weights are a folder": (
        lambda d: ((d / "model.weights.h5").unlink(), (d / "model.weights.h5").mkdir()),
        r"model\.weights\.h5 is no regular file, as the files of a preset are",
    ),
}


@pytest.fixture
def closed(monkeypatch):
    """Fails the test as soon as anything reads a preset's contents."""

    def opened(*arguments, **options):
        raise AssertionError("Keras was asked to read a damaged preset.")

    monkeypatch.setattr(keras.saving, "deserialize_keras_object", opened)
    monkeypatch.setattr(keras.Model, "load_weights", opened)
    monkeypatch.setattr(h5py, "File", opened)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_in_one_sentence_before_anything_is_opened(preset, closed, damage):
    spoil, message = DAMAGES[damage]
    spoil(preset)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PresetError, match=message) as caught:
            zoo.load(preset)
    said = str(caught.value)
    assert str(preset) in said and "\n" not in said and said.endswith(".")


def test_another_presets_weights_are_refused(stored, preset, closed):
    shutil.copy(stored["gan"][2] / "model.weights.h5", preset)
    with pytest.raises(PresetError, match=r"model\.weights\.h5 (has \d+ bytes, expected|does not match its SHA-256)"):
        zoo.load(preset)


@pytest.mark.slow
def test_weights_of_a_twin_are_refused(preset, tmp_path, request):
    # The same class, shapes and size, as two trainings of one recipe have.
    twin = tiny_dcgan()
    twin.compile()
    twin.save_to_preset(tmp_path / "twin")
    assert (tmp_path / "twin/model.weights.h5").stat().st_size == (preset / "model.weights.h5").stat().st_size
    shutil.copy(tmp_path / "twin/model.weights.h5", preset)
    request.getfixturevalue("closed")
    with pytest.raises(PresetError, match=r"model\.weights\.h5 does not match its SHA-256"):
        zoo.load(preset)


@pytest.mark.slow
def test_a_preset_without_hashes_warns_and_loads(preset, stored):
    (preset / "metadata.json").unlink()
    with pytest.warns(UserWarning, match="carries no hashes, so its files cannot be verified"):
        model = zoo.load(preset)
    np.testing.assert_array_equal(model.generate(5, seed=0), stored["dcgan"][1])


@pytest.mark.parametrize("spoil", [truncate, lambda d: (d / "config.json").write_text("{")])
def test_damage_that_no_hash_reveals_is_still_one_sentence(preset, spoil):
    (preset / "metadata.json").unlink()
    spoil(preset)
    with (
        pytest.warns(UserWarning, match="carries no hashes"),
        pytest.raises(PresetError, match=r"The preset in .* cannot be loaded \(") as caught,
    ):
        zoo.load(preset)
    assert "\n" not in str(caught.value)


def test_code_in_a_config_is_refused(preset):
    config = json.loads((preset / "config.json").read_text())
    config["config"]["generator"] = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wEAAAA="}}},
        "registered_name": None,
    }
    (preset / "config.json").write_text(json.dumps(config))
    (preset / "metadata.json").unlink()
    with (
        pytest.warns(UserWarning),
        pytest.raises(PresetError, match=r"holds keras\.layers\.Lambda, which presets may not"),
    ):
        zoo.load(preset)


@pytest.mark.slow
def test_edits_of_what_is_not_hashed_change_nothing(preset, stored):
    metadata = json.loads((preset / "metadata.json").read_text())
    metadata["date_saved"] = "1999-12-31T00:00:00+00:00"
    (preset / "metadata.json").write_text(json.dumps(metadata))
    (preset / "README.md").write_text("A card of my own.")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = zoo.load(preset)
    np.testing.assert_array_equal(model.generate(5, seed=0), stored["dcgan"][1])


# === Saving ===


def listing(folder):
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_saving_twice_gives_equal_hashes_whatever_the_date(tmp_path, monkeypatch):
    model = tiny_dcgan()
    model.compile()
    model.save_to_preset(tmp_path / "one")

    class Later(saving.datetime.datetime):
        @classmethod
        def now(cls, zone=None):
            return super().now(zone).replace(year=2099)

    monkeypatch.setattr(saving.datetime, "datetime", Later)
    model.save_to_preset(tmp_path / "two")
    one, two = (json.loads((tmp_path / name / "metadata.json").read_text()) for name in ("one", "two"))
    assert one["files"] == two["files"] and one["date_saved"] != two["date_saved"]
    one, two = listing(tmp_path / "one"), listing(tmp_path / "two")
    assert {name for name in one if one[name] != two[name]} == {"metadata.json"}


@pytest.mark.slow
def test_a_loaded_preset_saves_to_the_same_hashes(stored, tmp_path):
    for name in ("dcgan", "vae"):
        directory = stored[name][2]
        zoo.load(directory).save_to_preset(tmp_path / name)
        assert sha256(tmp_path / name / "config.json") == sha256(directory / "config.json")
        assert sha256(tmp_path / name / "model.weights.h5") == sha256(directory / "model.weights.h5")


@pytest.mark.slow
def test_many_small_layers_take_little_room(tmp_path):
    model = zoo.GAN((4, 4, 1), 2, hidden_units=(2,) * 12)
    model.save_to_preset(tmp_path)
    # In the oldest format of HDF5, h5py's default, it would be 144,000 bytes.
    assert (tmp_path / "model.weights.h5").stat().st_size < 60_000


@pytest.mark.slow
def test_large_variables_are_compressed(tmp_path):
    model = zoo.GAN((8, 8, 1), 128, hidden_units=(128,))
    model.save_to_preset(tmp_path)
    packed = {}

    def look(_, item):
        if isinstance(item, h5py.Dataset):
            packed[item.shape] = item.compression

    with h5py.File(tmp_path / "model.weights.h5") as file:
        file.visititems(look)
    assert packed == {shape: "gzip" if np.prod(shape) >= 16_384 else None for shape in packed}
    assert set(packed.values()) == {"gzip", None}
    np.testing.assert_array_equal(zoo.load(tmp_path).generate(2, seed=0), model.generate(2, seed=0))


def test_the_metadata_states_class_versions_and_hashes(tmp_path):
    presets.save(tiny_gan(), tmp_path / "preset")
    metadata = json.loads((tmp_path / "preset" / "metadata.json").read_text())
    assert metadata["class"] == "GAN"
    assert metadata["keras_version"] == keras.__version__
    for name, stated in metadata["files"].items():
        path = tmp_path / "preset" / name
        assert stated == {"sha256": sha256(path), "size": path.stat().st_size}
    assert set(metadata["files"]) == {"config.json", "model.weights.h5"}


@pytest.mark.parametrize(
    "card",
    ["A card of my own.", "---\nlicense: a: b\n---\nNo YAML.", "---\nMine\n---\nNo table.", b"\xe9 is no UTF-8."],
)
def test_saving_over_a_preset_replaces_it_and_keeps_the_card(preset, card):
    card = card if isinstance(card, bytes) else card.encode()
    (preset / "README.md").write_bytes(card)
    model = tiny_gan()
    model.save_to_preset(preset)
    assert type(zoo.load(preset)) is zoo.GAN
    assert (preset / "README.md").read_bytes() == card
    assert [path.name for path in preset.parent.iterdir()] == ["preset"]


@pytest.mark.slow
def test_what_is_said_and_shown_of_weights_goes_with_them(preset):
    written = model_card("me/x", None, {"class": "DCGAN"})
    (preset / "README.md").write_text(written)
    (preset / "samples.png").write_bytes(b"drawn by these weights")
    model = zoo.load(preset)
    model.save_to_preset(preset)
    assert (preset / "README.md").read_text() == written and (preset / "samples.png").exists()
    model.generator.trainable_variables[0].assign_add(model.generator.trainable_variables[0])
    model.ema_generator.set_weights(model.generator.get_weights())
    model.save_to_preset(preset)
    assert not (preset / "README.md").exists() and not (preset / "samples.png").exists()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_saving_over_something_else_is_refused(tmp_path, kind):
    target = tmp_path / "thesis"
    if kind == "folder":
        target.mkdir()
        (target / "chapter.txt").write_text("years of work")
    else:
        target.write_text("years of work")
    before = listing(tmp_path)
    with pytest.raises(PresetError, match="thesis exists and is no preset directory; choose another place"):
        tiny_gan().save_to_preset(target)
    assert listing(tmp_path) == before


def test_code_is_not_saved(tmp_path):
    encoder = keras.Sequential(
        [
            keras.Input(SHAPE),
            keras.layers.Lambda(lambda x: -x),
            keras.layers.Flatten(),
            keras.layers.Dense(2 * LATENT_DIM),
        ]
    )
    with pytest.raises(PresetError, match=r"The model holds keras\.layers\.Lambda, which presets may not"):
        tiny_vae(encoder=encoder).save_to_preset(tmp_path / "preset")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("file", ["model.keras", "preset"])
def test_frozen_layers_stay_frozen(file, tmp_path):
    model = tiny_gan()
    # The first layer is the input.
    model.generator.layers[1].trainable = False
    model.compile()
    model.train_step(images(4))
    with warnings.catch_warnings():
        # As Keras does of an optimizer of other variables.
        warnings.simplefilter("error", UserWarning)
        if file == "preset":
            model.save_to_preset(tmp_path / file)
            loaded = zoo.load(tmp_path / file)
        else:
            model.save(tmp_path / file)
            loaded = keras.saving.load_model(tmp_path / file)
            assert int(loaded.generator_optimizer.iterations) == 1
    trained = [variable.path for variable in loaded.generator.trainable_variables]
    assert trained == [variable.path for variable in model.generator.trainable_variables]
    assert len(trained) < len(tiny_gan().generator.trainable_variables)
    loaded.run_eagerly = True
    loaded.fit(images(4), batch_size=4, verbose=0)


@pytest.mark.slow
def test_frozen_parts_of_a_vq_vae_stay_frozen(tmp_path):
    model = tiny_vq_vae(ema_decay=None)
    model.build_prior(filters=4, num_blocks=1)
    model.prior.trainable = model.quantizers[0].trainable = False
    model.save_to_preset(tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    assert not loaded.prior.trainable_variables and not loaded.quantizers[0].trainable_variables
    assert len(loaded.trainable_variables) == len(model.trainable_variables) > 0


@pytest.mark.slow
def test_what_begins_afresh_and_stays_frozen_is_named(tmp_path):
    model = tiny_gan()
    first = next(layer for layer in model.generator.layers if layer.weights)
    first.trainable = False
    model.save_to_preset(tmp_path / "preset")
    says = rf"newly initialized .* Frozen, as in the preset, stays generator/{first.name}\."
    with pytest.warns(UserWarning, match=says):
        changed = zoo.load(tmp_path / "preset", latent_dim=LATENT_DIM + 1)
    assert list(changed.frozen_layers()) == [f"generator/{first.name}"]
    first.trainable = True
    model.discriminator.layers[1].trainable = False
    model.save_to_preset(tmp_path / "other")
    load_warning(tmp_path / "other", latent_dim=LATENT_DIM + 1)


@pytest.mark.parametrize("build", [tiny_gan, tiny_vae, tiny_style_gan, tiny_vq_vae])
def test_nothing_is_frozen_that_nobody_froze(build):
    assert "frozen_layers" not in build().get_config()


@pytest.mark.slow
def test_bfloat16_is_saved_as_it_is(tmp_path):
    model = tiny_gan(dtype="bfloat16")
    model.save_to_preset(tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    assert "bfloat16" in {weight.dtype for weight in loaded.generator.weights}
    np.testing.assert_array_equal(loaded.generate(3, seed=0), model.generate(3, seed=0))
    loaded.compile()
    with pytest.raises(InputError, match=r"dtype is 'bfloat16', whose .* too coarse .*, expected 'mixed_bfloat16'"):
        loaded.fit(images(8), batch_size=8)


def test_training_in_float64_is_refused():
    model = tiny_gan(dtype="float64")
    model.compile()
    with pytest.raises(InputError, match=r"dtype is 'float64', expected 'float32': images are scaled to that"):
        model.fit(images(8), batch_size=8)


@pytest.mark.parametrize("weights_dtype", ["float32", "float16"])
def test_weights_that_are_not_finite_are_not_saved(tmp_path, weights_dtype):
    model = tiny_gan()
    weight = model.ema_generator.weights[0]
    weight.assign(np.full(weight.shape, np.nan))
    with pytest.raises(PresetError, match=r"The weights in .* hold NaN or infinity, of which no preset is made"):
        model.save_to_preset(tmp_path / "preset", weights_dtype=weights_dtype)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "says"), [("x" * 300, "could not be written: File name too long;"), ("a\0b", "A path is")]
)
def test_paths_that_cannot_be_are_said_in_one_sentence(name, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((StorageError, InputError), match=says):
        tiny_gan().save_to_preset(name)


def test_hdf5_is_no_format_of_models(tmp_path):
    with pytest.raises(InputError, match=r"filepath is '.*gan.h5', expected a name that ends in .keras"):
        tiny_gan().save(tmp_path / "gan.h5")


@pytest.mark.parametrize(("method", "name"), [("save", "gan.keras"), ("save_weights", "gan.weights.h5")])
def test_without_overwrite_only_new_files_are_saved(method, name, tmp_path):
    save, path = getattr(tiny_gan(), method), tmp_path / name
    save(path, overwrite=False)
    before = listing(tmp_path)
    with pytest.raises(InputError, match=f"filepath is '{path}', which exists; overwrite=True replaces it"):
        save(path, overwrite=False)
    assert listing(tmp_path) == before


def test_weights_are_not_split(tmp_path):
    with pytest.raises(InputError, match="max_shard_size is 1, expected None: the weights are one file"):
        tiny_gan().save_weights(tmp_path / "gan.weights.json", max_shard_size=1)


class Unregistered(keras.layers.Layer):
    def call(self, x):
        return x


def test_parts_that_could_not_be_loaded_are_not_saved(tmp_path):
    generator = dense_generator()
    generator.add(Unregistered())
    model = tiny_gan(generator=generator)
    with pytest.raises(PresetError, match="The model has a Unregistered, which is not registered"):
        model.save_to_preset(tmp_path / "preset")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_is_no_part_of_a_preset_outlives_the_next(tmp_path):
    tiny_gan().save_to_preset(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main")
    (tmp_path / "notes.txt").write_text("years of work")
    (tmp_path / "nearest.png").write_bytes(b"of the weights before")
    tiny_vae().save_to_preset(tmp_path)
    assert type(zoo.load(tmp_path)) is zoo.VAE
    assert (tmp_path / ".git" / "HEAD").read_text() == "ref: refs/heads/main"
    assert (tmp_path / "notes.txt").read_text() == "years of work"
    assert not (tmp_path / "nearest.png").exists()
    (tmp_path / "nearest.png").write_bytes(b"of these weights")
    zoo.load(tmp_path).save_to_preset(tmp_path)
    assert (tmp_path / "nearest.png").read_bytes() == b"of these weights"
    assert not list(tmp_path.parent.glob(f".{tmp_path.name}-*"))


def test_a_configuration_of_something_else_is_no_preset(tmp_path):
    (tmp_path / "config.json").write_text('{"mine": 1}')
    before = listing(tmp_path)
    with pytest.raises(PresetError, match="is no preset directory"):
        tiny_gan().save_to_preset(tmp_path)
    assert listing(tmp_path) == before


def test_an_empty_directory_may_be_saved_to(tmp_path):
    tiny_gan().save_to_preset(tmp_path)
    assert type(zoo.load(tmp_path)) is zoo.GAN


def test_a_home_directory_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    tiny_gan().save_to_preset("~/mine")
    assert (tmp_path / "mine" / "config.json").exists()
    assert type(zoo.load("~/mine")) is zoo.GAN


def test_the_current_folder_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = listing(tmp_path)
    with pytest.raises(PresetError, match="is the current folder or holds it; choose a folder in it"):
        tiny_gan().save_to_preset(".")
    assert listing(tmp_path) == before


def test_places_that_cannot_be_written_are_named(tmp_path):
    (tmp_path / "file").write_text("years of work")
    with pytest.raises(StorageError, match=r"file/mine' could not be written: .+; .+ MiB are free in "):
        tiny_gan().save_to_preset(tmp_path / "file" / "mine")


def test_the_name_of_an_official_preset_is_warned_of(catalogue, tmp_path, monkeypatch):
    catalogue({"dcgan_mnist_28": entry()})
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="loads the official preset of that name; load this one as './dcgan_mnist_28'"):
        tiny_gan().save_to_preset("dcgan_mnist_28")
    assert type(zoo.load("./dcgan_mnist_28")) is zoo.GAN


def test_the_old_directory_comes_back_where_the_new_one_cannot(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work").write_text("years of it")
    before, rename = listing(tmp_path), os.replace

    def failing(source, target):
        if Path(target) == tmp_path / "mine" and "-old-" not in str(source):
            raise OSError("no space")
        rename(source, target)

    monkeypatch.setattr("os.replace", failing)
    with pytest.raises(StorageError, match="could not be written: no space"), replacing_directory(tmp_path / "mine"):
        pass
    assert listing(tmp_path) == before


@pytest.mark.slow
def test_a_mount_point_is_told_from_other_places(preset, monkeypatch, tmp_path):
    before, model, rename = listing(tmp_path), zoo.load(preset), os.replace

    def busy(source, target):
        if Path(source) == preset:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        rename(source, target)

    monkeypatch.setattr("os.replace", busy)
    with pytest.raises(StorageError, match=r"could not be written: .* busy; choose a folder inside it\.$"):
        model.save_to_preset(preset)
    assert listing(tmp_path) == before


@pytest.mark.slow
def test_a_failed_save_leaves_the_old_preset_and_nothing_else(preset, monkeypatch, tmp_path):
    before = listing(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    model = tiny_dcgan()
    model.discriminator.trainable_variables[-1].assign([1e9])
    with pytest.raises(PresetError, match=r"The weights in .* do not fit float16; save with weights_dtype='float32'\."):
        model.save_to_preset(preset, weights_dtype="float16")
    assert listing(tmp_path) == before
    monkeypatch.setattr(saving, "write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        model.save_to_preset(preset)
    assert listing(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["preset"]


# === Names and the manifest ===


def entry(kind="model", cls="DCGAN", dataset="fashion_mnist", files=None):
    return {"kind": kind, "class": cls, "dataset": dataset, "version": 1, "files": files}


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """A manifest to write to, and a folder of bundled weights, in place of the shipped ones."""
    path = tmp_path / "weights_manifest.json"
    monkeypatch.setattr(shipped_catalogue, "manifest_path", lambda: path)
    monkeypatch.setattr(locating, "BUNDLED", tmp_path / "weights")

    def write(content):
        path.write_text(content if isinstance(content, str) else json.dumps({"presets": content}))
        return path

    return write


def test_list_presets_filters(catalogue):
    catalogue(
        {
            "vae_mnist_28": entry(cls="VAE", dataset="mnist"),
            "dcgan_fashion_mnist_28": entry(),
            "dcgan_mnist_28": entry(dataset="mnist"),
            "classifier_mnist_28": entry("feature_network", "Functional", "mnist"),
        }
    )
    assert zoo.list_presets() == ["dcgan_fashion_mnist_28", "dcgan_mnist_28", "vae_mnist_28"]
    assert zoo.list_presets("*fashion*") == ["dcgan_fashion_mnist_28"]
    assert zoo.list_presets(model="DCGAN") == zoo.list_presets(model=zoo.DCGAN) != zoo.list_presets()
    assert zoo.list_presets(dataset="mnist") == ["dcgan_mnist_28", "vae_mnist_28"]
    assert zoo.list_presets("dcgan*", model=zoo.DCGAN, dataset="mnist") == ["dcgan_mnist_28"]
    assert zoo.list_presets(kind="feature_network") == ["classifier_mnist_28"]
    assert len(zoo.list_presets(kind=None)) == 4
    assert zoo.list_presets("nothing") == []
    for wrong, says in (
        ({"pattern": 5}, "pattern is 5, expected a text"),
        ({"kind": "gan"}, "kind is 'gan', expected"),
    ):
        with pytest.raises(InputError, match=says):
            zoo.list_presets(**wrong)


@pytest.mark.parametrize("name", shipped_catalogue.FORMER)
def test_former_names_say_what_became_of_them(name):
    with pytest.raises(PresetError, match=f"^The preset '{name}' (was dropped; |is called ).*[^.]\\.$") as caught:
        zoo.load(name)
    [named] = set(re.findall(r"\w+_\d+", str(caught.value))) - {name}
    assert (Path(__file__).parent.parent / "recipes" / f"{named}.py").is_file()


def test_unknown_names_suggest_the_nearest(catalogue):
    catalogue({"dcgan_fashion_mnist_28": entry(), "vae_mnist_28": entry(cls="VAE", dataset="mnist")})
    with pytest.raises(PresetError, match=r"no preset 'dcgan_fashion_mist_28'; did you mean dcgan_fashion_mnist_28"):
        zoo.load("dcgan_fashion_mist_28")
    with pytest.raises(PresetError, match=r"no preset 'qqq'; `zoo list` shows the names\."):
        zoo.load("qqq")
    with pytest.raises(PresetError, match=r"'\./missing' is no preset directory: it has no config\.json\.$"):
        zoo.load("./missing")
    with pytest.raises(PresetError, match=r"it has no config\.json; did you mean dcgan_fashion_mnist_28\?"):
        zoo.load("dcgan_fashion_mnist_28/")
    with pytest.raises(PresetError, match=r"it has no config\.json; did you mean hf://me/my-gan\?"):
        zoo.load("me/my-gan")
    with pytest.raises(InputError, match="preset is None, expected the name of a preset, a directory or hf://org/name"):
        zoo.load(None)


def test_presets_load_by_name_and_are_held_to_the_manifest(catalogue, stored, tmp_path, closed):
    directory = tmp_path / "weights" / "dcgan_mnist_28"
    shutil.copytree(stored["dcgan"][2], directory)
    files = {name: presets.describe_file(directory / name) for name in presets.HASHED_FILES}
    catalogue({"dcgan_mnist_28": entry(files=files), "gone": entry(files=files)})
    location = presets.resolve("dcgan_mnist_28")
    assert location.directory == directory
    presets.verify(location)
    with pytest.raises(PresetError, match="preset 'gone' is neither bundled with this installation nor on the Hub"):
        zoo.load("gone")

    # Hashes in the directory that vouch for the altered file count for nothing against the manifest's.
    edit(directory)
    metadata = json.loads((directory / "metadata.json").read_text())
    metadata["files"]["config.json"] = presets.describe_file(directory / "config.json")
    (directory / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(PresetError, match=r"config\.json does not match its SHA-256"):
        zoo.load("dcgan_mnist_28")


def test_presets_load_by_name(catalogue, stored, tmp_path):
    _, drawn, source = stored["vae"]
    directory = shutil.copytree(source, tmp_path / "weights" / "vae_mnist_28")
    files = {name: presets.describe_file(directory / name) for name in presets.HASHED_FILES}
    catalogue({"vae_mnist_28": entry(cls="VAE", files=files)})
    np.testing.assert_array_equal(zoo.VAE.from_preset("vae_mnist_28").generate(5, seed=0), drawn)
    with pytest.raises(PresetError, match=r"Preset 'vae_mnist_28' is a VAE, not a GAN; zoo\.load\('vae_mnist_28'\)"):
        zoo.GAN.from_preset("vae_mnist_28")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"models": {}}', '{"presets": []}', '{"presets": {"a": 3}}'])
def test_a_manifest_that_does_not_parse_is_named(catalogue, content):
    path = catalogue(content)
    for call in (zoo.list_presets, lambda: zoo.load("vae_mnist_28")):
        with pytest.raises(PresetError, match=r"is damaged \(.*\); expected JSON with a dict under") as caught:
            call()
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_manifest_is_named(catalogue, tmp_path):
    with pytest.raises(PresetError, match=r"The weights manifest .* cannot be read: No such file or directory\."):
        zoo.list_presets()


@pytest.mark.slow
def test_a_rewritten_manifest_is_read_again(catalogue):
    catalogue({"one": entry()})
    assert zoo.list_presets() == ["one"]
    catalogue({"one": entry(), "two": entry()})
    assert zoo.list_presets() == ["one", "two"]
