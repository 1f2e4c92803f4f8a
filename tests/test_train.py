"""`zoo train`: from a folder of pictures to a preset, in one command that can be killed and repeated."""

import json
import signal
import subprocess
import time

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from commands import ZOO
from helpers import KILLED_COMMANDS, folder_of_classes, images, run_script, write_picture
from PIL import Image

import zoo
from zoo.bicubic import resize_bicubic
from zoo.cli import main

SMALL = ("--resolution", "8", "--channels", "1", "--batch-size", "4", "--steps", "2")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with pictures of two classes, and with pairs of pictures."""
    monkeypatch.chdir(tmp_path)
    folder_of_classes(tmp_path / "my_images", "cat", "dog")
    for side in "AB":
        for number, pixels in enumerate(images(4, seed=ord(side))):
            write_picture(tmp_path / "my_pairs" / side / f"{number}.png", pixels[..., 0])
    return tmp_path


def train(*arguments):
    return CliRunner().invoke(main, ["train", *arguments])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["dcgam", "my_images", "-o", "x"],
            "MODEL is 'dcgam', expected one of BetaVAE, BigGAN, ConditionalGAN",
        ),
        (["generative_model", "my_images", "-o", "x"], "MODEL is 'generative_model', expected one of "),
        (["dcgan", "nowhere/", "-o", "x"], "There is no image folder 'nowhere/'"),
        (["dcgan", "my_images"], "Missing option '-o'"),
        (["dcgan", "my_images", "-o", "my_images"], "-o is 'my_images', which holds other files"),
        (["dcgan", "my_images", "-o", "vae_mnist_28"], "which is the name of an official preset"),
        (["dcgan", "my_images", "-o", "x", "--steps", "0"], "'--steps': 0 is not in the range"),
        (["dcgan", "my_images", "-o", "x", "--channels", "2"], "--channels is 2, expected 1 or 3"),
        (["dcgan", "my_images", "-o", "x", "--processes", "2", "--process", "2"], "--process is 2, expected less than"),
        (["dcgan", "my_images", "-o", "x", "--processes", "2"], "--coordinator is missing, expected HOST:PORT of"),
        (
            ["dcgan", "my_images", "-o", "x", "--batch-size", "9"],
            "8 images, fewer than one batch of 9",
        ),
        (["dcgan", "my_images", "-o", "x", "--option", "filters"], "--option is 'filters', expected name=value"),
        (
            ["dcgan", "my_images", "-o", "x", "--option", "filters=2", "--option", "filters=4"],
            "--option filters is given twice, expected it once.",
        ),
        (
            ["dcgan", "my_images", "-o", "x", "--option", "width=3"],
            "DCGAN takes: augmentation, discri",
        ),
        (
            ["dcgan", "my_images", "-o", "x", "--option", "filters=few"],
            "filters is 'few', expected an integer",
        ),
        (["dcgan", "my_images", "-o", "x", "--option", "filters=0"], "filters is 0, expected an integer"),
        (
            ["sagan", "my_images", "-o", "x", "--option", "residual=no"],
            "residual is 'no', expected true or false",
        ),
        (["pix2pix", "my_images", "-o", "x"], "The folder 'my_images' has neither the subfolders"),
        (["conditional_gan", "my_images/cat", "-o", "x"], "which has no classes, but ConditionalGAN needs them"),
        (["text_to_image_gan", "my_images", "-o", "x"], "which has no captions, but TextToImageGAN needs them"),
    ],
)
def test_mistakes_are_told_in_one_sentence_before_any_work(arguments, says, folder):
    result = train(*arguments[:2], *SMALL, *arguments[2:])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ") and result.output.count("\n") == 1
    assert says in result.output
    assert not (folder / "x").exists()


@pytest.mark.slow
def test_an_enlarger_learns_from_a_folder_of_pairs(folder):
    for number, pixels in enumerate(images(4, (4, 4, 1))):
        write_picture(folder / "my_pairs" / "A" / f"{number}.png", pixels[..., 0])
    command = ["sr_resnet", "my_pairs", *SMALL, "--option", "filters=2", "--option", "residual_blocks=1", "-o", "x"]
    result = train(*command)
    assert result.exit_code == 1 and "4 pairs in 'my_pairs' are not 4 times as large in B as in A" in result.output
    tf.config.run_functions_eagerly(True)
    try:
        result = train(*command, "--option", "scale=2")
    finally:
        tf.config.run_functions_eagerly(False)
    assert result.exit_code == 0, result.output
    assert zoo.load("x").upscale(images(1, (4, 4))[0]).shape == (8, 8)
    grid = np.asarray(Image.open(folder / "x" / "training" / "samples" / "epoch_0001.png"))
    # The first image of the grid, which is twice as large as its images, is a small one of the folder enlarged.
    first = resize_bicubic(images(1, (4, 4, 1))[0], (8, 8))[..., 0]
    np.testing.assert_array_equal(grid[::2, ::2][2:10, 2:10], first)


FAMILIES = {
    "conditional_gan": ["my_images", "--option", "filters=2"],
    "pix2pix": ["my_pairs", "--option", "filters=2", "--option", "stages=2", "--option", "patch_stages=1"],
    "progressive_gan": ["my_images", "--steps", "4", "--option", "filters=2"],
    "sr_resnet": ["my_images", "--option", "filters=2", "--option", "residual_blocks=1"],
    "vq_vae": ["my_images", "--option", "filters=4", "--option", "residual_blocks=1", "--option", "num_embeddings=6"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_every_kind_of_model_becomes_a_preset(name, folder):
    # So few steps do not repay tracing, but for images pixel by pixel.
    tf.config.run_functions_eagerly(name != "vq_vae")
    try:
        result = train(name, *FAMILIES[name][:1], *SMALL, *FAMILIES[name][1:], "-o", "my_model")
    finally:
        tf.config.run_functions_eagerly(False)
    assert result.exit_code == 0, result.output
    model = zoo.load("my_model")
    assert model.image_shape == (8, 8, 1)
    assert list((folder / "my_model" / "training").rglob("samples/epoch_0001.png"))
    assert (folder / "my_model" / "samples.png").exists() and (folder / "my_model" / "README.md").exists()
    assert not (folder / "my_model" / "training" / "backup").exists()
    if name == "conditional_gan":
        assert model.class_names == ("cat", "dog")
    if name == "progressive_gan":
        assert model.stage == model.last_stage
    if name == "vq_vae":
        assert model.prior is not None and model.data_variance != 1.0
        assert model.generate(2, seed=0).shape == (2, 8, 8, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("awaited", "says"),
    [
        ("settings.json", "Interrupted before the first backup; the same command begins anew."),
        ("backup/all/state.weights.h5", "Interrupted; the same command continues after the last backup."),
    ],
)
def test_an_interrupted_run_says_how_it_goes_on(folder, awaited, says):
    arguments = [*SMALL, "--steps", "1000000", "--option", "hidden_units=4,", "-o", "x"]
    command = [ZOO, "train", "gan", "my_images", *arguments]

    def heed():
        # A test run in the background hands on that it ignores interrupts.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed) as begun:
        while begun.poll() is None and not (folder / "x" / "training" / awaited).exists():
            time.sleep(0.02)
        begun.send_signal(signal.SIGINT)
        _, said = begun.communicate()
    assert begun.returncode == 130
    assert said.splitlines()[-1] == says and "Traceback" not in said


@pytest.mark.slow
def test_a_killed_run_is_continued_by_the_same_command_bit_for_bit(folder):
    # Two epochs of 251 steps.
    command = ["train", "gan", "my_images", *SMALL, "--steps", "501", "--option", "hidden_units=4,"]
    other = [*command, "--option", "latent_dim=3"]
    runs = [
        ([*command, "-o", "killed"], 1),
        ([*other, "-o", "killed"], None),
        ([*command, "-o", "killed"], None),
        ([*command, "-o", "killed"], None),
        ([*command, "-o", "whole"], None),
    ]
    result = run_script(KILLED_COMMANDS, json.dumps(runs))
    ends = [int(line.split()[1]) for line in result.stdout.splitlines() if line.startswith("exit ")]
    assert ends == [-signal.SIGKILL, 1, 0, 1, 0], result.stderr
    assert "holds an unfinished training with options={'hidden_units': [4]}, but options is " in result.stderr
    assert "-o is 'killed', which already holds a preset" in result.stderr

    killed, whole = folder / "killed", folder / "whole"
    for name in ("model.weights.h5", "samples.png", "nearest.png", "training/history.csv"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    grids = [Image.open(killed / "training" / "samples" / f"epoch_{epoch:04}.png") for epoch in (1, 2)]
    assert (np.asarray(grids[0]) != np.asarray(grids[1])).any()
    assert (killed / "training" / "history.csv").read_text().count("\n") == 3
    entry = json.loads((killed / "training" / "weights_manifest.json").read_text())["presets"]["killed"]
    assert entry["class"] == "GAN" and entry["epochs"] == 2 and entry["metrics"] == {}
    # It is trained on, as any preset is, and drawn from by the command.
    assert CliRunner().invoke(main, ["sample", "killed/", "-n", "4"]).exit_code == 0
    assert zoo.load("killed/").generator_optimizer.learning_rate == zoo.GAN.default_optimizers()[0].learning_rate
