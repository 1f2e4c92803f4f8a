"""What the command `zoo` gives to other programs: single files, standard output, animations, JSON and completions."""

import io
import json
import os
import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest
from commands import ZOO, fail, run, run_here, succeed
from helpers import images, strengthened, tiny_dcgan
from PIL import Image, ImageSequence

import zoo
from zoo import presets
from zoo.cli.figures import echo_json
from zoo.errors import PresetError
from zoo.images import grid, write_pngs


@pytest.fixture(scope="module")
def model():
    return tiny_dcgan()


@pytest.fixture(scope="module")
def preset(model, tmp_path_factory):
    directory = tmp_path_factory.mktemp("presets") / "tiny"
    model.save_to_preset(directory)
    return directory


# === Images ===


@pytest.mark.slow
def test_sample_writes_a_file_for_each_image(tmp_path, preset, model):
    # More than one batch.
    printed = succeed("sample", preset, "-n", 70, "--seed", 3, "-o", "many/", cwd=tmp_path)
    assert printed == "Wrote 70 images to many.\n"
    files = sorted((tmp_path / "many").iterdir())
    assert [file.name for file in files] == [f"{index:04}.png" for index in range(70)]
    drawn = model.generate(70, seed=3)[..., 0]
    np.testing.assert_array_equal([np.asarray(Image.open(file)) for file in files], drawn)
    assert (drawn != drawn[:1]).any()


def test_files_are_written_as_their_images_come(tmp_path):
    def batches():
        yield images(2)
        assert sorted(os.listdir(tmp_path / "many")) == ["0000.png", "0001.png"]
        yield images(1)

    write_pngs(tmp_path / "many", batches(), 3)
    assert len(os.listdir(tmp_path / "many")) == 3


@pytest.mark.slow
def test_a_full_disk_ends_in_a_sentence(tmp_path, preset):
    def full_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))

    arguments = ("sample", preset, "-n", 2, "-o", "many")
    said = fail(*arguments, cwd=tmp_path, limit=full_disk, PYTHONDONTWRITEBYTECODE="1")
    assert said.startswith("Error: 'many' could not be written: File too large; ")
    assert os.listdir(tmp_path / "many") == []


@pytest.mark.slow
def test_sample_writes_a_grid_to_standard_output(tmp_path, preset, model):
    command = [ZOO, "sample", preset, "-n", "5", "-o", "-"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert result.stderr == b"" and not list(tmp_path.iterdir())
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(result.stdout))), grid(model.generate(5, seed=0))[..., 0]
    )


def frames_of(path):
    return np.stack([np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(Image.open(path))])


@pytest.mark.slow
def test_a_walk_leads_from_seed_to_seed_and_back(tmp_path, preset, model):
    arguments = ("sample", preset, "--walk", "walk.gif", "-n", 8, "--seed", 3)
    assert succeed(*arguments, "--to-seed", 9, cwd=tmp_path) == "Wrote a walk of 8 images to walk.gif.\n"
    assert os.listdir(tmp_path) == ["walk.gif"]
    frames = frames_of(tmp_path / "walk.gif")
    assert len(frames) == 14 and Image.open(tmp_path / "walk.gif").info["loop"] == 0
    for frame, seed in ((0, 3), (7, 9)):
        np.testing.assert_array_equal(frames[frame], model.generate(1, seed=seed)[0, ..., 0])
    np.testing.assert_array_equal(frames[8:], frames[6:0:-1])
    # By default it leads to the next seed.
    succeed(*arguments, cwd=tmp_path, by=run_here)
    np.testing.assert_array_equal(frames_of(tmp_path / "walk.gif")[7], model.generate(1, seed=4)[0, ..., 0])


@pytest.mark.slow
@pytest.mark.parametrize("label", [None, 1])
def test_a_walk_keeps_its_class(tmp_path, label):
    model = strengthened(zoo.ConditionalGAN((8, 8, 1), 4, num_classes=3, filters=2))
    model.save_to_preset(tmp_path / "preset")
    option = [] if label is None else ["--label", label]
    succeed("sample", "preset", "--walk", "walk.gif", "-n", 4, *option, cwd=tmp_path, by=run_here)
    drawn = label if label is not None else zoo.latents.sample_labels(1, 3, 0)[0]
    for frame, seed in zip(frames_of(tmp_path / "walk.gif")[:4:3], (0, 1), strict=True):
        np.testing.assert_array_equal(frame, model.generate(1, labels=drawn, seed=seed)[0, ..., 0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--walk", "walk.mp4"], "--walk is 'walk.mp4', expected a name that ends in .gif."),
        (["--walk", "nowhere/walk.gif"], "there is no directory"),
        (["--walk", "walk.gif", "-n", "1"], "-n is 1, expected at least 2 images of a walk."),
        (["--walk", "walk.gif", "-o", "x.png"], "-o and --walk exclude each other."),
        (["--to-seed", "3"], "--to-seed is 3, but without --walk there is no way to it."),
        (["-o", "grid.jpg"], "-o is 'grid.jpg', expected a name that ends in .png, a folder, or - for standard out"),
        (["--temperature", "1", "--temperature=2"], "--temperature is given twice, expected it once."),
    ],
)
def test_sample_says_what_is_wrong_before_any_work(tmp_path, arguments, says):
    assert says in fail("sample", "pixel_cnn_mnist_28", *arguments, cwd=tmp_path, by=run_here)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_models_without_latents_walk_nowhere(tmp_path):
    said = fail("sample", "pixel_cnn_mnist_28", "--walk", "walk.gif", cwd=tmp_path, by=run_here)
    assert said == "Error: --walk is given, but 'pixel_cnn_mnist_28' is a PixelCNN, which draws without latents.\n"


# === JSON ===


def test_list_prints_the_entries_of_the_manifest(tmp_path):
    printed = json.loads(succeed("list", "*mnist*", "--model", "DcGan", "--json", cwd=tmp_path, by=run_here))
    names = zoo.list_presets("*mnist*", model="DCGAN")
    assert names and printed == [{"name": name, **presets.entry_of(name)} for name in names]


def test_info_prints_what_it_knows(tmp_path, preset):
    official = json.loads(succeed("info", "vae_mnist_28", "--json", cwd=tmp_path, by=run_here))
    assert official.items() >= presets.entry_of("vae_mnist_28").items()
    assert (official["name"], official["origin"]) == ("vae_mnist_28", "bundled")
    assert Path(official["directory"]) == presets.BUNDLED / "vae_mnist_28"
    own = json.loads(succeed("info", preset, "--json", cwd=tmp_path, by=run_here))
    assert own.items() >= {"class": "DCGAN", "directory": str(preset), "configuration": "allowed"}.items()
    assert own["generate_takes"] == ["latents"]
    assert own["files"] == {name: presets.describe_file(preset / name) for name in presets.HASHED_FILES}


def test_what_is_too_deep_for_json_fails_in_a_sentence():
    # Newer versions of Python read deeper JSON than they write.
    deep = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(PresetError, match=r"nested too deeply to be printed as JSON\.$"):
        echo_json(deep)


# === Completion ===


def completed(line, cwd):
    """What bash is told to complete the last word of a line by."""
    words = line.split(" ")
    told = {"_ZOO_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return run(cwd=cwd, **told).stdout.splitlines()


@pytest.mark.parametrize("command", ["info", "sample", "evaluate", "edit", "translate", "fine-tune", "publish"])
def test_names_of_presets_are_completed(tmp_path, command):
    assert completed(f"zoo {command} dcgan_", tmp_path) == [f"plain,{name}" for name in zoo.list_presets("dcgan_*")]


def test_directories_and_classes_are_completed(tmp_path):
    assert completed("zoo info ./my", tmp_path) == ["dir,./my"]
    assert completed("zoo train vq_vae", tmp_path) == ["plain,VQVAE", "plain,VQVAE2"]
    assert completed("zoo list --model style", tmp_path) == ["plain,StyleDCGAN", "plain,StyleGAN"]


def test_bash_takes_the_completion_that_the_page_names(tmp_path):
    script = 'eval "$(_ZOO_COMPLETE=bash_source zoo)" && complete -p zoo'
    path = f"{ZOO.parent}{os.pathsep}{os.environ['PATH']}"
    result = run(cwd=tmp_path, command=("bash", "-c", script), PATH=path)
    assert "_zoo_completion zoo" in result.stdout
