"""The command `zoo`: list, describe, sample, edit, translate, enlarge, evaluate, publish and train presets.

TensorFlow takes seconds to import, so only the commands that run a model import it, after all checks that can be made
without it.
"""

from zoo.cli import evaluating, listing, pictures, publishing, sampling, training  # noqa: F401 - these add their commands
from zoo.cli.group import main

__all__ = ["main"]
