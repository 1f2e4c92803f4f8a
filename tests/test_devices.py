"""Several devices and processes train as one device does, and say what keeps them from it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import images

import zoo
from zoo import devices
from zoo.callbacks import BACKUP
from zoo.errors import InputError
from zoo.images import write_png

SCRIPT = Path(__file__).with_name("sharing.py")


def started(*arguments, flags=""):
    """A process of Python under JAX."""
    # Without these emitters, XLA compiles in a third of the time.
    flags = f"--xla_cpu_use_fusion_emitters=false {flags}"
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(process):
    """What a process said, and its exit code."""
    said, _ = process.communicate()
    return said, process.returncode


def coordinator():
    """A free address of this machine."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


@pytest.mark.slow
def test_many_devices_train_as_one(tmp_path):
    eight_devices = "--xla_force_host_platform_device_count=8"
    said, code = ended(started(SCRIPT, tmp_path / "eight.npz", 8, 1, 0, "", flags=eight_devices))
    assert code == 0, said
    place = coordinator()
    for process in [started(SCRIPT, tmp_path / f"{index}.npz", 1, 2, index, place) for index in (0, 1)]:
        said, code = ended(process)
        assert code == 0, said
    eight, *both = (np.load(tmp_path / f"{name}.npz") for name in ("eight", 0, 1))
    for name in ("dcgan", "batch_norm", "vq_vae", "vae"):
        expected = eight[f"{name}_alone"]
        for found in (eight[name], *(each[name] for each in both)):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max(), err_msg=name)
    # Each process reads its own half, and all images are read once.
    assert len(both[0]["rows"]) == len(both[1]["rows"]) == 20
    assert sorted([*both[0]["rows"], *both[1]["rows"]]) == sorted(eight["rows"]) == list(range(40))


@pytest.mark.slow
def test_where_a_process_ends_the_other_says_so_and_both_go_on_later(tmp_path):
    for index, image in enumerate(images(20)):
        write_png(tmp_path / "data" / f"{index}.png", image)
    preset = tmp_path / "preset"

    def start():
        place = coordinator()
        options = ["--resolution", 8, "--channels", 1, "--steps", 1000, "--batch-size", 4, "--option", "latent_dim=2"]
        small = ["--option", "hidden_units=[2]", "--processes", 2, "--coordinator", place, "-o", preset]
        command = ["-m", "zoo", "train", "vae", tmp_path / "data", *options, *small, "--process"]
        return [started(*command, index) for index in (0, 1)]

    first, second = start()
    while not any(preset.rglob(BACKUP)):
        assert first.poll() is None
        time.sleep(0.05)
    second.send_signal(signal.SIGKILL)
    said, code = ended(first)
    assert code == 1 and "Error: Another process of this training has ended or cannot be reached" in said
    ended(second)
    for process in start():
        said, code = ended(process)
        assert code == 0 and "Epoch 2/2" in said and "Epoch 1/2" not in said, said
    assert zoo.load(preset).generate(2, seed=0).shape == (2, 8, 8, 1)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("UNKNOWN: Gloo AllGather failed: [pair.cc:538] Read error [127.0.0.1]:8622"), True),
        (ValueError("UNKNOWN: Gloo all-reduce failed: [pair.cc:538] Read error"), True),
        (ValueError("data is 'Gloo', expected a folder."), False),
        (OSError("Gloo AllGather failed"), False),
    ],
)
def test_the_error_of_an_exchange_that_fails_tells_of_a_lost_process(error, expected):
    assert devices.tells_of_lost_process(error) == expected


@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 1])
def test_processes_that_do_not_meet_say_so(index):
    place = coordinator()
    call = f"from zoo import devices; devices.share(None, 2, {index}, {place!r}, deadline=1)"
    said, code = ended(started("-c", call))
    assert code == 1 and said.endswith(f"ProcessError: The 2 processes did not meet at {place} within 1 s.\n")


@pytest.mark.slow
def test_who_computes_first_cannot_share():
    call = (
        "import jax; jax.numpy.ones(1) + 1; from zoo import devices; "
        f"devices.share(processes=2, coordinator={coordinator()!r})"
    )
    said, code = ended(started("-c", call))
    assert code == 1 and "InputError: share has to come before anything computes (jax.distributed.initialize()" in said


def test_only_jax_shares_a_training():
    with pytest.raises(InputError, match="KERAS_BACKEND is 'tensorflow', expected 'jax' for several devices"):
        devices.share(2)
    assert devices.share_of_process() == (0, 1) and devices.number_of_devices() == 1
