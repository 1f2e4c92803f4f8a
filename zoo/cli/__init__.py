"""The command `zoo`: list, describe, sample, edit, translate, enlarge, evaluate, export, publish, train, fine-tune.

TensorFlow takes seconds to import, so only the commands that run a model import it, after all checks that can be made
without it.
"""

# These add their commands.
from zoo.cli import (  # noqa: F401
    evaluating,
    exporting,
    fine_tuning,
    listing,
    pictures,
    playing,
    publishing,
    sampling,
    training,
)
from zoo.cli.group import main

__all__ = ["main"]
