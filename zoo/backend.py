"""What the zoo computes with: Keras and its backend, which start quietly, in a process that must not be forked."""

import contextlib
import os
import sys
from importlib.machinery import PathFinder

from zoo.errors import InputError, MissingDependencyError, shown

_first = None
_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# Parts of the lines that TensorFlow 2.21 writes while it is imported, each of which it writes on healthy machines.
_HARMLESS = (b"All log messages before absl::InitializeLog()", b" port.cc:", b" cudart_stub.cc:")


def quiet_tensorflow():
    """Hides TensorFlow's own log from now on, unless the user chose its level or TensorFlow is imported already.

    Without a GPU it logs a missing driver as an error, and its graph optimizer logs as errors what it leaves as it is.
    Errors of Python and fatal ones still appear.
    """
    if "tensorflow" not in sys.modules:
        os.environ.setdefault(_LOG_LEVEL, "3")
        sys.meta_path.insert(0, _QuietFinder())


class _QuietFinder:
    """Finds TensorFlow like Python does, and has it imported without the lines that it writes on every start.

    Scripts import it in many ways, such as by Keras or `zoo.callbacks`; this is the one place that all of them pass.
    """

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow" or os.environ.get(_LOG_LEVEL) == "0":
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None:
            spec.loader.exec_module = _without_harmless_lines()(spec.loader.exec_module)
        return spec


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
