"""The private parts of Keras that the zoo needs: they work as described, and only one module touches them."""

import ast
import importlib
import inspect
import re

import keras
import numpy as np
import pytest
from test_structure import SOURCES

from zoo import keras_private

#: The versions of Keras that these private parts and messages were seen with.
SEEN_WITH = ("3.15.0", "3.15.1")

#: Private attributes of Keras that the zoo uses, by the object that has them.
PRIVATE = {
    "model": (
        "_flatten_layers",
        "_initial_epoch",
        "_nodes_by_depth",
        "_non_trainable_variables",
        "_tracker",
        "_trainable_variables",
    ),
    "optimizer": ("_learning_rate", "_trainable_variables"),
    "tensorflow": ("_available",),
    "variable": ("_initializer",),
}
NAMES = {name for names in PRIVATE.values() for name in names}

HOME = "zoo/keras_private.py"
# Methods that every namedtuple has.
OF_TUPLES = {"_asdict", "_fields", "_make", "_replace"}


def network():
    inputs = keras.Input((3,))
    dense = keras.layers.Dense(3, name="twice")
    return keras.Model(inputs, dense(dense(inputs)))


def compiled(optimizer="sgd"):
    model = network()
    model.compile(optimizer, "mse")
    return model


# === What the parts do ===


def test_this_version_of_keras_was_looked_at():
    assert keras.__version__ in SEEN_WITH, "see that the tests of this file pass, then add the version"


@pytest.mark.parametrize(("owner", "name"), [(owner, name) for owner, names in PRIVATE.items() for name in names])
def test_keras_has_what_is_named(owner, name):
    owners = {
        "model": network,
        "optimizer": keras.optimizers.Adam,
        "tensorflow": lambda: keras_private.module_utils.tensorflow,
        "variable": lambda: keras.Variable(0.0),
    }
    assert hasattr(owners[owner](), name)


@pytest.mark.slow
def test_a_fit_starts_at_the_epoch_that_a_callback_sets_and_the_next_one_at_its_own():
    model, x = compiled(), np.ones((2, 3))
    start = keras.callbacks.LambdaCallback(on_train_begin=lambda _: keras_private.start_at_epoch(model, 2))
    assert model.fit(x, x, epochs=4, verbose=0, callbacks=[start]).epoch == [2, 3]
    keras_private.start_at_epoch(model, None)
    assert model.fit(x, x, epochs=2, verbose=0).epoch == [0, 1]


def test_weights_beside_another_optimizer_are_refused(tmp_path):
    path = tmp_path / "a.weights.h5"
    for optimizer in ("adam", "sgd"):
        model = compiled(optimizer)
        model.optimizer.build(model.trainable_variables)
        if optimizer == "adam":
            model.save_weights(path)
    with pytest.raises(ValueError, match="Skipping variable loading"), keras_private.other_optimizers_refused():
        model.load_weights(path)


def test_the_message_of_a_constructor_is_found_in_that_of_keras():
    config = keras.saving.serialize_keras_object(keras.layers.Dense(3))
    config["config"]["units"] = -1
    with pytest.raises(TypeError) as caught:
        keras.saving.deserialize_keras_object(config)
    message = keras_private.constructor_message(caught.value)
    with pytest.raises(ValueError, match="units") as own:
        keras.layers.Dense(-1)
    assert message == str(own.value)


def test_an_operation_is_listed_as_often_as_it_is_applied():
    model = network()
    assert [layer.name for layer in model.layers].count("twice") == 1
    assert [operation.name for operation in keras_private.applied_operations(model)].count("twice") == 2


def test_layers_inside_of_networks_and_layers_are_found():
    wrapped = keras.layers.TimeDistributed(keras.layers.Dense(3, name="wrapped"))
    outer = keras.Sequential([keras.Input((4, 2)), wrapped, keras.layers.Flatten(), keras.layers.Dense(3), network()])
    assert {"wrapped", "twice"} <= {layer.name for layer in keras_private.layers_within(outer)}


def test_variables_are_deferred_and_told_one_by_one():
    told = []
    assert not keras_private.variables_are_deferred()
    with keras_private.deferred_variables(told.append):
        assert keras_private.variables_are_deferred()
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
        assert [variable.shape for variable in told] == [(2, 3), (3,)]
        seeds = keras.random.SeedGenerator(7)
        norm = keras.layers.BatchNormalization()
        norm.build((None, 2))
    # No random number is drawn for a weight, but seeds and constants are what they should be.
    assert not np.any(layer.kernel) and seeds.state.numpy().tolist() == [7, 0]
    assert np.all(norm.gamma == 1.0)


def test_the_values_of_the_current_scope_can_be_read_and_changed():
    variable = keras.Variable(1.0)
    with keras.StatelessScope():
        variable.assign(2.0)
        found = keras_private.values_in_scope()
        assert [float(value) for value in found.values()] == [2.0]
        found[id(variable)] = keras.ops.convert_to_tensor(3.0)
        assert float(variable.value) == 3.0
    assert float(variable.value) == 1.0


# === Who touches them ===


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def defined_names(tree):
    """Names that a file gives to functions, classes, variables and attributes of `self`."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self":
            yield node.attr


TREES = {str(name): ast.parse(path.read_text(encoding="utf-8")) for path, name in SOURCES.items()}
OWN = {name for tree in TREES.values() for name in defined_names(tree)} | OF_TUPLES


def private_parts(tree):
    """Names of private parts of Keras that a file reads, writes, imports or names in a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and (node.attr in NAMES or node.attr not in OWN):
            yield node.attr
        elif isinstance(node, ast.Constant) and node.value in NAMES:
            yield node.value
        elif isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("keras.src."):
            yield node.module


def touched():
    return {name: set(private_parts(tree)) for name, tree in TREES.items() if name != HOME}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("model._initial_epoch = 1", {"_initial_epoch"}),
        ("getattr(layer, '_nodes_by_depth', {})", {"_nodes_by_depth"}),
        ("x._unheard_of.y()", {"_unheard_of"}),
        ("from keras.src.backend import common", {"keras.src.backend"}),
        ("self.__dict__, location._replace(a=1), keras.Model", set()),
    ],
)
def test_private_parts_are_seen(source, names):
    assert set(private_parts(ast.parse(source))) == names


def test_one_module_touches_private_parts_of_keras():
    assert not {name: parts for name, parts in touched().items() if parts}


def taken_names(extended):
    """Private names that both a class and the source of its Keras bases use."""
    own, *bases = (
        set(re.findall(r"(?:\bself\.|\bdef )(_[a-z]\w*)", inspect.getsource(each)))
        for each in [extended, *(base for base in extended.__mro__ if base.__module__.startswith("keras."))]
    )
    return own & set().union(*bases)


def test_taken_names_are_seen():
    class Backup(keras.callbacks.BackupAndRestore):
        def _save_model(self):
            self._own = self._current_epoch

    assert taken_names(Backup) == {"_save_model", "_current_epoch"}


@pytest.mark.slow
def test_no_subclass_takes_a_private_name_of_its_keras_base():
    taken, subclasses = {}, 0
    for name in TREES:
        module = importlib.import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        for each in vars(module).values():
            if inspect.isclass(each) and each.__module__ == module.__name__ and each.__mro__[1] is not object:
                subclasses += 1
                if found := taken_names(each):
                    taken[f"{name}: {each.__name__}"] = found
    assert subclasses > 50 and not taken
