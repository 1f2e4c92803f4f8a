"""What a type checker makes of a user's script: right calls pass, and wrong ones are reported."""

import os
import re
import subprocess
import sys

import pytest
from helpers import ROOT

RIGHT = """
import numpy as np
import zoo

model = zoo.load("dcgan_fashion_mnist_28")
images: np.ndarray = model.generate(16, seed=0)
gan: zoo.GenerativeModel = zoo.DCGAN((32, 32, 3), 16, objective="hinge", penalties=[zoo.objectives.penalties.R1(1.0)])
gan.compile(generator_optimizer="adam")
gan.fit(zoo.data.read("my_images/", (32, 32, 3)), batch_size=8, epochs=1, callbacks=[zoo.callbacks.StopOnNonFinite()])
names: list[str] = zoo.list_presets("*fashion*", model=zoo.DCGAN)
start, end = zoo.latents.sample(2, (16,), seed=0)
path: np.ndarray = zoo.latents.interpolate(start, end, steps=5)
zoo.presets.save(gan, "my_gan", weights_dtype="float16")
commit: str = zoo.hub.publish("my_gan", "me/my-gan", private=True).revision
"""
WRONG = """
import zoo
model = zoo.load("dcgan_fashion_mnist_28")
zoo.load()  # call-arg
zoo.load(28)  # arg-type
zoo.load("vae_mnist_28", bundled="no")  # arg-type
model.generate("four")  # arg-type
zoo.DCGAN()  # call-arg
zoo.DCGANN((32, 32, 3))  # attr-defined
zoo.list_presets(kind="models")  # arg-type
zoo.latents.sample("two", (16,))  # arg-type
zoo.presets.save(model)  # call-arg
"""


@pytest.mark.slow
def test_a_type_checker_passes_right_calls_and_reports_wrong_ones(tmp_path):
    (tmp_path / "right.py").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--cache-dir", tmp_path / "cache", "right.py", "wrong.py"]
    # An editable installation is a hook of Python's import, which mypy does not run.
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    reported = re.findall(r"^(\w+\.py):(\d+): error: .*\[([\w-]+)\]$", result.stdout, re.MULTILINE)
    expected = [(n, code) for n, line in enumerate(WRONG.split("\n"), 1) for code in re.findall("# (.*)", line)]
    assert reported == [("wrong.py", str(n), code) for n, code in expected], result.stdout + result.stderr
