"""Checks of what the zoo computes with: Keras and its backend must be installed, and the process not forked."""

import os

from zoo.errors import InputError, MissingDependencyError, shown

_first = None


def import_keras():
    """Imports Keras.

    Raises:
        MissingDependencyError: Keras or the package of the chosen backend is not installed.
        InputError: Keras has no such backend.
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
    """Refuses to compute in a process forked from one that had a model, because TensorFlow hangs there.

    Args:
        first: bool, whether a model is being made. From then on, processes forked from this one are refused; default
            False.

    Raises:
        InputError: the process was forked from one that had made or loaded a model.
    """
    global _first
    if _first not in (None, os.getpid()):
        raise InputError(
            "This process was forked from one that had made or loaded a model, where TensorFlow hangs; start it by "
            "multiprocessing.get_context('spawn'), or make the first model in it."
        )
    if first:
        _first = os.getpid()
