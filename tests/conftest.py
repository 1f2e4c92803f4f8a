"""What every test gets: a quiet TensorFlow, known random states, and no leftovers of other tests' graphs."""

import gc
import os
import sys

import pytest

# Graphs are traced out of hundreds of thousands of objects, through which Python's collector goes again and again.
gc.set_threshold(100_000, 50, 100)
# Before any test module imports TensorFlow, which reads it then.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# XLA compiles for a minute what then runs for a second.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
if "PYTEST_XDIST_WORKER" in os.environ:
    # There is a process for each core; with threads of their own, tiny networks wait for one another.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


def pytest_collection_finish():
    """Commands and recipes run in processes of their own, where TensorFlow works as usual."""
    if "tensorflow" in sys.modules:
        from helpers import run_graphs_as_traced, spare_kernels_of_variables

        run_graphs_as_traced()
        spare_kernels_of_variables()


@pytest.fixture(autouse=True)
def seeded():
    """Seeds Python, numpy and Keras; a test that never imports Keras does not pay for its import."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def frozen_fixtures_die():
    """Frees what the tests of a module shared, which `traced_graphs_die` has frozen."""
    yield
    if "tensorflow" in sys.modules:
        gc.unfreeze()
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def traced_graphs_die(request):
    """Frees the graphs that a long test traced, and hides what outlives it from the garbage collector.

    Keras' optimizers call `ReplicaContext.all_reduce`, whose custom gradient TensorFlow registers at every tracing, for
    good and with the whole graph of the step: a test process grew by gigabytes, and what came late took ten times as
    long. The gradient is not asked for once a graph is traced. Without freezing what remains, each of these collections
    walks all of it again.
    """
    yield
    if request.node.get_closest_marker("slow") and "tensorflow" in sys.modules:
        registry = getattr(sys.modules["tensorflow.python.framework.ops"].gradient_registry, "_registry", {})
        for name in [name for name in registry if name.startswith("CustomGradient")]:
            del registry[name]
        gc.collect()
        gc.freeze()
