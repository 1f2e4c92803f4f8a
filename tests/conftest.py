"""What every test gets: a quiet TensorFlow and known random states."""

import os
import sys

import pytest

# Before any test module imports TensorFlow, which reads it then.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(autouse=True)
def seeded():
    """Seeds Python, numpy and Keras; a test that never imports Keras does not pay for its import."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)
