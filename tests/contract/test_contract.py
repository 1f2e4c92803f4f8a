"""What every model class of the zoo promises, asked of each of `FAMILIES` through the public API."""

import json
import shutil

import h5py
import keras
import numpy as np
import pytest
from contract.families import BASES, CLASS_NAMES, FAMILIES, class_of
from exported import assert_same
from helpers import AtBatch, assert_equal_states, images, moved, state, values

import zoo
from zoo import latents
from zoo.callbacks import BackupAndRestore
from zoo.errors import DataError, InputError

#: Every argument of `generate` that a class may refuse to take.
ARGUMENTS = {"labels", "prompts", "source_images", "mask", "latents", "truncation", "temperature"}

# The priors of these models are never fitted.
pytestmark = pytest.mark.filterwarnings("ignore:The prior learned from an earlier encoder")


def named(*names):
    """Parameters for families, marked as slow where building one takes long."""
    return [name if FAMILIES[name].fast else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.fixture(scope="module", params=named(*FAMILIES))
def name(request):
    """The name of a family. All tests of a family run one after another, so that they share its models."""
    return request.param


@pytest.fixture(scope="module")
def family(name):
    return FAMILIES[name]


def compiled(name, seed=0, **arguments):
    """A new model. It trains eagerly, because tracing its step takes longer than the few steps of a test."""
    keras.utils.set_random_seed(seed)
    model = FAMILIES[name].build(name, **arguments)
    model.compile(run_eagerly=True)
    return model


@pytest.fixture(scope="module")
def model(name):
    """A model with weights so large that its images depend on every input; tests leave it as it is."""
    built = compiled(name)
    stream = np.random.RandomState(1)
    for variable in built.weights:
        if variable.trainable or variable.path.endswith(("moving_mean", "moving_variance")):
            # A variance stays above zero.
            variable.assign(variable + np.clip(stream.normal(0, 0.3, variable.shape), -0.9, None))
    if hasattr(built, "ema_generator"):
        built.ema_generator.set_weights(built.generator.get_weights())
    return built


class Trained:
    """A model after two epochs of one step, and the backup that a kill in the second epoch leaves behind."""

    def __init__(self, name, folder):
        self.model, self.family, self.backup = compiled(name), FAMILIES[name], folder / "killed"
        self.before = values(self.optimized)
        kill = AtBatch(1, 0, lambda _: shutil.copytree(folder / "backup", self.backup))
        self.history = self.fit(self.model, BackupAndRestore(folder / "backup"), kill)
        self.state = state(self.model)

    @property
    def optimized(self):
        return [variable for variables in self.model.optimized_variables().values() for variable in variables]

    def fit(self, model, *callbacks):
        """Trains a model on half of the data in each of two epochs."""
        data = self.family.data(8 * self.family.options.get("discriminator_steps", 1))
        return model.fit(data, batch_size=4, epochs=2, steps_per_epoch=1, verbose=0, callbacks=[*callbacks])


@pytest.fixture(scope="module")
def trained(name, tmp_path_factory):
    return Trained(name, tmp_path_factory.mktemp("trained"))


def network_of(model):
    """The first network of a model."""
    name = next(name for name in ("generator", "encoder", "network", "field") if hasattr(model, name))
    return name, getattr(model, name)


# === The registry ===


def test_every_exported_class_has_a_family():
    exported = {name for name in zoo.__all__ if isinstance(getattr(zoo, name), type)} - BASES
    assert {class_of(name).__name__ for name in FAMILIES} == exported


# === Configuration ===


@pytest.mark.slow
def test_a_model_comes_back_from_its_configuration(name, family, model):
    config = json.loads(json.dumps(model.get_config()))
    again = type(model).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    again.set_weights(model.get_weights())
    given = family.conditions(3)
    np.testing.assert_array_equal(again.generate(3, seed=0, **given), model.generate(3, seed=0, **given))


def test_a_new_model_is_neither_compiled_nor_frozen_and_what_is_frozen_stays_so(name, family):
    built = family.build(name)
    with pytest.raises(InputError, match=r"fit needs a compiled model; call .*\.compile\(\) first"):
        built.fit(family.data(4), batch_size=4)
    assert not built.frozen_layers()
    attribute, network = network_of(built)
    layer = next(layer for layer in network.layers if layer.trainable_weights)
    layer.trainable = False
    assert f"{attribute}/{layer.name}" in built.frozen_layers()
    again = type(built).from_config(built.get_config())
    assert again.frozen_layers().keys() == built.frozen_layers().keys()


# === Generating ===


def test_images_are_uint8_and_depend_on_every_input(family, model):
    given = family.conditions(3)
    drawn = model.generate(3, seed=0, **given)
    assert isinstance(drawn, np.ndarray) and drawn.dtype == np.uint8 and drawn.shape == (3, *family.image_shape)
    np.testing.assert_array_equal(model.generate(np.int64(3), seed=np.int64(0), **given), drawn)
    others = {name: [*rows[1:], rows[0]] for name, rows in given.items()}
    if given:
        assert (model.generate(3, seed=0, **others) != drawn).any()
    if family.condition != "source_images":
        assert len({image.tobytes() for image in drawn}) == 3
        assert (model.generate(3, seed=1, **given) != drawn).any()
        assert (model.generate(3, seed=2**63 - 1, **given) != drawn).any()


def test_an_image_depends_on_the_seed_and_its_index_alone(family, model):
    # 70 images take two batches, the second of which is filled in part.
    drawn = model.generate(70, seed=7, **family.conditions(70))
    for fewer in (1, 65):
        np.testing.assert_array_equal(model.generate(fewer, seed=7, **family.conditions(fewer)), drawn[:fewer])


def test_without_a_seed_images_differ_even_under_a_global_seed(family, model):
    if family.condition == "source_images":
        pytest.skip("a source image has one translation")
    drawn = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        drawn.append(model.generate(4, **family.conditions(4)))
    assert (drawn[0] != drawn[1]).any()


def test_generating_moves_no_random_state(family, model):
    before, numpy_before = state(model), np.random.get_state()
    model.generate(3, **family.conditions(3))
    model.generate(3, seed=0, **family.conditions(3))
    assert_equal_states(state(model), before)
    np.testing.assert_equal(np.random.get_state(), numpy_before)


def test_what_is_taken_is_used_and_all_else_is_refused_by_name(family, model):
    drawn = model.generate(3, seed=0, **family.conditions(3))
    if family.also_takes:
        assert (model.generate(3, seed=0, **family.conditions(3), **family.also_takes) != drawn).any()
    for argument in ARGUMENTS - {family.condition, *family.also_takes}:
        says = rf"^{type(model).__name__}\.generate does not understand {argument}; it takes num_samples, .*seed\.$"
        with pytest.raises(InputError, match=says):
            model.generate(1, **family.conditions(1), **{argument: np.zeros(1)})


def test_latents_are_decoded_as_given(family, model):
    if "latents" not in family.also_takes:
        pytest.skip("it takes no latents")
    given, conditions = latents.sample(70, (model.latent_dim,), seed=3), family.conditions(70)
    drawn = model.generate(70, seed=3, **conditions)
    np.testing.assert_array_equal(model.generate(latents=given, **conditions), drawn)
    np.testing.assert_array_equal(model.generate(70, latents=given.tolist(), seed=9, **conditions), drawn)
    size = model.latent_dim
    for wrong, says in (
        (given[:2], "latents has 2 rows, expected num_samples=3"),
        (given[0], rf"latents has shape \({size},\), expected"),
        (given[:0], rf"latents has shape \(0, {size}\), expected"),
        (given[:3, :3], rf"latents has shape \(3, 3\), expected \(n, {size}\)"),
        (np.full((3, size), np.nan), "latents holds NaN or infinite values"),
        ("latents", "latents"),
    ):
        with pytest.raises(InputError, match=says):
            model.generate(3, latents=wrong, **family.conditions(3))


def test_impossible_numbers_and_seeds_are_refused(family, model):
    for number in (0, -1, 1.5, True, "3"):
        with pytest.raises(InputError, match=r"num_samples is .*, expected an integer of at least 1"):
            model.generate(number, **family.conditions(1))
    with pytest.raises(InputError, match=r"num_samples is 1000000000000, whose images take .* GiB; at most"):
        model.generate(10**12, **{name: rows[0] for name, rows in family.conditions(1).items()})
    for seed in (-1, 2**63, 1.0, True, "0"):
        with pytest.raises(InputError, match=r"seed is .*, expected an integer from 0 to 2\*\*63 - 1"):
            model.generate(1, seed=seed, **family.conditions(1))


def test_one_condition_serves_all_images_and_another_number_is_refused(family, model):
    if family.condition is None:
        drawn = model.generate(seed=0)
        assert drawn.shape == (1, *family.image_shape)
        return
    ((name, rows),) = family.conditions(3).items()
    same = model.generate(seed=0, **{name: [rows[1]] * 3})
    np.testing.assert_array_equal(model.generate(3, seed=0, **{name: rows[1]}), same)
    with pytest.raises(InputError, match=f"{name} has 3 rows, expected num_samples=2"):
        model.generate(2, **{name: rows})
    if family.draws_condition:
        assert model.generate(2, seed=0).shape == (2, *family.image_shape)
    else:
        with pytest.raises(InputError, match=f"{name} is None"):
            model.generate(2)


def test_labels_are_numbers_or_names(family, model):
    if family.condition != "labels":
        pytest.skip("it has no classes")
    drawn = model.generate(2, labels=[1, 2], seed=0)
    column = np.array([name.upper() for name in CLASS_NAMES[1:]], dtype=object)
    for given in (list(CLASS_NAMES[1:]), column):
        np.testing.assert_array_equal(model.generate(labels=given, seed=0), drawn)
    drawn_labels = latents.sample_labels(4, len(CLASS_NAMES), 5)
    np.testing.assert_array_equal(model.generate(70, seed=5)[:4], model.generate(4, labels=drawn_labels, seed=5))
    for wrong, says in (
        (3, "labels holds values from 3 to 3, expected integers from 0 to 2"),
        ([0, -1], "labels holds values from -1 to 0"),
        ([0.5], "labels has dtype float64"),
        ([[1], [1, 2]], "labels .* expected integers from 0 to 2"),
        (["Bag", "Sneaker"], "labels holds 'Sneaker', expected names among Shirt, Ankle boot, Bag"),
    ):
        with pytest.raises(InputError, match=says):
            model.generate(labels=wrong)


# === Data ===


def test_data_that_does_not_fit_is_refused_before_training(family, model):
    data, (height, width, channels) = family.data(8), family.image_shape
    before = state(model)

    def refused(says, error=InputError, **changed):
        with pytest.raises(error, match=says):
            model.fit({**data, **changed}, batch_size=4, verbose=0)

    wrong = images(8, (height + 1, width, channels))
    refused(rf"has shape \(8, {height + 1}, {width}, {channels}\), expected", images=wrong)
    refused("expected uint8 in 0..255 or floats in", images=data["images"].astype("float32"))
    with pytest.raises(DataError, match="has 8 images, fewer than one batch of"):
        model.fit(data, batch_size=9, verbose=0)
    if family.condition is not None and not family.fits_alone:
        with pytest.raises(InputError, match=f"has no {family.condition}"):
            model.fit(data["images"], batch_size=4, verbose=0)
    if family.condition is not None and family.paired:
        refused(f"{family.condition}", **{family.condition: data[family.condition][:-1]})
    if family.condition == "labels":
        refused("labels holds values from 0 to 3, expected integers from 0 to 2", labels=np.arange(8) % 4)
    assert_equal_states(state(model), before)


# === Training ===


@pytest.mark.slow
def test_fit_moves_the_weights_and_shows_finite_figures(trained):
    assert trained.history.epoch == [0, 1]
    assert all(np.isfinite(figures).all() and len(figures) == 2 for figures in trained.history.history.values())
    assert any(figure.endswith("gradient_norm") for figure in trained.history.history)
    assert np.mean(moved(trained.before, trained.optimized)) > 0.5
    assert int(trained.model.optimizer.iterations) == 2


@pytest.mark.slow
def test_a_killed_training_continues_bit_equal(name, trained):
    assert [path.name for path in trained.backup.iterdir()] == ["state.weights.h5"]
    # What Keras draws by itself must not matter.
    resumed = compiled(name, seed=99)
    assert trained.fit(resumed, BackupAndRestore(trained.backup)).epoch == [1]
    assert_equal_states(state(resumed), trained.state)
    assert not trained.backup.exists()


@pytest.mark.slow
def test_a_saved_model_has_every_state_and_trains_on_alike(family, trained, tmp_path):
    trained.model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert_equal_states(state(loaded), trained.state)
    for seed, each in enumerate((trained.model, loaded)):
        # What Keras draws by itself must not matter.
        keras.utils.set_random_seed(seed)
        figures = each.train_on_batch(family.batch(each, 4), return_dict=True)
        assert all(np.isfinite(figure) for figure in figures.values())
    assert_equal_states(state(loaded), state(trained.model))
    assert int(loaded.optimizer.iterations) == 3


@pytest.mark.slow
def test_a_preset_is_the_model_without_what_trains_it(family, model, tmp_path):
    model.save_to_preset(tmp_path / "preset")
    with h5py.File(tmp_path / "preset" / "model.weights.h5") as file:
        found = []
        file.visit(found.append)
    assert not [path for path in found if "optimizer" in path]
    loaded = zoo.load(tmp_path / "preset")
    assert type(loaded) is type(model)
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    drawn = model.generate(3, seed=0, **family.conditions(3))
    np.testing.assert_array_equal(loaded.generate(3, seed=0, **family.conditions(3)), drawn)
    for optimizer in model.optimizer_names:
        assert getattr(loaded, optimizer).get_config() == getattr(model, optimizer).get_config()
        assert int(getattr(loaded, optimizer).iterations) == 0


@pytest.mark.slow
def test_evaluate_trains_nothing(family, trained):
    before = values(trained.model.weights)
    figures = trained.model.evaluate(family.data(6), batch_size=4, verbose=0, return_dict=True)
    assert figures and figures.keys() <= trained.history.history.keys()
    assert all(np.isfinite(figure) for figure in figures.values())
    single = trained.model.test_on_batch(family.batch(trained.model, 4), return_dict=True)
    assert single.keys() == figures.keys() and all(np.isfinite(figure) for figure in single.values())
    assert not any(moved(before, trained.model.weights))


@pytest.mark.slow
def test_predict_calls_the_model(family, model):
    inputs = family.inputs(model, 3)
    before = values(model.weights)
    found, single = model.predict(inputs, verbose=0), model.predict_on_batch(inputs)
    keras.tree.map_structure(lambda one, other: np.testing.assert_allclose(one, other, atol=1e-5), found, single)
    assert all(len(part) == 3 and np.isfinite(part).all() for part in keras.tree.flatten(found))
    assert not any(moved(before, model.weights))
    for call in (model.predict, model.predict_on_batch):
        with pytest.raises((InputError, DataError)):
            call("no images")


@pytest.mark.slow
def test_exports_compute_the_same_without_keras(model, tmp_path):
    model.export(tmp_path / "exported", format="litert")
    assert_same(tmp_path / "exported", model.exported_networks())


@pytest.mark.slow
def test_it_trains_in_half_precision_and_leaves_frozen_layers_alone(name, family):
    model = family.build(name, dtype="mixed_bfloat16")
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    # Images and logits stay in single precision.
    for network in (getattr(model, ending, None) for ending in ("generator", "discriminator", "decoder")):
        assert network is None or {output.dtype for output in network.outputs} == {"float32"}
    _, network = network_of(model)
    layer = next(layer for layer in network.layers if layer.trainable_weights)
    # The vectors of power iterations go on moving.
    frozen = layer.trainable_weights
    layer.trainable = False
    # Adam, whose many sums take XLA long, is compiled in test_objectives.py.
    model.compile(*["sgd"] * len(model.optimizer_names), jit_compile=family.xla, run_eagerly=not family.xla)
    before, kept = values(model.trainable_variables), values(frozen)
    history = model.fit(family.data(8), batch_size=4, epochs=1, verbose=0).history
    assert all(np.isfinite(figures).all() for figures in history.values())
    assert any(moved(before, model.trainable_variables)) and not any(moved(kept, frozen))
    drawn = model.generate(2, seed=0, **family.conditions(2))
    assert drawn.dtype == np.uint8 and drawn.shape == (2, *family.image_shape)
