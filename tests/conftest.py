"""What every test gets: a quiet TensorFlow and known random states."""

import gc
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


@pytest.fixture(autouse=True)
def short_collections(request):
    """Hides what outlives a long test from the garbage collector, which else walks gigabytes of graphs every so often.

    A test that only parses sources took half a minute when that fell to it.
    """
    yield
    if request.node.get_closest_marker("slow"):
        gc.collect()
        gc.freeze()
