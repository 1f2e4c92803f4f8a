"""The results of the benchmarks are one table and one plot each, and pages cite what the tables hold."""

import importlib
import math
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import images, tiny_dcgan, tiny_vae
from PIL import Image

import zoo
from zoo import presets

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"
TABLES = sorted((BENCHMARKS / "results").glob("*.csv"))


@pytest.fixture
def script(monkeypatch):
    """Imports a file of `benchmarks/` by name."""
    for folder in ("recipes", "benchmarks"):
        monkeypatch.syspath_prepend(ROOT / folder)
    return importlib.import_module


def page(name):
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def test_each_training_benchmark_has_one_table_one_plot_and_at_most_one_picture():
    names = {path.stem for path in TABLES}
    users = {path.stem for path in BENCHMARKS.glob("[!_]*.py") if "import _results" in path.read_text("utf-8")}
    # These benchmarks take many hours, so their scripts come before their tables.
    assert users - {"families", "peers", "small_data"} <= names <= users and "fine_tuning" in names
    files = {path.name for path in (BENCHMARKS / "results").iterdir()}
    required = {f"{name}{suffix}" for name in names for suffix in (".csv", ".png")}
    assert required <= files <= required | {f"{name}_samples.png" for name in names}


@pytest.mark.parametrize("name", [path.stem for path in TABLES])
def test_tables_are_complete_and_hold_each_measurement_once(script, name):
    rows = script("_results").read(name)
    value = "value" if "value" in rows[0] else "frechet_distance"
    assert all(math.isfinite(row[value]) and row[value] > 0 for row in rows)
    optional = {"value", "frechet_distance", "std", "real"}
    keys = [tuple(cell for column, cell in row.items() if column not in optional) for row in rows]
    assert all(None not in key for key in keys) and len(set(keys)) == len(keys)


def test_the_times_of_steps_take_the_place_of_older_ones(script):
    backends, written = script("backends"), script("_writing").written
    page = backends.PAGE.read_text(encoding="utf-8")
    times = {"hand": {"first": 1.0, "step": 0.01}, "fit": {"first": 2.0, "step": 0.011}}
    once = written(page, "backends.py", backends.table({("VAE 28x28", "torch"): times}))
    assert "| VAE 28x28 | PyTorch | 10.0 | 11.0 | 1.10 | 1.0 | 2.0 |" in once
    assert written(once, "backends.py", backends.table({("VAE 28x28", "torch"): times})) == once
    before, after = (
        page.split("<!-- benchmarks/backends.py begins")[0],
        page.split("benchmarks/backends.py ends -->")[1],
    )
    assert once.startswith(before) and once.endswith(after)


def test_a_run_replaces_its_own_rows_and_no_others(script, monkeypatch, tmp_path):
    results = script("_results")
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    assert results.read("tried") == []
    results.keep("tried", {"start": "a, b", "rate": 5e-4}, [{"step": 1, "value": 0.5}, {"step": 2, "value": None}])
    results.keep("tried", {"start": "a, b", "rate": 1e-3}, [{"step": 1, "value": 1 / 3}])
    results.keep("tried", {"start": "a, b", "rate": 5e-4}, [{"step": 3, "value": 2.0}])
    assert results.read("tried") == [
        {"start": "a, b", "rate": 0.001, "step": 1, "value": 0.333333},
        {"start": "a, b", "rate": 0.0005, "step": 3, "value": 2},
    ]


def test_a_strip_of_samples_replaces_its_own_and_no_others(script, monkeypatch, tmp_path):
    results = script("_results")
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    for index, shade in ((1, 10), (0, 20), (1, 30)):
        results.keep_samples("tried", index, np.full((results.SAMPLES, 4, 4, 1), shade, "uint8"))
    picture = np.asarray(Image.open(tmp_path / "tried_samples.png"))
    assert [set(strip.flat) for strip in np.split(picture, 2)] == [{20, 255}, {30, 255}]


@pytest.mark.parametrize("name", ["cycle_gan_beside_pairs", "dcgan_textbook", "vq_vae_beside_vae"])
def test_tables_hold_the_figures_of_the_manifest(script, name):
    preset = script(name).PRESET
    kept = script("_results").read_metrics(name)[preset]
    for metric, figure in presets.entry_of(preset)["metrics"].items():
        # A preset that was trained anew needs its benchmark run anew, which trains only what is missing.
        assert kept[metric]["value"] == pytest.approx(figure["value"], rel=1e-5), metric


def test_the_page_on_fine_tuning_cites_the_table(script):
    benchmark = script("fine_tuning")

    def best_curve(chosen, start):
        found = benchmark.curves(chosen, start)
        return benchmark.mean(found[benchmark.best(found)])

    text, found = page("fine_tuning.md"), {}
    for start in benchmark.STARTS:
        curve = best_curve("emoji", start)
        found[start] = *benchmark.lowest(curve), curve[-1][1]
    step, value, end = found["perturbed"]
    assert f"reaches a Fréchet distance of {value:.1f} at step {step} of 1,000 ({end:.1f} at the end)" in text
    assert f"Without `shrink_and_perturb` it reaches {found['tuned'][1]:.1f}" in text
    step, value, end = found["scratch"]
    assert f"the same networks reach {value:.1f} at step {step:,} of 5,000 ({end:.1f} at the end)" in text
    tuned, scratch = (benchmark.lowest(best_curve("digits", start))[1] for start in ("perturbed", "scratch"))
    assert f"fine-tuning reaches {tuned:.1f} in 1,000 steps and training from scratch {scratch:.1f} in 5,000" in text


def test_pages_cite_the_distances_of_the_other_tables(script):
    read = script("_results").read_metrics
    preset, textbook = script("dcgan_textbook").distances(read("dcgan_textbook"))
    settings = "with the settings of `dcgan_fashion_mnist_28` it"
    assert f"the Fréchet distance on garments is {textbook:.2f}; {settings} is {preset:.2f}" in page("training.md")
    assert f"the best of three seeds reaches a Fréchet distance of {textbook:.2f}" in page("presets.md")
    vq_vae, vae = script("vq_vae_beside_vae").distances(read("vq_vae_beside_vae"))
    assert f"its Fréchet distance is {vae:.1f}, the preset's {vq_vae:.2f}" in page("generating.md")


@pytest.mark.slow
def test_the_page_on_presets_cites_what_pairs_teach(script):
    benchmark, less = script("cycle_gan_beside_pairs"), {}
    runs = script("_results").read_metrics(benchmark.NAME)
    for way in benchmark.WAYS:
        figures = {label: figure["value"] for label, figure in benchmark.differences(runs, way).items()}
        less[way] = {label: 100 * (1 - value / figures["untranslated"]) for label, value in figures.items()}
    preset, pairs = ([less[way][name] for way in ("", "_back")] for name in (benchmark.PRESET, "learned from pairs"))
    text = page("presets.md")
    assert f"{preset[0]:.0f} % below that of untranslated signs, and {preset[1]:.0f} % on the way back" in text
    assert f"the same translators reach {pairs[0]:.0f} % and {pairs[1]:.0f} % if they learn from the pairs" in text


# === Small data ===


@pytest.fixture
def small_data(script, monkeypatch, tmp_path):
    """The benchmark of small data, whose table and samples are in `tmp_path`."""
    monkeypatch.setattr(script("_results"), "FOLDER", tmp_path)
    return script("small_data")


def test_small_data_sets_have_no_near_duplicates_and_no_image_in_both_parts(script):
    sets = script("_small_data_sets")
    found = images(30, (16, 16, 1))
    shifted = np.clip(found[:10].astype(int) + 2, 0, 255).astype("uint8")
    train, test = sets.divided(np.concatenate([found, shifted]), 8, distance=4.0)
    assert (len(train), len(test)) == (22, 8)
    assert {image.tobytes() for image in (*train, *test)} == {image.tobytes() for image in found}
    assert list(sets.distinct(np.concatenate([found, shifted]), distance=1.0)) == list(range(40))


def test_each_row_of_small_data_has_a_set_and_a_preset(small_data, script):
    assert {name for name, _ in small_data.ROWS} == set(script("_small_data_sets").SOURCES) == set(small_data.SETTINGS)
    for setting in small_data.SETTINGS.values():
        optimizers = 1 if presets.entry_of(setting.preset)["class"] == "VAE" else 2
        assert len(setting.rates) == optimizers, setting.preset


def test_memorized_are_samples_nearer_to_training_images_than_real_ones(small_data):
    random = np.random.RandomState(0)
    known, real, drawn = (random.normal(size=(number, 4)) for number in (200, 400, 400))
    assert small_data.memorized(drawn, known, real) == pytest.approx(0.05, abs=0.03)
    assert small_data.memorized(known, known, real) == 1.0
    assert small_data.memorized(np.concatenate([drawn + 50, known]), known, real) == pytest.approx(1 / 3)


@pytest.mark.parametrize("build", [tiny_dcgan, tiny_vae])
@pytest.mark.slow
def test_a_deadline_ends_a_training_with_rates_that_fell_to_nothing(small_data, build):
    model = build()
    rates = (2e-3, 1e-3)[: len(model.optimizer_names)]
    model, steps, minutes = small_data.trained(model, rates, (0.0, 0.99), images(64, model.image_shape), 0, 0.05)
    left = [float(getattr(model, name).learning_rate) for name in model.optimizer_names]
    assert steps > 2 and minutes == 0.05
    assert all(value < 0.5 * rate for value, rate in zip(left, rates, strict=True))


@pytest.mark.slow
def test_a_run_of_small_data_is_a_row_of_the_table_and_a_strip(small_data, script, monkeypatch, tmp_path):
    setting = small_data.Setting("dcgan_fashion_mnist_28", tiny_dcgan, (2e-3, 1e-3))
    monkeypatch.setitem(small_data.SETTINGS, "glyphs", setting)
    monkeypatch.setattr(small_data, "SAMPLES", 40)
    shape = setting.build().image_shape
    np.savez(tmp_path / "glyphs.npz", train=images(120, shape), test=images(40, shape, seed=1))
    tuned = {"preset": setting.preset, "features": "network", "steps": 9, "minutes": 0.02, "kernel_distance": 1.0}
    run = {"data_set": "glyphs", "images": 100, "start": small_data.TUNED, "seed": 0}
    script("_results").keep("small_data", run, [{**tuned, "frechet_distance": 1.0, "memorized": 0.1}])
    for start in (small_data.TRAINING_IMAGES, small_data.SCRATCH):
        small_data.run("glyphs", 100, start, 0, tmp_path, "classifier_fashion_mnist_28")
        assert small_data.measured_already("glyphs", 100, start, 0)
    found = small_data.runs()
    row, real = (found["glyphs", 100, start][0] for start in (small_data.SCRATCH, small_data.TRAINING_IMAGES))
    assert row["minutes"] == 0.02 and row["steps"] > 0 and row["features"] == "fashion_mnist_classifier"
    assert row["kernel_distance"] > real["kernel_distance"] and real["memorized"] == 1.0
    strips = Image.open(tmp_path / "small_data_samples.png").height // small_data.STRIP_SHAPE[0]
    assert strips >= len(small_data.STARTS) - 1
    assert f"on {int(row['kernel_distance'] > 1.0)} of 1 rows" in small_data.table(found)[-1]


def test_the_table_of_small_data_says_where_fine_tuning_is_behind(small_data, script):
    def keep(name, images, start, seed, distance):
        figures = {"minutes": 2.0, "kernel_distance": distance, "frechet_distance": 1.0, "memorized": 0.25}
        script("_results").keep(
            "small_data", {"data_set": name, "images": images, "start": start, "seed": seed}, [figures]
        )

    for name, tuned, scratch in (("faces", 0.2, 0.5), ("glyphs", 0.4, 0.3)):
        for seed in small_data.SEEDS:
            keep(name, 500, small_data.TRAINING_IMAGES, seed, 0.001)
            keep(name, 500, small_data.TUNED, seed, tuned + 0.01 * seed)
            keep(name, 500, small_data.SCRATCH, seed, scratch)
    keep("faces", 500, "fit at 0.004 and 0.001", 0, 0.1)
    keep("faces", 500, "fit at 0.002 and 0.001", 0, 0.19)
    keep("glyphs", 500, "fit at 0.002 and 0.001", 0, 0.39)
    *rows, _, verdict = small_data.table(small_data.runs())
    assert rows[-1] == "| faces | 500 | 2.0 | **0.210 ± 0.008** | 0.500 ± 0.000 | 0.001 | 25% | 25% |"
    assert verdict == "`fine_tune` is ahead of scratch on 1 of 2 rows. It is behind on glyphs (500 images)."
    glyphs, faces = small_data.beside_rates(small_data.runs())
    assert "1.03 times" in glyphs and "0.390), within 1.15" in glyphs
    assert "2.00 times" in faces and "best of 2 (fit at 0.004 and 0.001: 0.100), NOT within 1.15" in faces


def test_rows_of_small_data_are_selected_by_any_of_their_words(small_data):
    def selected(*only):
        return [row for row in small_data.ROWS if small_data.wanted(*row, small_data.SCRATCH, only)]

    assert selected() == list(small_data.ROWS)
    assert selected("faces", "icons", "500") == [("faces", 500), ("icons", 500)]
    assert selected("fine_tune") == []


# === Families ===


@pytest.fixture
def families(script, monkeypatch, tmp_path):
    """The benchmark of families, of one tiny model of each kind, whose table is in `tmp_path`."""
    monkeypatch.setattr(script("_results"), "FOLDER", tmp_path)
    # Another module of the tests has this name.
    monkeypatch.delitem(sys.modules, "families", raising=False)
    benchmark = script("families")
    tiny = {
        "VAE": benchmark.Family(lambda images: zoo.BetaVAE((28, 28, 1), 4, filters=4, beta=1.0), (1e-3,), 32),
        "VQVAE": benchmark.Family(
            lambda images: zoo.VQVAE((28, 28, 1), 8, 4, filters=4),
            (1e-3,),
            32,
            prior={"filters": 4, "num_blocks": 1},
            prior_rate=1e-3,
            prior_batch_size=16,
        ),
        "RectifiedFlow": benchmark.Family(
            lambda images: zoo.RectifiedFlow((28, 28, 1), filters=8, blocks=1, steps=1), (1e-3,), 32
        ),
    }
    monkeypatch.setattr(benchmark, "FAMILIES", {"fashion_mnist": tiny})
    monkeypatch.setattr(benchmark, "ROWS", tuple(("fashion_mnist", name) for name in tiny))
    monkeypatch.setattr(benchmark, "SAMPLES", 24)
    monkeypatch.setattr(benchmark, "LIKELIHOODS", 2)
    drawn = images(96, (28, 28, 1)), images(32, (28, 28, 1), seed=1)
    monkeypatch.setattr(benchmark, "images_of", lambda dataset, data_dir: drawn)
    yield benchmark
    keras.config.set_dtype_policy("float32")


@pytest.mark.slow
def test_families_are_trained_measured_and_timed(families, script, tmp_path):
    for name in families.FAMILIES["fashion_mnist"]:
        families.run("fashion_mnist", name, 0.05, None)
        keras.config.set_dtype_policy("float32")
        families.time_drawing("fashion_mnist", name, None)
    found = families.runs()
    assert all(row["steps"] >= 1 and row["frechet_distance"] > 0 and row["seconds"] > 0 for row in found.values())
    assert found["fashion_mnist", "VAE"]["bits"] is None and found["fashion_mnist", "RectifiedFlow"]["bits"] > 8
    model = zoo.VQVAE((28, 28, 1), 8, 4, filters=4)
    model.build_prior(filters=4, num_blocks=1)
    assert found["fashion_mnist", "VQVAE"]["parameters"] == model.count_params()
    strips = Image.open(tmp_path / "families_samples.png").height // 64
    assert strips == len(found)
    table = families.table(found, "fashion_mnist")
    assert table.count("\n") == 1 + len(found) and f"| {found['fashion_mnist', 'VAE']['steps']:,} |" in table


# === Peers ===


@pytest.fixture
def peers(families, script):
    """The benchmark of peers, whose table is in the folder of that of families."""
    return script("peers")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_networks_of_a_peer_train_in_both_precisions(peers, monkeypatch, precision):
    monkeypatch.setattr(peers, "ROUNDS", 1)
    monkeypatch.setattr(peers, "BATCH_SIZES", dict.fromkeys(peers.PEERS, 4))
    for name in ("VQVAE", "DCGAN"):
        peers.time_ours(name, precision, images(4, (28, 28, 1)))
        assert not peers.lacks(name, "zoo", precision) and peers.lacks(name, "zoo", "frechet_distance")


def test_the_rebuilt_networks_have_as_many_weights_as_those_of_pythae(peers):
    encoder, decoder = peers.conv_networks(2 * peers.LATENT_DIM)
    trained = [sum(math.prod(v.shape) for v in network.trainable_variables) for network in (encoder, decoder)]
    # The numbers of pythae's `Encoder_Conv_VAE_MNIST` and `Decoder_Conv_AE_MNIST`.
    assert trained == [11_050_656, 6_181_377]


def test_the_table_of_peers_has_the_ratios_of_speeds_and_distances(peers):
    for name, peer in peers.PEERS.items():
        for library, factor in (("zoo", 2.0), (peer, 1.0)):
            figures = dict.fromkeys(peers.families.DIGITS, factor)
            peers.keep(name, library, {"float32": 100 * factor, "bfloat16": 300 / factor, "minutes": 1, "steps": 2})
            peers.keep(name, library, figures)
    lines = peers.table(peers.rows()).splitlines()
    assert lines[2:5] == [
        "| `VAE` | pythae | 100 | 300 | 1.00 | 1.00 | 1.00 | 1.00 |",
        "| `VAE` | zoo | 200 | 150 | 2.00 | 2.00 | 2.00 | 2.00 |",
        "|  | ratio | 2.00 | 0.50 | 2.00 |  |  |  |",
    ]
