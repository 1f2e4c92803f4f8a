"""What a model exports: functions of named tensors, and the shapes and ranges of these."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
from keras import ops

# Names that Keras gives to inputs without one. Their numbers differ from run to run.
_AUTOMATIC = ("keras_tensor", "input_layer")


class Values(NamedTuple):
    """The values of an input.

    Attributes:
        shape: tuple of ints, without the batch axis; None for a side of any length.
        dtype: str. Defaults to `"float32"`.
        range: the least and the largest value, where None is no limit, or None for any number. Defaults to None.
    """

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    range: tuple[float | None, float | None] | None = None


class Network(NamedTuple):
    """A function of a model, to export.

    Attributes:
        run: function of tensors, by the names of `inputs`, that returns a dict of tensors.
        inputs: dict of `Values` by the name of an input.
        ranges: dict of the least and the largest value by the name of an output; others may be any number. Defaults to
            none.
    """

    run: Callable[..., dict[str, Any]]
    inputs: Mapping[str, Values]
    ranges: Mapping[str, tuple[float, float]] = {}


def drawing(draw, **inputs):
    """Returns the `Network` that draws `images` in [-1, 1].

    Args:
        draw: function of tensors, by the names of `inputs`, that returns images roughly in [-1, 1].
        **inputs: `Values` by name.
    """

    def run(**given):
        # `generate` clips, too.
        return {"images": ops.clip(draw(**given), -1.0, 1.0)}

    return Network(run, inputs, {"images": (-1.0, 1.0)})


def functional(network):
    """Returns the `Network` of a functional Keras network.

    The inputs and outputs have the names that Keras knows, or else are called `inputs` and `outputs`.

    Args:
        network: functional Keras model.
    """
    # A Sequential has `inputs` but no `input`.
    structure = network.inputs[0] if len(network.inputs) == 1 else network.input
    inputs = _by_name(structure, "inputs")

    def run(**given):
        whole = given if isinstance(structure, dict) else keras.tree.pack_sequence_as(structure, [*given.values()])
        return _by_name(network(whole, training=False), "outputs")

    return Network(run, {name: Values(tuple(x.shape[1:]), x.dtype) for name, x in inputs.items()})


def _by_name(structure, called):
    """Returns the tensors of a dict, a list or a single one by their names, or else by `called` and a number."""
    if isinstance(structure, dict):
        return structure
    tensors = keras.tree.flatten(structure)
    names = [tensor.name if isinstance(tensor, keras.KerasTensor) else called for tensor in tensors]
    numbers = [""] if len(tensors) == 1 else [f"_{index}" for index in range(len(tensors))]
    return {
        called + number if name.startswith((*_AUTOMATIC, called)) else name: tensor
        for name, number, tensor in zip(names, numbers, tensors, strict=True)
    }
