"""What computes: Keras with its backend, which may be missing, and the process, which must not be a forked one."""

import os

from zoo.errors import InputError, MissingDependencyError, shown

_first = None


def import_keras():
    """Imports Keras.

    Raises:
        MissingDependencyError: the package of the backend that was chosen is not installed.
        InputError: Keras knows no such backend.
    """
    try:
        import keras  # noqa: F401
    except ImportError as error:
        missing = error.name or "keras"
        raise MissingDependencyError(f"Keras needs the package {missing} here: pip install {missing}.") from error
    except ValueError as error:
        backend = os.environ.get("KERAS_BACKEND", "")
        raise InputError(f"KERAS_BACKEND is {shown(backend)}, expected 'tensorflow', 'jax' or 'torch'.") from error


def check_process(first=False):
    """Refuses to compute in a process that was forked from one that had a model, where TensorFlow waits for ever.

    Args:
        first: whether a model is made, which binds this process and those that are forked from it.

    Raises:
        InputError: this is such a process.
    """
    global _first
    if _first not in (None, os.getpid()):
        raise InputError(
            "This process was forked from one that had made or loaded a model, where TensorFlow hangs; start it by "
            "multiprocessing.get_context('spawn'), or make the first model in it."
        )
    if first:
        _first = os.getpid()
