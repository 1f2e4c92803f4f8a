"""Tiny models and data that several test files share."""

import os
import re
import subprocess
import sys
from pathlib import Path

import forks
import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import zoo
from zoo import presets
from zoo.random_state import random_states

SHAPE = (8, 8, 1)
LATENT_DIM = 4
NUM_CLASSES = 3
ROOT = Path(zoo.__file__).resolve().parent.parent
#: The Markdown pages of the checkout, without what `make docs` built.
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts),
]


#: Script that runs commands of `zoo`, each of which dies when it has written a given number of backups, or never.
KILLED_COMMANDS = """
import json, os, signal, sys
from helpers import run_graphs_as_traced
from zoo.cli import main
import zoo.models

replace = os.replace

def command(arguments, last_backup):
    backups = 0

    def replace_or_die(old, new, **options):
        nonlocal backups
        replace(old, new, **options)
        backups += str(new).endswith("state.weights.h5")
        if backups == last_backup:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace_or_die
    run_graphs_as_traced()
    main(arguments)

# Each is a process of its own, which inherits the seconds that importing takes.
for arguments, last_backup in json.loads(sys.argv[1]):
    if not (child := os.fork()):
        command(arguments, last_backup)
    print("exit", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def run_graphs_as_traced():
    """Spares tiny networks, which run a few times, what TensorFlow does to a graph so that it runs fast.

    It was a fifth of the time of a test that trains.
    """
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def spare_kernels_of_variables():
    """Has TensorFlow set up one kernel for all variables of a shape, where each has its own since it has its own name.

    It is half of what a variable costs, and models are made of hundreds. The name is one for debugging alone.
    """
    from tensorflow.python.ops import gen_resource_variable_ops

    create = gen_resource_variable_ops.var_handle_op
    gen_resource_variable_ops.var_handle_op = lambda *args, debug_name, **options: create(*args, **options)


def images(number, shape=SHAPE, seed=0):
    """uint8 images of which no two are alike."""
    return np.random.RandomState(seed).randint(0, 256, (number, *shape), "uint8")


def dense_generator(shape=SHAPE, latent_dim=LATENT_DIM):
    """A generator with moving statistics."""
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(6, use_bias=False),
            layers.BatchNormalization(momentum=0.8),
            layers.ReLU(),
            layers.Dense(int(np.prod(shape)), activation="tanh", dtype="float32"),
            layers.Reshape(shape, dtype="float32"),
        ],
        name="generator",
    )


def dense_discriminator(shape=SHAPE, dropout=0.4, batch_norm=True, seed=3):
    """A discriminator with moving statistics and a random state, unless they are left out."""
    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Flatten(),
            layers.Dense(6),
            *([layers.BatchNormalization(momentum=0.8)] if batch_norm else []),
            layers.LeakyReLU(0.2),
            *([layers.Dropout(dropout, seed=seed)] if dropout else []),
            layers.Dense(1, dtype="float32"),
        ],
        name="discriminator",
    )


def restless_gan(**arguments):
    """A GAN in which everything that can move does: weights, moving statistics, dropout's random state."""
    # These penalties do not go with the discriminator's moving statistics.
    normed = "penalties" not in arguments
    networks = {"generator": dense_generator(), "discriminator": dense_discriminator(batch_norm=normed)}
    return zoo.GAN(SHAPE, LATENT_DIM, **networks, **arguments)


def tiny_gan(**arguments):
    return zoo.GAN(SHAPE, LATENT_DIM, **{"hidden_units": (16,), **arguments})


def tiny_dcgan(**arguments):
    return strengthened(zoo.DCGAN(SHAPE, LATENT_DIM, **{"filters": 2, **arguments}))


def strengthened(model):
    """The model with larger kernels: at their initial size, without training, few filters make one flat grey."""
    for variable in model.trainable_variables:
        if variable.path.endswith("kernel"):
            variable.assign(20.0 * variable)
    if hasattr(model, "ema_generator"):
        model.ema_generator.set_weights(model.generator.get_weights())
    return model


def write_picture(path, pixels, **options):
    """Writes an array `(h, w)` or `(h, w, 3 or 4)`, or a Pillow image, and the folders that its path names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    picture.save(path, **options)
    return path


def png_folder(folder, pixels):
    """Writes one PNG for each image, named so that their order is that of the array."""
    for index, image in enumerate(pixels):
        write_picture(folder / f"{index:03}.png", image.squeeze(-1) if image.shape[-1] == 1 else image)
    return folder


def folder_of_classes(path, *names):
    """Writes a folder of four pictures for each class."""
    for index, name in enumerate(names):
        for number, pixels in enumerate(images(4, seed=index)):
            write_picture(path / name / f"{number}.png", pixels[..., 0])
    return path


def flip_a_bit(directory):
    """Damages the weights of a preset where only their hash tells."""
    path = directory / presets.WEIGHTS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def labelled(number, shape=SHAPE):
    """Images of `NUM_CLASSES` classes, with their labels."""
    return images(number, shape), np.arange(number, dtype="int32") % NUM_CLASSES


def _tiny(cls, **defaults):
    small = {"filters": 2, "discriminator_steps": 1, **defaults}
    return lambda **arguments: getattr(zoo, cls)(SHAPE, LATENT_DIM, **{**small, **arguments})


#: The descendants of DCGAN, small and with one discriminator step.
TINY_GANS = {
    "wgan": _tiny("WGAN"),
    "wgan_gp": _tiny("WGANGP"),
    "conditional_gan": _tiny("ConditionalGAN", num_classes=NUM_CLASSES),
    "projection_gan": _tiny("ProjectionGAN", num_classes=NUM_CLASSES),
    "sagan": _tiny("SAGAN"),
    "big_gan": _tiny("BigGAN", num_classes=NUM_CLASSES, class_dim=3),
}


def tiny_pix2pix(**arguments):
    return zoo.Pix2Pix(**{"image_shape": SHAPE, "filters": 2, "stages": 2, "patch_stages": 1, **arguments})


def tiny_cycle_gan(**arguments):
    small = {"filters": 2, "residual_blocks": 1, "patch_filters": 2, "patch_stages": 1, "pool_size": 6}
    return zoo.CycleGAN(SHAPE, **{**small, **arguments})


#: Models from image to image.
TINY_TRANSLATORS = {"pix2pix": tiny_pix2pix, "cycle_gan": tiny_cycle_gan}


def pairs(number, shape=SHAPE, source_shape=SHAPE):
    """Source images and images, as `fit` takes them."""
    return images(number, source_shape, seed=1), images(number, shape)


def tiny_vae(**arguments):
    return zoo.VAE(SHAPE, **{"latent_dim": LATENT_DIM, "hidden_units": (6,), **arguments})


def tiny_pixel_cnn(shape=SHAPE, **arguments):
    """A PixelCNN whose weights are large enough for its pixels to depend on one another."""
    model = zoo.PixelCNN(shape, **{"filters": 6, "num_blocks": 2, "first_kernel_size": 3, **arguments})
    stream = np.random.RandomState(1)
    for variable in model.trainable_variables:
        variable.assign(variable + stream.normal(0, 0.3, variable.shape))
    return model


class AtBatch(keras.callbacks.Callback):
    """Calls `action(model)` before one batch of one epoch, both counted from 0."""

    def __init__(self, epoch, batch, action):
        super().__init__()
        self._when, self._epoch, self._action = (epoch, batch), None, action

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self._epoch, batch) == self._when:
            self._action(self.model)


def tiny_vq_vae(**arguments):
    small = {"num_embeddings": 6, "embedding_dim": 3, "filters": 4, "residual_blocks": 1}
    return zoo.VQVAE(SHAPE, **{**small, **arguments})


def tiny_progressive_gan(shape=SHAPE, **arguments):
    return zoo.ProgressiveGAN(shape, LATENT_DIM, **{"filters": 3, **arguments})


def tiny_style_gan(shape=SHAPE, **arguments):
    return zoo.StyleGAN(shape, LATENT_DIM, **{"filters": 3, "mapping_layers": 2, **arguments})


def tiny_style_dcgan(shape=SHAPE, **arguments):
    return zoo.StyleDCGAN(shape, LATENT_DIM, **{"filters": 3, "mapping_layers": 2, **arguments})


def values(variables):
    """Copies of variables as numpy arrays."""
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def state(model):
    """Everything that a continued training depends on, as numpy arrays by name."""
    groups = {"weights": model.weights, "random": random_states(model)}
    groups |= {name: getattr(model, name).variables for name in model.optimizer_names}
    found = {f"{group} {index}": v for group, variables in groups.items() for index, v in enumerate(variables)}
    return dict(zip(found, values(found.values()), strict=True))


def assert_equal_states(one, other):
    assert list(one) == list(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def run_script(script, *arguments, warm=False):
    """Runs Python source in a process of its own, quietly and on the zoo under test.

    A `warm` process finds TensorFlow imported.
    """
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    if warm:
        result = forks.run(script, arguments, environment, Path.cwd())
    else:
        command = [sys.executable, "-c", script, *map(str, arguments)]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    return result


def one_update(model, part, batch, still=()):
    """One step of a network, which must leave the other with its optimizer, the average and `still` as they were."""
    (other,) = {"generator", "discriminator"} - {part}
    still = [
        *getattr(model, other).variables,
        *getattr(model, f"{other}_optimizer").variables,
        *model.ema_generator.variables,
        *still,
    ]
    before = values(still)
    loss, optimizer = (getattr(model, f"{part}_{what}") for what in ("loss", "optimizer"))
    model.update(part, loss, model.prepare(batch), getattr(model, part).trainable_variables, optimizer)
    assert not any(moved(before, still))


def interrupt(model):
    raise KeyboardInterrupt


def load_warning(directory, **overrides):
    """The model and the names that the one warning says start afresh."""
    with pytest.warns(UserWarning, match="newly initialized") as caught:
        model = zoo.load(directory, **overrides)
    (message,) = [str(warning.message) for warning in caught]
    ((name, value),) = overrides.items()
    start, end = f"{name}={value!r}: newly initialized ", "; all other weights are pretrained."
    assert message.startswith(start) and message.endswith(end)
    return model, set(message.removeprefix(start).removesuffix(end).split(", "))


def moved(before, variables):
    return [bool((one != other).any()) for one, other in zip(before, values(variables), strict=True)]


# Clears the screen, sets the window's title, writes the clipboard, forges a line and reverses what follows.
HOSTILE_TEXT = (
    "\x1b[2J\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x07\n  origin            bundled, verified\r\x9b\u202e" + "x" * 5000
)


def assert_harmless(printed):
    """Asserts that `zoo info` shows hostile texts as text, each on a line of its own that is not too long."""
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", printed)
    assert "\\x1b[2J" in printed
    assert [line[:9] for line in printed.splitlines()].count("  origin ") == 1
    assert max(map(len, printed.splitlines())) < 1000


def epoch(dataset):
    """Returns the images and labels of one pass over a data set."""
    batches = [{key: value.numpy() for key, value in batch.items()} for batch in dataset]
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


class Sequence(keras.utils.PyDataset):
    """A `PyDataset` of the given batches."""

    def __init__(self, batches, **options):
        super().__init__(**options)
        self._batches = batches

    def __len__(self):
        return len(self._batches)

    def __getitem__(self, index):
        return self._batches[index]
