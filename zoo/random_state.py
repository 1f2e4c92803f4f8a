"""The states of seed generators, which Keras does not save."""

#: Prefix of the names of random states in weight files.
RANDOM_STATE = "random_state"


def random_states(model):
    """Returns the states of the seed generators of a model and its layers, which Keras does not save.

    Args:
        model: Keras model.

    Returns:
        List of variables.
    """
    others = {id(v) for v in [*model.weights, *model.metrics_variables]}
    return [v for v in model.variables if id(v) not in others]
