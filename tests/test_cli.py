"""The command `zoo` as people run it: real processes, real presets, every error as one sentence."""

import contextlib
import hashlib
import json
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest
from commands import ZOO, fail, run, run_here, succeed
from contract.families import FAMILIES
from helpers import HOSTILE_TEXT, assert_harmless, flip_a_bit, strengthened, tiny_vae
from PIL import Image

import zoo
from zoo import presets
from zoo.images import grid, read_image

SHAPE = (28, 28, 1)
FEATURE_NETWORK = "classifier_mnist_28"
PUBLISHED = {
    "fid64_test_mnist_classifier": {"value": 12.34, "std": 0.5, "real": 1.25, "protocol": "The protocol of then."},
    "precision64_test_mnist_classifier": {"value": 0.75, "std": 0.01, "real": 0.9, "protocol": "Another sentence."},
}


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A tiny preset directory of our own."""
    directory = tmp_path_factory.mktemp("presets") / "tiny"
    zoo.DCGAN(SHAPE, latent_dim=4, filters=2).save_to_preset(directory)
    return directory


@pytest.fixture
def damaged(preset, tmp_path):
    """A copy of the tiny preset to damage."""
    return shutil.copytree(preset, tmp_path / "damaged")


@pytest.fixture(scope="module")
def installation(preset, tmp_path_factory):
    """Environment of a zoo that ships other presets: a copy of the code with a manifest of our own."""
    root = tmp_path_factory.mktemp("installation")
    shutil.copytree(Path(zoo.__file__).parent, root / "zoo", ignore=shutil.ignore_patterns("__pycache__", "weights"))
    (root / "zoo" / "weights").mkdir()
    shutil.copytree(presets.BUNDLED / FEATURE_NETWORK, root / "zoo" / "weights" / FEATURE_NETWORK)
    shutil.copytree(preset, root / "zoo" / "weights" / "tiny_mnist_28")
    entry = {
        **presets.entry_of(FEATURE_NETWORK),
        "kind": "model",
        "class": "DCGAN",
        "files": {name: presets.describe_file(preset / name) for name in presets.HASHED_FILES},
        "recipe": "recipes/tiny_mnist_28.py",
        "reproducible": False,
        "not_reproducible_because": "its data are gone.",
        "training_minutes": 3.5,
        "metrics": PUBLISHED,
    }
    bound = {"value": 84.71, "std": 0.0, "real": None, "protocol": "A bound."}
    likely = {**entry, "class": "VAE", "dataset": "omniglot", "metrics": {**PUBLISHED, "nll_iw5000_test": bound}}
    entries = {"tiny_mnist_28": entry, "long_name_omniglot_28": likely}
    entries[FEATURE_NETWORK] = presets.entry_of(FEATURE_NETWORK)
    (root / "weights_manifest.json").write_text(json.dumps({"presets": entries}), encoding="utf-8")
    return {"PYTHONPATH": str(root), "command": (sys.executable, "-c", "from zoo.cli import main; main()")}


# === list and info ===


@pytest.mark.slow
def test_list_answers_at_once(tmp_path):
    def seconds():
        begun = time.perf_counter()
        run("list", cwd=tmp_path)
        return time.perf_counter() - begun

    assert min(seconds() for _ in range(3)) < 0.4


def test_list_names_what_the_library_lists(tmp_path):
    assert [line.split()[0] for line in run("list", cwd=tmp_path).stdout.splitlines()] == zoo.list_presets()


@pytest.mark.slow
def test_list_shows_class_data_set_and_main_figure_in_aligned_columns(tmp_path, installation):
    assert succeed("list", cwd=tmp_path, **installation).splitlines() == [
        "long_name_omniglot_28  VAE    omniglot  nll_iw5000_test 84.71",
        "tiny_mnist_28          DCGAN  mnist     fid64_test_mnist_classifier 12.34",
    ]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["*mnist*"], ["tiny_mnist_28"]),
        (["*_28"], ["long_name_omniglot_28", "tiny_mnist_28"]),
        (["--model", "VAE"], ["long_name_omniglot_28"]),
        (["--model", "dcgan"], ["tiny_mnist_28"]),
        (["--dataset", "mnist"], ["tiny_mnist_28"]),
    ],
)
def test_list_filters(tmp_path, installation, arguments, names):
    printed = succeed("list", *arguments, cwd=tmp_path, **installation)
    assert [line.split()[0] for line in printed.splitlines()] == names


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["dcgan*", "--model", "VAE"], "No preset matches; `zoo list` without arguments shows all."),
        (["mnist", "--json"], "No preset matches; `zoo list` without arguments shows all."),
        (["--model", "dcgam"], "--model is 'dcgam', expected one of BetaVAE, "),
    ],
)
def test_list_fails_where_nothing_matches(tmp_path, arguments, says):
    assert fail("list", *arguments, cwd=tmp_path, by=run_here).startswith(f"Error: {says}")


@pytest.mark.slow
def test_list_into_a_closed_pipe_is_quiet(tmp_path, installation):
    script = f"{sys.executable} -c 'from zoo.cli import main; main()' list | true"
    assert run(cwd=tmp_path, command=("sh", "-c", script), PYTHONPATH=installation["PYTHONPATH"]).stderr == ""


def test_info_of_an_official_preset(tmp_path, installation, preset):
    shown = succeed("info", "tiny_mnist_28", cwd=tmp_path, **installation)
    assert "  not reproducible  its data are gone.\n" in shown
    entry = presets.entry_of(FEATURE_NETWORK)
    for fact in (
        "class             DCGAN",
        f"origin            bundled, {installation['PYTHONPATH']}/zoo/weights/tiny_mnist_28",
        "data set          mnist",
        f"data licence      {entry['dataset_licence']}",
        f"weights licence   {entry['weights_licence']}",
        "recipe            recipes/tiny_mnist_28.py",
        f"commit            {entry['commit']}",
        "training minutes  3.5",
        "fid64_test_mnist_classifier: 12.34 ± 0.5, real images 1.25\n    The protocol of then.",
        "precision64_test_mnist_classifier: 0.75 ± 0.01, real images 0.9\n    Another sentence.",
    ):
        assert f"  {fact}\n" in shown
    for name in presets.HASHED_FILES:
        content = (preset / name).read_bytes()
        assert f"  {name:<18}{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}\n" in shown


@pytest.mark.slow
def test_info_of_a_feature_network_and_of_a_directory(tmp_path, preset):
    assert "accuracy_test: 0.99" in succeed("info", FEATURE_NETWORK, cwd=tmp_path)
    shown = succeed("info", preset, cwd=tmp_path)
    assert "  class             DCGAN\n" in shown
    assert f"  origin            directory, {preset}\n" in shown
    assert "None" not in shown


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_info_lists_what_generate_takes(name, tmp_path):
    model = FAMILIES[name].build(name)
    model.save_to_preset(tmp_path / "tiny")
    shown = run_here("info", tmp_path / "tiny", cwd=tmp_path).stdout
    assert f"  generate takes    {', '.join(condition.name for condition in model.conditions)}\n" in shown


def test_info_of_a_directory_shows_hostile_texts_as_text(tmp_path, damaged):
    path = damaged / presets.METADATA
    facts = dict.fromkeys(("class", "dataset", "weights_licence", "recipe", "commit", "machine"), HOSTILE_TEXT)
    facts |= {"seed": [HOSTILE_TEXT], "metrics": {HOSTILE_TEXT: {"value": 1, "protocol": HOSTILE_TEXT}}}
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))
    assert_harmless(succeed("info", damaged, cwd=tmp_path))


@pytest.mark.slow
def test_info_of_a_directory_says_whether_its_configuration_is_allowed(tmp_path, damaged):
    assert "  configuration     allowed\n" in succeed("info", damaged, cwd=tmp_path)
    (damaged / presets.METADATA).unlink()
    for config, says in (('{"class_name": "Lambda"}', "Lambda"), ("no json", "config.json is no JSON")):
        (damaged / presets.CONFIG).write_text(config)
        [line] = [line for line in run("info", damaged, cwd=tmp_path).stdout.splitlines() if "configuration" in line]
        assert line.startswith("  configuration     refused: ") and says in line


# === sample ===


def tiles(path, number, columns, padding=2):
    """The images of a grid, cut out by what `zoo.images.grid` promises."""
    pixels = np.asarray(Image.open(path))
    height, width = SHAPE[0] + padding, SHAPE[1] + padding
    rows = -(-number // columns)
    assert pixels.shape == (rows * height + padding, columns * width + padding)
    corners = [(padding + i // columns * height, padding + i % columns * width) for i in range(number)]
    return np.stack([pixels[top : top + SHAPE[0], left : left + SHAPE[1], None] for top, left in corners])


@pytest.mark.slow
def test_sample_writes_what_generate_draws(tmp_path, preset):
    # What stood there is replaced, and nothing is left beside it.
    (tmp_path / "grid.png").write_bytes(b"old")
    printed = succeed("sample", preset, "-n", 5, "--seed", 3, "-o", "grid.png", cwd=tmp_path, by=run_here)
    assert printed == "Wrote 5 images to grid.png.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["grid.png"]
    assert Image.open(tmp_path / "grid.png").format == "PNG"
    np.testing.assert_array_equal(tiles(tmp_path / "grid.png", 5, 3), zoo.load(preset).generate(5, seed=3))


@pytest.mark.slow
def test_sample_draws_64_images_of_seed_0_into_samples_png_every_time(tmp_path, preset):
    files = []
    for folder, by in ((tmp_path / "one", run), (tmp_path / "two", run_here)):
        folder.mkdir()
        printed = succeed("sample", os.path.relpath(preset, folder), cwd=folder, by=by)
        assert printed == "Wrote 64 images to samples.png.\n"
        files.append((folder / "samples.png").read_bytes())
    assert files[0] == files[1]
    np.testing.assert_array_equal(tiles(tmp_path / "one" / "samples.png", 64, 8), zoo.load(preset).generate(64, seed=0))


@pytest.mark.slow
def test_sample_that_cannot_be_written_whole_leaves_the_old_file(tmp_path, preset):
    (tmp_path / "samples.png").write_bytes(b"old")

    def full_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    message = fail("sample", preset, cwd=tmp_path, limit=full_disk, PYTHONDONTWRITEBYTECODE="1")
    assert re.fullmatch(
        r"Error: 'samples.png' could not be written: File too large; [\d,]+ MiB are free in '.+'.\n", message
    )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"samples.png": b"old"}


@pytest.mark.slow
def test_sample_that_is_interrupted_leaves_the_old_file(tmp_path, preset):
    (tmp_path / "samples.png").write_bytes(b"old")
    command = [ZOO, "sample", str(preset), "-n", "1000000"]

    def heed():
        # A test run in the background hands on that it ignores interrupts.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    # On a terminal, where a progress bar tells that it draws.
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    said = ""
    with subprocess.Popen(command, cwd=tmp_path, stderr=theirs, preexec_fn=heed) as process:
        os.close(theirs)
        # Linux ends a terminal that nobody holds by an error.
        with contextlib.suppress(OSError):
            while part := os.read(ours, 1024).decode(errors="replace"):
                if "generating" not in said and "generating" in said + part:
                    process.send_signal(signal.SIGINT)
                said += part
    os.close(ours)
    assert process.returncode == 130
    assert "generating" in said and said.endswith("Aborted!\r\n") and "Traceback" not in said
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"samples.png": b"old"}


# === errors ===


@pytest.mark.slow
@pytest.mark.parametrize("command", ["info", "sample", "evaluate"])
def test_unknown_preset_names_the_nearest(tmp_path, installation, command):
    message = fail(command, "tiny_mist_28", cwd=tmp_path, **installation)
    assert message.startswith("Error: There is no preset 'tiny_mist_28'; did you mean tiny_mnist_28, ")
    assert "zoo list" in fail(command, "0" * 9, cwd=tmp_path, **installation)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["info", "sample", "evaluate"])
def test_directory_that_is_missing_or_no_preset(tmp_path, command):
    assert "'./nowhere' is no preset directory" in fail(command, "./nowhere", cwd=tmp_path)
    (tmp_path / "empty").mkdir()
    assert "'empty' is no preset directory: it has no config.json" in fail(command, "empty", cwd=tmp_path)


@pytest.mark.slow
def test_official_preset_whose_weights_are_absent(tmp_path, installation):
    assert "neither bundled" in fail("sample", "long_name_omniglot_28", cwd=tmp_path, **installation)


def truncate(directory):
    os.truncate(directory / presets.WEIGHTS, 1000)


def remove_weights(directory):
    (directory / presets.WEIGHTS).unlink()


def alter_config(directory):
    path = directory / presets.CONFIG
    path.write_text(path.read_text().replace("DCGAN", "DCGUN"))


def break_metadata(directory):
    (directory / presets.METADATA).write_text("{")


def measure_too_much(directory):
    figure = {"value": 10**400, "protocol": "A number that no float holds."}
    (directory / presets.METADATA).write_text(json.dumps({"metrics": {"fid": figure}}))


def forget_hashes(directory):
    (directory / presets.METADATA).write_text('{"files": {"config.json": 5}}')


@pytest.mark.parametrize("command", ["info", "sample"])
@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (flip_a_bit, "does not match its SHA-256"),
        (truncate, "has 1000 bytes, expected"),
        (remove_weights, "model.weights.h5 is missing"),
        (alter_config, "does not match its SHA-256"),
        (break_metadata, "metadata.json is damaged"),
        (measure_too_much, "its metrics are not figures"),
        (forget_hashes, "states no size and SHA-256 of config.json"),
    ],
)
def test_damaged_preset(tmp_path, damaged, command, damage, sentence):
    damage(damaged)
    assert sentence in fail(command, damaged, cwd=tmp_path)
    assert not (tmp_path / "samples.png").exists()


@pytest.mark.slow
def test_damaged_preset_without_hashes_warns_and_fails(tmp_path, damaged):
    truncate(damaged)
    (damaged / presets.METADATA).unlink()
    result = run_here("sample", damaged, cwd=tmp_path)
    warning, error = result.stderr.splitlines()
    assert result.returncode == 1
    assert warning == f"Warning: The preset in {damaged} carries no hashes, so its files cannot be verified."
    assert error.startswith(f"Error: The preset in {damaged} cannot be loaded")


@pytest.mark.slow
@pytest.mark.parametrize("number", ["-3", "0", "2.5", "many"])
def test_bad_number_of_samples(tmp_path, preset, number):
    message = fail("sample", preset, "-n", number, cwd=tmp_path)
    assert "Invalid value for '-n' / '--num-samples': " in message
    assert number in message


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["-1", str(2**63)])
def test_bad_seed(tmp_path, preset, seed):
    message = fail("sample", preset, "--seed", seed, cwd=tmp_path)
    assert f"Invalid value for '--seed': {seed} is not in the range" in message


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sampel"], "No such command 'sampel'. Did you mean 'sample'?"),
        (["--nonsense"], "No such option"),
        (["list", "--nonsense"], "No such option"),
        (["info"], "Missing argument 'NAME'"),
    ],
)
def test_what_no_command_understands(tmp_path, arguments, says):
    assert says in fail(*arguments, cwd=tmp_path, by=run_here)


def test_without_arguments_the_help_is_shown(tmp_path):
    assert "Commands:" in run_here(cwd=tmp_path).stderr


@pytest.mark.slow
def test_more_samples_than_fit_in_memory(tmp_path, preset):
    said = fail("sample", preset, "-n", 99999999999, cwd=tmp_path, by=run_here)
    assert "num_samples is 99999999999, whose images take" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("nowhere/grid.png", "there is no directory"),
        ("file/grid.png", "there is no directory"),
        ("folder.png", "exists and is no file"),
        ("grid.jpg", "expected a name that ends in .png"),
        (".", "holds other files, expected a new or an empty folder"),
        ("file/", "is a file, expected a folder"),
        ("nowhere/folder", "there is no directory"),
        ("/proc/grid.png", "nothing can be written to '/proc'"),
    ],
)
def test_output_that_cannot_be_written(tmp_path, preset, output, sentence):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.png").mkdir()
    message = fail("sample", preset, "-o", output, cwd=tmp_path)
    assert message.startswith(f"Error: -o is {output!r}, ")
    assert sentence in message


@pytest.mark.slow
def test_feature_network_draws_no_images(tmp_path):
    for command in ("sample", "evaluate"):
        assert f"{FEATURE_NETWORK!r} is a feature network" in fail(command, FEATURE_NETWORK, cwd=tmp_path)


@pytest.mark.slow
def test_directory_of_a_feature_network_draws_no_images(tmp_path):
    message = fail("sample", presets.BUNDLED / FEATURE_NETWORK, cwd=tmp_path, by=run_here)
    assert "is a Functional, expected a preset that generates images" in message


@pytest.mark.slow
def test_what_needs_no_model_imports_neither_tensorflow_nor_keras(tmp_path, installation, damaged):
    flip_a_bit(damaged)
    runs = [
        ["list"],
        ["info", "tiny_mnist_28"],
        ["sample", "nothing"],
        ["sample", "./nowhere"],
        ["sample", str(damaged)],
        ["sample", "tiny_mnist_28", "-n", "0"],
        ["sample", "tiny_mnist_28", "-n", "99999999999"],
        ["sample", "tiny_mnist_28", "-o", "nowhere/grid.png"],
        ["sample", FEATURE_NETWORK],
        ["evaluate", str(damaged)],
        ["evaluate", "tiny_mnist_28", "--json", "nowhere/figures.json"],
    ]
    script = (
        "import json, sys\n"
        "from click.testing import CliRunner\n"
        "from zoo.cli import main\n"
        "codes = [CliRunner().invoke(main, arguments).exit_code for arguments in json.loads(sys.argv[1])]\n"
        "print(json.dumps([codes, sorted({'tensorflow', 'keras'} & set(sys.modules))]))\n"
    )
    command = (sys.executable, "-c", script)
    printed = succeed(json.dumps(runs), cwd=tmp_path, command=command, PYTHONPATH=installation["PYTHONPATH"])
    assert json.loads(printed) == [[0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1], []]


# === the process ===


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.05, 0.1, 0.2])
def test_interruptions_while_the_command_is_imported_are_told_in_a_word(tmp_path, seconds):
    # What heeds the interruption is there once the first line is written.
    script = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.argv[1:] = ['sample', 'dcgan_fashion_mnist_28']\n"
        # Of its own time, so that a busy machine changes nothing.
        f"signal.setitimer(signal.ITIMER_VIRTUAL, {seconds})\n"
        "signal.signal(signal.SIGVTALRM, lambda *_: signal.raise_signal(signal.SIGINT))\n"
        "from zoo.__main__ import main\n"
        "main()\n"
    )
    result = run(cwd=tmp_path, command=(sys.executable, "-c", script))
    assert result.stderr.strip() == "Aborted!" and result.returncode in (1, 130)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_trouble(tmp_path, preset, streams):
    result = run(cwd=tmp_path, command=("sh", "-c", f"{sys.executable} -m zoo sample {preset} -n 4 {streams}"))
    assert result.returncode == 0
    assert (tmp_path / "samples.png").stat().st_size > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "says"),
    [
        ("torch", "Keras needs the package torch here: pip install 'generative-zoo[torch]'."),
        ("jax", "Keras needs the package jax here: pip install 'generative-zoo[jax]'."),
        ("x", "KERAS_BACKEND is 'x', expected 'tensorflow', 'jax' or 'torch'."),
    ],
)
def test_a_missing_backend_is_named(tmp_path, preset, backend, says):
    script = (
        "import sys\n"
        "import zoo\n"
        # Python then finds no package of that name.
        f"sys.modules[{backend!r}] = None\n"
        "for name in ('DCGAN', 'load', 'callbacks'):\n"
        "    try:\n"
        "        found = getattr(zoo, name)\n"
        f"        found({str(preset)!r})\n"
        "    except zoo.errors.ZooError as error:\n"
        "        print(error)\n"
        "from click.testing import CliRunner\n"
        "from zoo.cli import main\n"
        f"print(CliRunner().invoke(main, ['sample', {str(preset)!r}]).output)\n"
    )
    printed = succeed(cwd=tmp_path, command=(sys.executable, "-c", script), KERAS_BACKEND=backend)
    assert printed.split("\n") == [says, says, says, f"Error: {says}", "", ""]


# === evaluate ===


@pytest.mark.slow
def test_evaluate_refuses_what_it_cannot_measure(tmp_path, preset, installation):
    assert "--dataset is missing" in fail("evaluate", preset, cwd=tmp_path)
    message = fail("evaluate", "tiny_mnist_28", "--dataset", "fashion_mnist", cwd=tmp_path, **installation)
    assert "'tiny_mnist_28' was trained on 'mnist'" in message
    assert "There is no image folder './missing'" in fail("evaluate", preset, "--dataset", "./missing", cwd=tmp_path)
    (tmp_path / "figures").mkdir()
    assert "exists and is no file" in fail("evaluate", preset, "--json", "figures", cwd=tmp_path)
    for option, value in (("--images", 3), ("--importance-samples", 0), ("--data-dir", "nowhere")):
        message = fail("evaluate", preset, "--dataset", "mnist", option, value, cwd=tmp_path)
        assert f"Invalid value for '{option}'" in message


@pytest.mark.slow
def test_evaluate_compares_a_folder_with_what_a_model_draws(tmp_path):
    pictures = zoo.load("dcgan_fashion_mnist_28").generate(12, seed=9)
    for index, picture in enumerate(pictures):
        zoo.images.write_png(tmp_path / f"{index}.png", picture)
    printed = succeed("evaluate", "dcgan_fashion_mnist_28", "--dataset", tmp_path, cwd=tmp_path, by=run_here)
    assert re.search(r"kid12_efficientnet_lite0_imagenet: [\d.e-]+ ± [\d.]+, real images -?[\d.]+\n", printed)


@pytest.mark.slow
def test_evaluate_unknown_data_set_or_feature_network(tmp_path, preset):
    message = fail("evaluate", preset, "--dataset", "imagenot", cwd=tmp_path, by=run_here)
    assert "No bundled feature network knows the data set 'imagenot'" in message
    arguments = ("evaluate", preset, "--dataset", "mnist", "--features", "classifier_mnist")
    message = fail(*arguments, cwd=tmp_path, by=run_here)
    assert f"did you mean {FEATURE_NETWORK}" in message


@pytest.mark.slow
def test_evaluate_prints_figures_beside_those_of_real_images_and_of_the_manifest(tmp_path, installation):
    printed = succeed("evaluate", "tiny_mnist_28", "--images", 64, "--json", "f.json", cwd=tmp_path, **installation)
    written = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    assert (written["preset"], written["dataset"]) == ("tiny_mnist_28", "mnist")
    figures = written["metrics"]
    distances = [f"{key}64_test_mnist_classifier" for key in ("fid", "kid", "precision", "recall")]
    assert list(figures) == [*distances, *(f"{key}64_mnist_classifier" for key in ("confident", "rarest_class"))]
    lines = printed.splitlines()
    assert lines[0] == "tiny_mnist_28 on mnist"
    assert len(lines) == 13
    for (name, figure), line, protocol in zip(figures.items(), lines[1::2], lines[2::2], strict=True):
        real = "" if figure["real"] is None else f", real images {figure['real']:.4g}"
        assert line.startswith(f"  {name}: {figure['value']:.4g} ± {figure['std']:.2g}{real}")
        assert protocol == f"    {figure['protocol']}"
        assert "64 generated images" in protocol
    assert lines[1].endswith("manifest 12.34 by another protocol")
    assert "manifest" not in lines[3]

    # A manifest that says what was measured is measured again to the digit, without doubt.
    root = Path(shutil.copytree(installation["PYTHONPATH"], tmp_path / "published"))
    manifest = json.loads((root / "weights_manifest.json").read_text(encoding="utf-8"))
    manifest["presets"]["tiny_mnist_28"]["metrics"] = figures
    (root / "weights_manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    options = {**installation, "PYTHONPATH": str(root)}
    again = succeed("evaluate", "tiny_mnist_28", "--images", 64, cwd=tmp_path, **options).splitlines()
    for figure, before, line in zip(figures.values(), lines[1::2], again[1::2], strict=True):
        assert line.split(", manifest")[0] == before.split(", manifest")[0]
        assert line.endswith(f", manifest {figure['value']:.4g}")


@pytest.mark.slow
def test_evaluate_a_directory_with_a_likelihood(tmp_path):
    zoo.VAE(SHAPE, latent_dim=2, hidden_units=(4,)).save_to_preset(tmp_path / "vae")
    arguments = ("evaluate", "vae", "--dataset", "mnist", "--images", 8, "--importance-samples", 3, "--json")
    printed = json.loads(succeed(*arguments, cwd=tmp_path, by=run_here))
    assert (printed["preset"], printed["dataset"]) == ("vae", "mnist")
    figure = printed["metrics"]["nll_iw3_test_mnist"]
    assert figure["value"] > 0
    assert "bound with 3 samples" in figure["protocol"] and "8 test images of mnist" in figure["protocol"]
    assert not list(tmp_path.glob("*.json")) and not (tmp_path / "-").exists()


@pytest.mark.slow
def test_sample_draws_one_class(tmp_path):
    model = strengthened(zoo.ConditionalGAN((8, 8, 1), 4, num_classes=2, class_names=["cat", "dog"], filters=2))
    model.save_to_preset(tmp_path / "preset")
    for label in ("dog", "1"):
        succeed("sample", "preset", "-n", 4, "--label", label, "-o", f"{label}.png", cwd=tmp_path, by=run_here)
    cats, dogs = (grid(model.generate(4, labels=label, seed=0))[..., 0].astype(int) for label in (0, 1))
    assert np.abs(cats - dogs).max() > 5
    np.testing.assert_allclose(np.asarray(Image.open(tmp_path / "dog.png")), dogs, atol=1)
    assert (tmp_path / "dog.png").read_bytes() == (tmp_path / "1.png").read_bytes()
    assert "expected names among cat, dog" in fail("sample", "preset", "--label", "cow", cwd=tmp_path, by=run_here)
    # Classes whose names are numbers go by their names.
    digits = zoo.ConditionalGAN((8, 8, 1), 4, num_classes=2, class_names=["1", "0"], filters=2)
    digits.set_weights(model.get_weights())
    digits.save_to_preset(tmp_path / "digits")
    succeed("sample", "digits", "-n", 4, "--label", "1", "-o", "ones.png", cwd=tmp_path, by=run_here)
    np.testing.assert_allclose(np.asarray(Image.open(tmp_path / "ones.png")), cats, atol=1)
    for name, option, takes in (
        ("dcgan_fashion_mnist_28", "--label", "a DCGAN, which takes no conditions"),
        ("digits", "--prompt", "a ConditionalGAN, which takes --label"),
    ):
        said = fail("sample", name, option, "bag", cwd=tmp_path, by=run_here)
        assert said == f"Error: {option} is given, but {name!r} is {takes}.\n"
    assert fail("sample", "digits", "--label", cwd=tmp_path, by=run_here) == (
        "Error: --label is given without a value, expected one after it.\n"
    )


@pytest.mark.slow
def test_sample_takes_the_conditions_that_a_model_declares(tmp_path):
    model = tiny_vae()
    model.save_to_preset(tmp_path / "preset")
    succeed("sample", "preset", "-n", 4, "--temperature=0.5", "-o", "calm.png", cwd=tmp_path, by=run_here)
    calm = grid(model.generate(4, temperature=0.5, seed=0))[..., 0].astype(int)
    np.testing.assert_allclose(np.asarray(Image.open(tmp_path / "calm.png")), calm, atol=1)
    said = fail("sample", "preset", "--temperature", "hot", cwd=tmp_path, by=run_here)
    assert said.startswith("Error: --temperature is 'hot', expected another value (could not convert")
    # Conditions stand before or after the name.
    succeed("sample", "--temperature", "0.5", "preset", "-n", 4, "-o", "first.png", cwd=tmp_path, by=run_here)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "calm.png").read_bytes()


# === edit ===


@pytest.fixture(scope="module")
def editable(tmp_path_factory):
    """A preset that knows the attribute `bright`, and a picture."""
    folder = tmp_path_factory.mktemp("editable")
    shades = np.random.RandomState(0).randint(0, 60, (40, 16, 16, 3), "uint8")
    shades[20:] += 190
    model = zoo.BetaVAE((16, 16, 3), latent_dim=4, filters=4, units=8)
    model.learn_attribute("bright", shades, np.arange(40) >= 20)
    model.save_to_preset(folder / "preset")
    Image.fromarray(shades[0]).resize((50, 32)).save(folder / "face.png")
    return folder


@pytest.mark.slow
def test_edit_writes_the_edited_picture(editable):
    arguments = ("edit", "preset", "--image", "face.png", "--attribute", "bright", "--amount", "40")
    printed = succeed(*arguments, cwd=editable, by=run_here)
    assert printed == "Wrote edited.png.\n"
    written = np.asarray(Image.open(editable / "edited.png"))
    face = read_image(editable / "face.png", (16, 16, 3))[None]
    model = zoo.load(editable / "preset")
    edited, other = (model.edit(face, "bright", amount)[0].astype(int) for amount in (40, -40))
    assert np.abs(edited - other).max() > 5
    np.testing.assert_allclose(written, edited, atol=1)
    succeed(*arguments, "--keep-details", cwd=editable, by=run_here)
    written = np.asarray(Image.open(editable / "edited.png"))
    detailed = model.edit(face, "bright", 40, keep_details=True)[0]
    assert np.abs(edited - detailed).max() > 5
    np.testing.assert_allclose(written, detailed, atol=1)


@pytest.mark.slow
def test_edit_lists_the_attributes_it_knows(editable):
    said = fail("edit", "preset", "--image", "face.png", "--attribute", "smile", cwd=editable, by=run_here)
    assert "attribute is 'smile', expected one of: bright" in said


@pytest.mark.slow
def test_edit_refuses_a_model_without_attributes(editable):
    said = fail("edit", "vae_mnist_28", "--image", "face.png", "--attribute", "smile", cwd=editable, by=run_here)
    assert "'vae_mnist_28' is a VAE that knows no attributes to edit" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("preset", "--image", "none.png", "--attribute", "x"), "no such file"),
        (("preset", "--image", "face.png", "--attribute", "x", "-o", "x.jpg"), "ends in .png"),
        (("beta_vae", "--image", "face.png", "--attribute", "x"), "no preset 'beta_vae'"),
    ],
)
def test_edit_says_what_is_wrong_before_any_work(editable, arguments, says):
    assert says in fail("edit", *arguments, cwd=editable)


# === Models from images ===


@pytest.fixture(scope="module")
def from_images(tmp_path_factory):
    """A folder with presets that make images from others and a picture with transparency, and the models."""
    folder = tmp_path_factory.mktemp("from_images")
    models = {
        "sr": zoo.SRResNet((8, 8, 3), 2, filters=2, residual_blocks=1),
        "pix2pix": zoo.Pix2Pix((8, 8, 3), filters=2, stages=2, patch_stages=1),
        "cycle_gan": zoo.CycleGAN((8, 8, 3), filters=2, residual_blocks=1, patch_filters=2, patch_stages=1),
    }
    for name, model in models.items():
        model.save_to_preset(folder / name)
    rgba = np.random.RandomState(0).randint(0, 256, (12, 20, 4), "uint8")
    Image.fromarray(rgba).save(folder / "photo.png")
    Image.fromarray(rgba[..., :3]).save(folder / "sketch.png")
    return folder, models


@pytest.mark.slow
def test_upscale_writes_what_the_model_makes(from_images, tmp_path):
    folder, models = from_images
    assert succeed("upscale", "./sr", "photo.png", cwd=folder, by=run_here) == "Wrote 40x24 pixels to upscaled.png.\n"
    written = np.asarray(Image.open(folder / "upscaled.png"))
    np.testing.assert_array_equal(written, models["sr"].upscale(np.asarray(Image.open(folder / "photo.png"))))
    # To where a link leads, and to the longest name that there may be.
    (tmp_path / "there").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "there" / "linked.png")
    longest = tmp_path / (251 * "n" + ".png")
    (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
    outputs = [tmp_path / "link.png", tmp_path / "circle.png", longest]
    for output in outputs:
        succeed("upscale", "./sr", "photo.png", "-o", output, cwd=folder, by=run_here)
        assert output.read_bytes() == (folder / "upscaled.png").read_bytes()
    assert (tmp_path / "link.png").is_symlink() and not (tmp_path / "there" / "linked.png").is_symlink()
    assert sorted(tmp_path.iterdir()) == sorted([*outputs, tmp_path / "there"])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "reverse"), [("pix2pix", False), ("cycle_gan", False), ("cycle_gan", True)])
def test_translate_writes_what_the_model_makes(from_images, name, reverse):
    folder, models = from_images
    options = ["--reverse"] if reverse else []
    succeed("translate", f"./{name}", "sketch.png", "-o", "out.png", *options, cwd=folder, by=run_here)
    source = read_image(folder / "sketch.png", (8, 8, 3))[None]
    expected = models[name].translate(source, reverse=True) if reverse else models[name].translate(source)
    np.testing.assert_array_equal(np.asarray(Image.open(folder / "out.png")), expected[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("upscale", "./sr", "none.png"), "PICTURE is 'none.png', but there is no such file"),
        (("upscale", "./pix2pix", "photo.png"), "is a Pix2Pix, which enlarges no pictures"),
        (("translate", "./pix2pix", "sketch.png", "--reverse"), "which translates one way"),
        (("translate", "./sr", "photo.png"), "is a SRResNet, which enlarges pictures; `zoo upscale` does so"),
        (("translate", "./sr/config.json", "sketch.png"), "no preset directory"),
        (("upscale", "./sr", "sr/config.json"), "cannot be read as an image"),
        (("sample", "./pix2pix"), "is a Pix2Pix, which translates pictures; `zoo translate` does so"),
        (("sample", "./sr"), "is a SRResNet, which enlarges pictures; `zoo upscale` does so"),
    ],
)
def test_commands_on_pictures_say_what_is_wrong(from_images, arguments, says):
    assert says in fail(*arguments, cwd=from_images[0], by=run_here)


@pytest.mark.slow
def test_sample_draws_what_a_prompt_says(tmp_path):
    model = zoo.TextToImageGAN((8, 8, 3), 6, vocabulary=("red", "hat"), filters=2, text_dim=2, word_dim=4)
    strengthened(model).save_to_preset(tmp_path / "preset")
    assert np.abs(np.subtract(*(model.generate(4, prompts=text, seed=0) / 1 for text in ("red hat", "hat")))).max() > 5
    succeed("sample", "./preset", "-n", 4, "--prompt", "red hat", cwd=tmp_path, by=run_here)
    drawn = np.asarray(Image.open(tmp_path / "samples.png"))
    np.testing.assert_array_equal(drawn, grid(model.generate(4, prompts="red hat", seed=0)))
    assert "none of whose words" in fail("sample", "./preset", "--prompt", "zebra", cwd=tmp_path, by=run_here)
