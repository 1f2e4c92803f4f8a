"""What a plain script that imports the zoo writes to standard error: nothing, unless something is wrong."""

import os
import subprocess
import sys

import pytest
from helpers import ROOT


def errors_of(script, cwd, *paths, **environment):
    """Runs a script as a user's shell does, with nothing set, and returns what it writes to standard error."""
    given = {"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONPATH": os.pathsep.join(map(str, [*paths, ROOT]))}
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, cwd=cwd, env={**given, **environment}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stderr


DRAW_AND_TRAIN = """
import numpy as np
import zoo

images = zoo.data.read(np.random.RandomState(0).randint(0, 256, (64, 8, 8, 1), "uint8"), (8, 8, 1)).images
zoo.load("dcgan_fashion_mnist_28").generate(2, seed=0)
gan = zoo.DCGAN((8, 8, 1), latent_dim=4, filters=2)
gan.compile()
gan.fit(images, batch_size=32, epochs=1, callbacks=[zoo.callbacks.StopOnNonFinite()])
"""


@pytest.mark.slow
def test_a_plain_script_writes_no_errors(tmp_path):
    assert errors_of(DRAW_AND_TRAIN, tmp_path) == ""


@pytest.mark.slow
def test_a_log_level_of_the_user_holds(tmp_path):
    script = "import zoo; zoo.DCGAN"
    assert "oneDNN" in errors_of(script, tmp_path, TF_CPP_MIN_LOG_LEVEL="0")
    assert errors_of(script, tmp_path, TF_CPP_MIN_LOG_LEVEL="2") == ""


def test_other_lines_of_the_import_appear(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os\n"
        "os.write(2, b'I0000 00:00 1 port.cc:153] oneDNN custom operations are on.\\n')\n"
        "os.write(2, b'E0000 00:00 1 x.cc:1] No GPU!\\n')\n"
        "raise ImportError('is missing', name='absent')\n"
    )
    script = "import zoo\ntry:\n    zoo.DCGAN\nexcept ImportError as error:\n    assert 'absent' in str(error)"
    assert errors_of(script, tmp_path, tmp_path) == "E0000 00:00 1 x.cc:1] No GPU!\n"
