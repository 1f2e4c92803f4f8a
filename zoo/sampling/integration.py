"""Solvers of the differential equations that turn noise into images."""

import itertools

import numpy as np

from zoo.progress import bar


def euler(field, state, start, end):
    """Takes a step along the field at its start."""
    return state + (end - start) * field(state, start)


def heun(field, state, start, end):
    """Takes a step along the mean of the fields at its start and at the end of Euler's step."""
    first = field(state, start)
    ahead = state + (end - start) * first
    return state + (end - start) * 0.5 * (first + field(ahead, end))


#: The solvers by name.
SOLVERS = {"heun": heun, "euler": euler}


def integrated(field, state, steps, solver, backwards=False, after_step=lambda state, time: state):
    """Follows a field from time 0 to 1.

    Args:
        field: function of a state and a time that returns the state's derivative.
        state: array at time 0.
        steps: int, at least 1. Number of equal steps.
        solver: name among `SOLVERS`.
        backwards: bool. Whether to begin at time 1 and end at 0 instead. Defaults to False.
        after_step: function of the state after a step, and its time, that returns the state to go on with. Defaults to
            the state itself.

    Returns:
        array of the shape of `state`.
    """
    times = np.linspace(*((1.0, 0.0) if backwards else (0.0, 1.0)), steps + 1)
    for start, end in bar(itertools.pairwise(times), "following the flow", unit="step", total=steps):
        state = after_step(SOLVERS[solver](field, state, start, end), end)
    return state
