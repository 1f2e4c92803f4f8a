"""The private parts of Keras that the zoo needs, each with the reason; seen with Keras 3.15.1."""

import contextlib

from keras import StatelessScope
from keras.src.backend.common import global_state, stateless_scope, variables

_UNINITIALIZED = "uninitialized_variables"


def variables_are_deferred():
    """Returns whether new variables have a shape and no value yet, as within `deferred_variables`."""
    # Keras has no public way to ask.
    return stateless_scope.in_stateless_scope()


class _Watched(list):
    """A list that tells a function of every item before it takes it."""

    def __init__(self, tell):
        super().__init__()
        self._tell = tell

    def append(self, variable):
        self._tell(variable)
        super().append(variable)


@contextlib.contextmanager
def deferred_variables(tell):
    """Within it, models are built of variables that take no memory; they are initialized at its end.

    Keras defers variables in a `StatelessScope`, for layers that are built while shapes are inferred. It keeps them in
    a list of its own, and has no public way to see them before it allocates.

    Args:
        tell: function that is called with each new variable and stops the building by an exception.
    """
    before = global_state.get_global_attribute(_UNINITIALIZED, [])
    global_state.set_global_attribute(_UNINITIALIZED, _Watched(tell))
    try:
        with StatelessScope(initialize_variables=False):
            yield
        variables.initialize_all_variables()
    finally:
        global_state.set_global_attribute(_UNINITIALIZED, before)
