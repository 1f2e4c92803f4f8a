"""What the zoo computes with: Keras and its backend, which start quietly, in a process that must not be forked."""

import contextlib
import os
import sys

from zoo.errors import InputError, MissingDependencyError, shown

_first = _chosen = None
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# Parts of the lines that TensorFlow 2.21 writes while it is imported, each of which it writes on healthy machines.
_HARMLESS = (b"All log messages before absl::InitializeLog()", b" port.cc:", b" cudart_stub.cc:")


@contextlib.contextmanager
def _without_harmless_lines():
    """Holds standard error back within this context, and then writes what is not harmless of it.

    TensorFlow 2.21 writes some lines before it reads TF_CPP_MIN_LOG_LEVEL, and bypasses `sys.stderr`.
    """
    try:
        shown_at = os.dup(2)
    except OSError:
        # Standard error is closed.
        yield
        return
    # A pipe needs no disk; what does not fit into it is lost rather than waited for.
    held = os.pipe()
    for end in held:
        os.set_blocking(end, False)
    try:
        os.dup2(held[1], 2)
        yield
    finally:
        os.dup2(shown_at, 2)
        with contextlib.suppress(BlockingIOError):
            lines = os.read(held[0], 2**20).splitlines(keepends=True)
            os.write(2, b"".join(line for line in lines if not any(part in line for part in _HARMLESS)))
        for number in (shown_at, *held):
            os.close(number)


def import_keras():
    """Imports Keras and its backend, without what TensorFlow logs on every healthy machine.

    Without a GPU, TensorFlow logs a missing driver as an error, and its graph optimizer what it leaves as it is. With
    `TF_CPP_MIN_LOG_LEVEL=0` it logs all of that.

    Raises:
        MissingDependencyError: Keras or the package of the chosen backend is not installed.
        InputError: Keras has no such backend, or was imported with another one.
    """
    backend = os.environ.get("KERAS_BACKEND", "")
    imported = "keras" in sys.modules or os.environ.setdefault(_LOG_LEVEL, "3") == "0"
    try:
        with contextlib.nullcontext() if imported else _without_harmless_lines():
            import keras
    except ImportError as error:
        missing = (error.name or "keras").partition(".")[0]
        package = f"'generative-zoo[{missing}]'" if missing in ("jax", "torch") else missing
        raise MissingDependencyError(f"Keras needs the package {missing} here: pip install {package}.") from error
    except ValueError as error:
        raise InputError(f"KERAS_BACKEND is {shown(backend)}, expected 'tensorflow', 'jax' or 'torch'.") from error
    global _chosen
    used = keras.backend.backend()
    if backend and backend != used:
        raise InputError(
            f"KERAS_BACKEND is {shown(backend)}, but Keras was imported with {used!r}; set it before Keras is imported."
        )
    if _chosen not in (None, used):
        raise InputError(
            f"Keras' backend became {used!r} after the zoo began with {_chosen!r}; set KERAS_BACKEND before Keras is "
            "imported instead."
        )
    _chosen = used


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


def set_random_seed(seed):
    """Seeds Python, NumPy and Keras, without TensorFlow where another backend computes."""
    import keras

    from zoo.keras_private import without_tensorflow

    with without_tensorflow():
        keras.utils.set_random_seed(seed)
