"""The private parts of Keras and the texts of its messages that the zoo needs, each with its reason.

`tests/test_keras_private.py` names the versions of Keras that they were seen with.
"""

import contextlib
import itertools
import logging
import warnings

import keras
import numpy as np
from keras import StatelessScope
from keras.initializers import Ones, Zeros
from keras.src.backend.common import global_state, stateless_scope, variables
from keras.src.initializers.random_initializers import RandomInitializer
from keras.src.utils import module_utils

_UNINITIALIZED = "uninitialized_variables"


def variables_are_deferred():
    """Returns whether new variables have a shape but no value yet, as within `deferred_variables`."""
    # Keras has no public way to query this.
    return stateless_scope.in_stateless_scope()


def values_in_scope():
    """Returns the values of variables in the current `StatelessScope`, a dict by the `id` of the variable, or None.

    Keras has no public way to find the current scope, which a differentiated function has to continue.
    """
    scope = stateless_scope.get_stateless_scope()
    return None if scope is None else scope.state_mapping


class KeepsState:
    """Base of models whose step under JAX leaves the current values in the variables, where callbacks find them.

    Keras' trainer for JAX takes the weights away from the variables for an epoch, hands them from step to step, and
    knows the variables of one optimizer. It has no public way to leave out all of that.
    """

    def _get_jax_state(self, **kinds):
        if kinds.get("metrics_variables"):
            # Training and evaluation hand on as many values, one for each kind of variable.
            return (None,) * (len(kinds) - 1)
        return super()._get_jax_state(**kinds)


class _Watched(list):
    """A list that calls a function with every item before appending it."""

    def __init__(self, tell):
        super().__init__()
        self._tell = tell

    def append(self, variable):
        self._tell(variable)
        super().append(variable)


@contextlib.contextmanager
def deferred_variables(tell=lambda variable: None):
    """Within this context, new variables take no memory; they are initialized when it ends, random ones with zeros.

    Keras defers variables in a `StatelessScope`, meant for layers that are built while shapes are inferred. It collects
    them in a private list and has no public way to see them before it allocates them. Weights that are loaded next need
    no random values, for which JAX compiles a function for each shape.

    Args:
        tell: function that is called with each new variable; an exception in it stops the building. Defaults to one
            that does nothing.
    """
    before, deferred = global_state.get_global_attribute(_UNINITIALIZED, []), _Watched(tell)
    global_state.set_global_attribute(_UNINITIALIZED, deferred)
    try:
        with StatelessScope(initialize_variables=False):
            yield
        for variable in deferred:
            if isinstance(variable._initializer, (RandomInitializer, Zeros)):
                variable._initializer = np.zeros
            elif isinstance(variable._initializer, Ones):
                variable._initializer = np.ones
        variables.initialize_all_variables()
    finally:
        global_state.set_global_attribute(_UNINITIALIZED, before)


@contextlib.contextmanager
def without_tensorflow():
    """Within this context, Keras under another backend does not import TensorFlow to serialize a configuration.

    Keras imports it, which takes seconds, only to ask whether an object is one of its shapes.
    """
    tensorflow = module_utils.tensorflow
    is_unknown = tensorflow._available is None and keras.backend.backend() != "tensorflow"
    if is_unknown:
        tensorflow._available = False
    try:
        yield
    finally:
        if is_unknown:
            tensorflow._available = None


def attributes_of(layer):
    """Returns the attributes of a layer that are layers, and others, a dict by name.

    Under PyTorch, layers are modules, which keep those among their attributes in a private place.
    """
    return {**vars(layer), **dict(getattr(layer, "named_children", tuple)())}


def seed_layers(model):
    """Makes the layers of a model draw from their own random states, which backups hold.

    Under PyTorch, Keras' dropout draws from the global random state of PyTorch, unless the layer was given a seed.
    """
    for layer in model._flatten_layers():
        generator = getattr(layer, "seed_generator", None)
        if generator is not None and generator._initial_seed is None:
            generator._initial_seed = int(generator.state[0])


def own_variables(layer):
    """Returns the variables of a layer itself, trainable ones first, without those of its sublayers.

    The public properties also return the variables of all sublayers.
    """
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def layers_within(network):
    """Returns the layers of a network, also those inside of its networks and layers.

    The public `layers` lists the outermost ones only.
    """
    return list(network._flatten_layers(include_self=False))


def untrack(layer, part):
    """Makes a layer forget a part, which it would otherwise count and save after the attribute is replaced."""
    layer._tracker.untrack(part)


def optimized_by(optimizer):
    """Returns the variables that a built optimizer updates, which no public attribute lists."""
    return optimizer._trainable_variables


def serialized(optimizer):
    """Returns the configuration of an optimizer, which every backend can read.

    Under PyTorch, Keras' optimizers are of classes in a private module, which the configuration names.
    """

    def public(config):
        if not isinstance(config, dict):
            return config
        config = {name: public(value) for name, value in config.items()}
        if str(config.get("module")).startswith("keras.src.backend.torch.optimizers."):
            config |= {"module": "keras.optimizers", "registered_name": None}
        return config

    return public(keras.saving.serialize_keras_object(optimizer))


def learning_rate_of(optimizer):
    """Returns the learning rate of an optimizer as an object: its variable or its schedule.

    The public property evaluates a schedule, and so does not show whether it was replaced.
    """
    return optimizer._learning_rate


def is_validation_of_fit(arguments):
    """Returns whether a call of `evaluate` comes from Keras' `fit`, which marks it by a private argument."""
    return bool(arguments.get("_use_cached_eval_dataset"))


def start_at_epoch(model, epoch):
    """Makes the `fit` that begins start at an epoch; None leaves it to the `initial_epoch` of `fit`.

    A callback reads the epoch from a backup after `fit` got its `initial_epoch`, and Keras has no public way to change
    it from there. Keras keeps the value, so that it must be reset before the next `fit`.

    Args:
        model: Keras model.
        epoch: int, at least 0, or None.
    """
    model._initial_epoch = epoch


@contextlib.contextmanager
def other_optimizers_refused():
    """Within this context, `load_weights` raises an error for an optimizer whose variables differ.

    Keras only warns of this and then resets the optimizer's state. It has no option to refuse such a file, and the
    warning has no class of its own, so that its text tells it apart.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Skipping variable loading for optimizer", UserWarning)
        yield


def constructor_message(error):
    """Returns the message of the constructor's error inside the error that Keras raises for a configuration.

    Keras raises a new error whose long text ends with that of the constructor, and does not chain the original one.

    Args:
        error: exception of `keras.saving.deserialize_keras_object`.
    """
    return str(error).rpartition("Exception encountered: ")[2]


def applied_operations(network):
    """Returns the operations of a network, each as often as it is applied.

    The public `layers` and `operations` list a layer once, even if the network applies it twice.

    Args:
        network: Keras model.

    Returns:
        List of `keras.Operation`; the `layers` of a model that is not functional.
    """
    nodes = itertools.chain.from_iterable(getattr(network, "_nodes_by_depth", {}).values())
    return [node.operation for node in nodes] or network.layers


def onnx_of(function, signature):
    """Returns the ONNX model of a `tf.function`, by tf2onnx.

    tf2onnx 1.17 uses names that NumPy 2 has no more. Keras replaces its parts that do so, in a private function.

    Args:
        function: `tf.function` that returns a dict of tensors.
        signature: list of `tf.TensorSpec` with names, the inputs of `function`.
    """
    import tf2onnx
    from keras.src.export.tf2onnx_lib import patch_tf2onnx

    logger = logging.getLogger("tf2onnx")
    level = logger.level
    # It logs what ONNX lacks; the model that it returns then does not pass ONNX' check.
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            # The patch asks NumPy for one of these names.
            warnings.simplefilter("ignore", FutureWarning)
            patch_tf2onnx()
            model, _ = tf2onnx.convert.from_function(function, signature)
    finally:
        logger.setLevel(level)
    return model
