"""The process that computes: TensorFlow does not survive a fork."""

import os

from zoo.errors import InputError

_first = None


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
            "multiprocessing.get_context('spawn'), or load the model in it alone."
        )
    if first:
        _first = os.getpid()
