"""The private parts of Keras that the zoo needs, each with its reason; checked with Keras 3.15.1."""

import contextlib

from keras import StatelessScope
from keras.src.backend.common import global_state, stateless_scope, variables

_UNINITIALIZED = "uninitialized_variables"


def variables_are_deferred():
    """Returns whether new variables have a shape but no value yet, as within `deferred_variables`."""
    # Keras has no public way to query this.
    return stateless_scope.in_stateless_scope()


class _Watched(list):
    """A list that calls a function with every item before appending it."""

    def __init__(self, tell):
        super().__init__()
        self._tell = tell

    def append(self, variable):
        self._tell(variable)
        super().append(variable)


@contextlib.contextmanager
def deferred_variables(tell):
    """Within this context, new variables take no memory; they are initialized when it ends.

    Keras defers variables in a `StatelessScope`, meant for layers that are built while shapes are inferred. It collects
    them in a private list and has no public way to see them before it allocates them.

    Args:
        tell: function that is called with each new variable; an exception in it stops the building.
    """
    before = global_state.get_global_attribute(_UNINITIALIZED, [])
    global_state.set_global_attribute(_UNINITIALIZED, _Watched(tell))
    try:
        with StatelessScope(initialize_variables=False):
            yield
        variables.initialize_all_variables()
    finally:
        global_state.set_global_attribute(_UNINITIALIZED, before)


def own_variables(layer):
    """Returns the variables of a layer itself, trainable ones first, without those of its sublayers.

    The public properties also return the variables of all sublayers.
    """
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def untrack(layer, part):
    """Makes a layer forget a part, which it would otherwise count and save after the attribute is replaced."""
    layer._tracker.untrack(part)


def optimized_by(optimizer):
    """Returns the variables that a built optimizer updates, which no public attribute lists."""
    return optimizer._trainable_variables


def learning_rate_of(optimizer):
    """Returns the learning rate of an optimizer as an object: its variable or its schedule.

    The public property evaluates a schedule, and so does not show whether it was replaced.
    """
    return optimizer._learning_rate


def is_validation_of_fit(arguments):
    """Returns whether a call of `evaluate` comes from Keras' `fit`, which marks it by a private argument."""
    return bool(arguments.get("_use_cached_eval_dataset"))
