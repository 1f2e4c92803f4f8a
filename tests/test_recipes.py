"""Every recipe runs whole on synthetic data, resumes, and is what the design says of it."""

import ast
import csv
import importlib
import inspect
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import images, tiny_vae, values

import zoo
from zoo import callbacks, data, latents, presets
from zoo.errors import InputError
from zoo.files import cache_folder
from zoo.layers.spectral_normalization import SpectralNormalization
from zoo.metrics import features, protocols, references
from zoo.metrics.protocols import classifiers
from zoo.presets.card import model_card
from zoo.sampling.codes import CodeSampler
from zoo.training import run
from zoo.training.run import settings
from zoo.training.run.history import best_weights
from zoo.training.warm_start import LATENTS_TO_FIT, warm_start_sagan, warm_start_style_dcgan

ROOT = Path(__file__).resolve().parent.parent
RECIPES = sorted(path for path in (ROOT / "recipes").glob("*.py") if not path.name.startswith("_"))
# Other recipes convert published weights, for which they need PyTorch.
TRAINING = [recipe for recipe in RECIPES if "run.convert(" not in recipe.read_text()]


def run_recipe(recipe, *arguments):
    return subprocess.run([sys.executable, str(recipe), *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe_is_constants_and_few_lines_of_code(recipe):
    tree = ast.parse(recipe.read_text())
    docstring, *body = tree.body
    assert isinstance(docstring.value, ast.Constant)
    assert body[-1].end_lineno - docstring.end_lineno <= 58
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe_configures_tensorflow_before_it_is_imported(recipe):
    names = []
    for node in ast.parse(recipe.read_text()).body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module)
    assert set(names[: names.index("zoo.training.run")]) <= {"numpy", "zoo"}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe_says_why_it_does_not_repeat_its_preset(recipe, monkeypatch):
    monkeypatch.syspath_prepend(recipe.parent)
    module = importlib.import_module(recipe.stem)
    # A second opinion, which few need, is not shipped.
    reason = presets.manifest().get(recipe.stem, {}).get("not_reproducible_because")
    assert reason == getattr(module, "NOT_REPRODUCIBLE_BECAUSE", None)


GENERATORS = [name for name, entry in presets.manifest().items() if entry["kind"] == "model"]


@pytest.mark.parametrize("name", GENERATORS)
def test_presets_are_compiled_at_the_rates_of_their_recipes(name, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recipes")
    constants = vars(importlib.import_module(name))
    rates = (
        constants.get("LEARNING_RATES") or constants.get("LEARNING_RATE") or constants["STAGES"][-1]["learning_rate"]
    )
    config = json.loads((presets.BUNDLED / name / presets.CONFIG).read_text())
    optimizers = config["compile_config"]
    generator_rate, discriminator_rate = rates if isinstance(rates, tuple) else (rates, rates)
    expected = {
        "optimizer": generator_rate,
        "generator_optimizer": generator_rate,
        "discriminator_optimizer": discriminator_rate,
    }
    assert optimizers
    for part, optimizer in optimizers.items():
        assert optimizer["config"]["learning_rate"] == pytest.approx(expected[part]), part
        if "BETAS" in constants:
            betas = tuple(optimizer["config"][beta] for beta in ("beta_1", "beta_2"))
            assert betas == constants["BETAS"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.stem for path in RECIPES if "recipe.stages(" in path.read_text()])
def test_stages_of_a_recipe_lead_to_the_arguments_and_epochs_of_its_preset(name, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "recipes")
    module, shipped, entry = importlib.import_module(name), zoo.load(name), presets.manifest()[name]
    assert sum(stage["epochs"] for stage in module.STAGES) == entry["epochs"]
    assert len(module.STAGES) == entry["cycles"]
    built = module.build(*[shipped.class_names] * len(inspect.signature(module.build).parameters))
    changes = {argument: value for stage in module.STAGES for argument, value in stage.get("changes", {}).items()}
    changed = type(built).from_config({**built.get_config(), **changes})
    # The network's weights tell of its layers, too, where defaults are left out of the configuration.
    assert [variable.shape for variable in changed.weights] == [variable.shape for variable in shipped.weights]
    assert without_names(changed.get_config()) == without_names(shipped.get_config())


def without_names(config):
    """A configuration without the names of its layers, which Keras numbers."""
    if isinstance(config, dict):
        return {key: without_names(value) for key, value in config.items() if key != "name"}
    return [without_names(value) for value in config] if isinstance(config, (list, tuple)) else config


@pytest.mark.parametrize("name", presets.manifest())
def test_presets_compute_in_float32_whatever_trained_them(name):
    assert "bfloat16" not in (presets.BUNDLED / name / presets.CONFIG).read_text()


# Smaller networks go the same way, and most of a smoke run is the tracing and building of large ones.
SMALL = {
    "FILTERS": 8,
    "PATCH_FILTERS": 8,
    "RESIDUAL_BLOCKS": 1,
    "STEPS": 2,
    "NUM_BLOCKS": 2,
    "PRIOR": {"filters": 8, "num_blocks": 2},
    "FLOW": {"filters": 8, "blocks": 1, "steps": 2},
}
AS_THEY_ARE = {"vae_mnist_28", "dcgan_fashion_mnist_28"}
# Where a recipe says with which preset it begins.
BEGINNINGS = ("BEGINNING", "PIXEL_STAGE")


def smoke(recipe, folder, monkeypatch, *options):
    """A smoke run in this process, which has TensorFlow already.

    A few steps and draws do not repay tracing their graph, but where images come pixel by pixel. What is measured
    is small, too.
    """
    import tensorflow as tf

    monkeypatch.syspath_prepend(recipe.parent)
    monkeypatch.setattr(sys, "argv", [str(recipe), "--smoke", "--output", str(folder), *options])
    module = importlib.import_module(recipe.stem)
    small = {} if recipe.stem in AS_THEY_ARE else {name: SMALL[name] for name in SMALL.keys() & vars(module).keys()}
    for name, value in small.items():
        monkeypatch.setattr(module, name, value)
    begins = {getattr(module, name) for name in BEGINNINGS if hasattr(module, name)}
    size = {name.lower(): small[name] for name in ("FILTERS", "RESIDUAL_BLOCKS") if name in small}
    load = zoo.load

    def load_small(name, **overrides):
        model = load(name, **overrides)
        return model.from_config({**model.get_config(), **size}) if name in begins else model

    monkeypatch.setattr(zoo, "load", load_small)
    sample = CodeSampler.sample

    def sample_traced(*arguments, **options):
        tf.config.run_functions_eagerly(False)
        try:
            return sample(*arguments, **options)
        finally:
            tf.config.run_functions_eagerly(True)

    monkeypatch.setattr(CodeSampler, "sample", sample_traced)
    monkeypatch.setattr(classifiers, "CAS_EPOCHS", 1)
    for condition in protocols.CURVES:
        monkeypatch.setitem(protocols.CURVES, condition, protocols.CURVES[condition][:2])
    monkeypatch.setattr(protocols, "SMOKE", protocols.SMOKE._replace(images=4))
    tf.config.run_functions_eagerly(True)
    try:
        module.main()
    finally:
        tf.config.run_functions_eagerly(False)


def tags(folder):
    """The tags of all that TensorBoard finds in a folder."""
    import tensorflow as tf

    files = [str(path) for path in folder.rglob("events*")]
    return {
        value.tag
        for file in files
        for event in tf.compat.v1.train.summary_iterator(file)
        for value in event.summary.value
    }


@pytest.mark.slow
@pytest.mark.parametrize("recipe", TRAINING, ids=lambda path: path.stem)
def test_smoke_run_goes_the_whole_way(recipe, tmp_path, monkeypatch):
    manifest = (ROOT / "weights_manifest.json").read_bytes()
    begun = time.process_time()
    smoke(recipe, tmp_path, monkeypatch)
    # Of the processor, so that what else runs does not matter.
    assert time.process_time() - begun < 60
    entry = json.loads((tmp_path / "weights_manifest.json").read_text())["presets"][recipe.stem]
    assert entry["metrics"]
    assert entry["recipe"] == f"recipes/{recipe.name}"
    module = importlib.import_module(recipe.stem)
    assert entry.get("reproducible", True) is not hasattr(module, "NOT_REPRODUCIBLE_BECAUSE")
    assert entry.get("not_reproducible_because") == getattr(module, "NOT_REPRODUCIBLE_BECAUSE", None)
    assert "bfloat16" not in (tmp_path / "preset" / presets.CONFIG).read_text()
    # A recipe of several stages has a folder for each.
    histories = list(tmp_path.rglob("history.csv"))
    assert histories
    for history in histories:
        assert history.read_text().count("\n") == 2
        assert list((history.parent / "tensorboard").rglob("events*"))
    if entry["kind"] == "model":
        for history in histories:
            assert (history.parent / "samples" / "epoch_0001.png").exists()
            assert "samples" in tags(history.parent / "tensorboard")
        # Enlarged pictures are meant to be near to one.
        assert (tmp_path / "preset" / "nearest.png").exists() or entry["class"] in ("SRResNet", "SRGAN")
        for picture in re.findall(r'"(\w+\.png)"', recipe.read_text()):
            assert (tmp_path / "preset" / picture).exists()
            assert f"({picture})" in model_card("me/x", None, entry, [picture])
        if entry["class"] == "TextToImageGAN":
            text = model_card("me/x", None, entry)
            assert all(f"{row}. {prompt}\n" in text for row, prompt in enumerate(entry["shown_prompts"], 1))
            assert len(entry["shown_prompts"]) == 10
    # A run with a folder of its own never touches what is shipped.
    assert (ROOT / "weights_manifest.json").read_bytes() == manifest


@pytest.mark.slow
def test_runs_are_resumed_after_their_training_and_go_on_from_what_is_shipped(tmp_path, monkeypatch):
    recipe = ROOT / "recipes" / "vae_mnist_28.py"

    def killed(*_, **__):
        raise KeyboardInterrupt

    def entry():
        return json.loads((tmp_path / "weights_manifest.json").read_text())["presets"][recipe.stem]

    def loss():
        with (tmp_path / "history.csv").open(newline="") as file:
            [row] = csv.DictReader(file)
        return float(row["loss"])

    monkeypatch.syspath_prepend(recipe.parent)
    with monkeypatch.context() as patch:
        patch.setattr(run, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            smoke(recipe, tmp_path, monkeypatch)
    written = [(tmp_path / name).read_bytes() for name in ("history.csv", "seconds.json")]
    assert (tmp_path / "backup").exists() and not (tmp_path / "preset").exists()
    smoke(recipe, tmp_path, monkeypatch, "--resume")
    assert written == [(tmp_path / name).read_bytes() for name in ("history.csv", "seconds.json")]
    assert (tmp_path / "preset" / "config.json").exists() and not (tmp_path / "backup").exists()
    first, before = entry(), loss()
    assert first["training_minutes"] == round(json.loads(written[1]) / 60, 1) and "cycles" not in first

    shipped = {path.name: path.read_bytes() for path in (tmp_path / "preset").iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr(protocols, "evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            smoke(recipe, tmp_path, monkeypatch, "--further")
    # What is shipped fits its entry until the new figures are known.
    assert {path.name: path.read_bytes() for path in (tmp_path / "preset").iterdir()} == shipped and entry() == first
    smoke(recipe, tmp_path, monkeypatch, "--resume")
    assert not (tmp_path / "draft").exists()
    assert [entry()[name] for name in ("epochs", "cycles", "version")] == [2, 2, 2]
    assert entry()["training_minutes"] >= first["training_minutes"]
    # The mean over an epoch of four steps, which begins where the first run ended.
    assert loss() < before - 5.0


def test_what_is_shipped_is_replaced_by_a_run_without_a_folder_of_its_own_alone(tmp_path, monkeypatch):
    def directory(*options):
        monkeypatch.setattr(sys, "argv", ["vae_mnist_28.py", *options])
        return run.recipe("vae_mnist_28.py", "mnist", epochs=1).preset_directory

    assert directory() == presets.BUNDLED / "vae_mnist_28"
    assert directory("--output", str(tmp_path)) == tmp_path / "preset"


@pytest.mark.parametrize(
    ("flags", "precision"), [("avx2 avx512f", "mixed_bfloat16"), ("avx2", "float32"), (None, "float32")]
)
def test_recipes_train_in_half_precision_where_it_gains_something(flags, precision, monkeypatch, tmp_path):
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(settings, "CPU_FACTS", tmp_path / "cpuinfo")
    monkeypatch.setattr(sys, "argv", ["x.py", "--output", str(tmp_path / "run")])
    before = keras.config.dtype_policy()
    try:
        assert run.recipe("x.py", "mnist", 1, "mixed_bfloat16").precision == precision
        assert keras.config.dtype_policy().name == precision
    finally:
        keras.config.set_dtype_policy(before)


def trial(output, **settings):
    """A run whose folder is `output`, without the seed and the precision that `begin` sets."""
    return run.Run("trial", output, output / "preset", output / "weights_manifest.json", **settings)


@pytest.mark.slow
def test_a_second_network_measures_a_preset(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    judge = presets.BUNDLED / "classifier_mnist_28"
    model, network = zoo.GAN((28, 28, 1), 2, hidden_units=(4,)), features.load(judge)
    found = references.load("mnist", features.load("classifier_mnist_28"), model.image_shape)
    place = cache_folder() / references.file_name("mnist", model.image_shape, network)
    references.write(place, network, found, data.identity("mnist", None))
    finished = trial(tmp_path, dataset="mnist", judge=judge, smoke=True)
    run.finish(finished, model, data.ImageSet(model.generate(40, seed=1)))
    metrics = json.loads(finished.manifest_path.read_text())["presets"]["trial"]["metrics"]
    own, others = (
        {key: metrics[key]["value"] for key in metrics if key.endswith(end)}
        for end in ("test_mnist_classifier", "test_classifier")
    )
    assert len(own) == 4
    assert others == {name.replace("mnist_", ""): value for name, value in own.items()}


def learned_dcgan():
    """A tiny DCGAN whose weights moved at random, except variances, which stay positive, and the random stream."""
    keras.utils.set_random_seed(0)
    model, rng = zoo.DCGAN((16, 16, 3), 6, filters=2, discriminator_batch_norm=False), np.random.default_rng(0)
    for variable in model.weights:
        if variable.dtype == "float32" and "moving_variance" not in variable.path:
            variable.assign(variable + rng.normal(0, 0.1, variable.shape))
    return model, rng


def test_the_weights_of_the_best_epoch_are_kept_and_a_resumed_run_knows_them(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    history = tmp_path / "history.csv"
    history.write_text("epoch,fid2k_train\n")
    backup = tmp_path / "backup" / "all" / "state.weights.h5"
    backup.parent.mkdir(parents=True)

    def best_after(distances):
        callback = best_weights(trial(tmp_path), "fid2k_train")
        callback.set_model(model)
        for distance in distances:
            model.set_weights([np.full((1, 1), distance)])
            epoch = len(history.read_text().splitlines()) - 1
            callback.on_epoch_end(epoch, {"fid2k_train": distance})
            with history.open("a") as file:
                file.write(f"{epoch},{distance}\n")
        model.load_weights(callback.filepath)
        return model.get_weights()[0].item()

    assert best_after([5, 3, 4]) == 3
    backup.touch()
    assert best_after([3.5]) == 3
    assert best_after([2, 2.5]) == 2
    # A run that begins anew in the folder of an old one.
    backup.unlink()
    assert best_after([9]) == 9


@pytest.mark.slow
def test_statistics_are_measured_on_the_same_batches_after_every_epoch(tmp_path, monkeypatch):
    keras.utils.set_random_seed(0)
    model, seen = zoo.GAN((4, 4, 1), 2, hidden_units=(2,)), []
    monkeypatch.setattr(
        model, "update_standing_statistics", lambda batches: seen.append([batch["images"].numpy() for batch in batches])
    )
    images = data.ImageSet(np.arange(8 * 16, dtype="uint8").reshape(8, 4, 4, 1))

    def train(folder, best_by):
        still = callbacks.SampleMetric("still", lambda model: 0.0)
        stage = run.Stage(images, 2, 2, (1e-3, 1e-3), metrics=[still], best_by=best_by)
        run.train(trial(tmp_path / folder), model, [stage])

    train("best", "still")
    # The statistics of the best weights were measured before their metric was.
    assert len(seen) == 2
    train("last", None)
    assert len(seen) == 3
    np.testing.assert_array_equal(seen[0], seen[1])
    np.testing.assert_array_equal(seen[0], seen[2])


@pytest.mark.slow
def test_a_run_killed_before_its_first_backup_begins_again(tmp_path):
    shipped, seen = tiny_vae(), []
    shipped.save_to_preset(tmp_path / "preset")
    # Of the run before.
    (tmp_path / "seconds.json").write_text("1200.0")
    (tmp_path / "history.csv").write_text("epoch,loss\n0,1.0\n")

    class Killed(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    def begin(metric):
        begun = trial(tmp_path, further=True)
        run.train(begun, tiny_vae(), [run.Stage(data.ImageSet(images(16)), 1, 8, 1e-3, metrics=[metric])])
        [trained] = begun.trained
        return trained.seconds

    with pytest.raises(KeyboardInterrupt):
        begin(Killed())
    recorded = keras.callbacks.LambdaCallback(on_train_begin=lambda _: seen.extend(values(recorded.model.weights)))
    assert begin(recorded) < 1200.0
    np.testing.assert_equal(seen, values(shipped.weights))
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 2


@pytest.mark.slow
def test_sagan_begins_with_what_a_dcgan_learned():
    trained, rng = learned_dcgan()
    model = zoo.SAGAN((16, 16, 3), 6, filters=2, residual=False)
    warm_start_sagan(model, trained)

    rows = rng.normal(size=(5, 6)).astype("float32")
    for name in ("generator", "ema_generator"):
        drawn, wanted = (getattr(one, name).predict_on_batch(rows) for one in (model, trained))
        assert wanted.std() > 1e-3
        np.testing.assert_allclose(drawn, wanted, atol=1e-6)
    assert_normalized_anew(model.discriminator, trained.discriminator, rng)


def assert_normalized_anew(discriminator, trained, rng):
    """One discriminator is the other under spectral normalization, and so its logits but for a factor."""
    images = rng.uniform(-1, 1, (5, 16, 16, 3)).astype("float32")
    logits, wanted = (one.predict_on_batch(images)[:, 0] for one in (discriminator, trained))
    np.testing.assert_allclose(logits / logits[0], wanted / wanted[0], rtol=1e-4)
    normalized = [layer for layer in discriminator.layers if isinstance(layer, SpectralNormalization)]
    assert len(normalized) == 3
    # The power iteration has arrived: a further step finds the same.
    for layer in normalized:
        weight = layer.normalized_weight().numpy()
        np.testing.assert_allclose(layer.normalized_weight(training=True), weight, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_style_gan_under_spectral_normalization_begins_with_a_plain_discriminator():
    trained, rng = learned_dcgan()
    model = zoo.StyleDCGAN((16, 16, 3), 6, filters=2, mapping_layers=1, spectral_norm=True)
    warm_start_style_dcgan(model, trained)
    assert_normalized_anew(model.discriminator, trained.discriminator, rng)


@pytest.mark.slow
def test_style_gan_begins_with_what_a_dcgan_learned():
    trained, rng = learned_dcgan()
    model = zoo.StyleDCGAN((16, 16, 3), 6, filters=2, mapping_layers=1)
    warm_start_style_dcgan(model, trained)

    images = rng.uniform(-1, 1, (5, 16, 16, 3)).astype("float32")
    logits, wanted = (one.discriminator.predict_on_batch(images) for one in (model, trained))
    np.testing.assert_allclose(logits, wanted, atol=1e-5)

    given = rng.normal(size=(1000, 6)).astype("float32")
    w = model.mapping.predict_on_batch(given)
    fitted = model.mapping.predict_on_batch(latents.sample(LATENTS_TO_FIT, (6,), 0))
    for synthesis, generator in (
        (model.generator.get_layer("synthesis"), trained.generator),
        (model.synthesis, trained.ema_generator),
    ):
        # What styles move scales and shifts around.
        for layer in synthesis.layers:
            if layer.name.startswith("norm_"):
                for linear in (layer.scale, layer.shift):
                    mean = linear(fitted).numpy().mean(0)
                    linear.kernel.assign(0 * linear.kernel)
                    linear.bias.assign(mean / linear.learning_rate_multiplier)
        # What the projection makes of w is what the other's makes of this.
        kernels = [network.get_layer("project").kernel.numpy() for network in (synthesis, generator)]
        z = w @ kernels[0] @ np.linalg.pinv(kernels[1])
        assert np.mean((z - given) ** 2) < 0.5
        wanted = generator.predict_on_batch(z[:4])
        assert wanted.std() > 1e-3
        styles = np.repeat(w[:4, None], model.num_layers, 1)
        np.testing.assert_allclose(synthesis.predict_on_batch(styles), wanted, atol=1e-5)


def test_folders_of_test_pictures_are_looked_into_before_training(tmp_path):
    few = data.ImageSet(images(1))

    def refusal(folder, says):
        begun = run.Recipe(**vars(trial(tmp_path)), epochs=1, test_sets=folder)
        with pytest.raises(InputError, match=says):
            run.read_test_pictures(begun, few)

    (tmp_path / "README").touch()
    for folder in (tmp_path, tmp_path / "missing"):
        refusal(folder, "test_sets is '.*', expected a folder that holds folders of PNG files")
    (tmp_path / "set5").mkdir()
    refusal(tmp_path, "whose folder set5 holds no PNG file")


@pytest.mark.slow
def test_an_epoch_that_was_repeated_counts_once(tmp_path):
    rows = ["epoch,loss,distance", "0,1,3", "1,2,2", "1,2,2", "2,3,1"]
    (tmp_path / "history.csv").write_text("\n".join(rows))
    found = run.correlation(trial(tmp_path), "loss", "distance")
    assert found["correlation_loss_distance"]["value"] == -1.0
    assert "of the 3 epochs" in found["correlation_loss_distance"]["protocol"]


@pytest.mark.slow
def test_a_recipe_is_a_script(tmp_path):
    result = run_recipe(ROOT / "recipes" / "vae_mnist_28.py", "--smoke", "--output", str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "preset" / "config.json").exists()


@pytest.mark.slow
def test_unfinished_run_is_not_overwritten_and_bad_epochs_are_refused(tmp_path, monkeypatch, capsys):
    recipe = ROOT / "recipes" / "vae_mnist_28.py"
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "state.weights.h5").write_bytes(b"unfinished")

    def refusal(*options):
        with pytest.raises(SystemExit) as refused:
            smoke(recipe, tmp_path, monkeypatch, *options)
        assert refused.value.code == 2
        return capsys.readouterr().err

    assert "--resume" in refusal()
    assert (tmp_path / "backup" / "state.weights.h5").read_bytes() == b"unfinished"
    assert "--epochs is 0" in refusal("--epochs", "0")
    assert "is no preset directory" in refusal("--judge", str(tmp_path))
    (tmp_path / "backup" / "state.weights.h5").unlink()
    (tmp_path / "backup").rmdir()
    assert f"{tmp_path / 'preset'}, which holds no preset" in refusal("--further")
