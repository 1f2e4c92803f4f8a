"""The formats of exports: each writer turns a traced network into files of its own."""

import functools
import json
import re
import types
from typing import Any, NamedTuple

from zoo import keras_private

# What the axes of any length are called, by their number.
_AXES = ("batch", "height", "width", "depth")
#: Key of the description in the metadata of a LiteRT file.
METADATA = "generative_zoo"


class Traced(NamedTuple):
    """A network as a TensorFlow graph.

    Attributes:
        function: `tf.function` of the network's inputs.
        signature: list of `tf.TensorSpec`, the inputs by name.
        concrete: the one graph of `function`.
    """

    function: Any
    signature: list
    concrete: Any


def traced(network):
    """Returns the graph of a `Network` for batches of any size."""
    import tensorflow as tf

    signature = [
        tf.TensorSpec((None, *values.shape), values.dtype, name=name) for name, values in network.inputs.items()
    ]

    # Keras' layers need no autograph, which reads their source.
    @functools.partial(tf.function, input_signature=signature, autograph=False)
    def function(*tensors):
        return network.run(**dict(zip(network.inputs, tensors, strict=True)))

    return Traced(function, signature, function.get_concrete_function())


def dtypes_of(traced):
    """Returns the names of all dtypes that a graph computes in."""
    operations = traced.concrete.graph.get_operations()
    return {tensor.dtype.name for operation in operations for tensor in operation.outputs}


def _write_onnx(traced, description, path):
    import onnx

    model = keras_private.onnx_of(traced.function, traced.signature)
    ends = {**description["inputs"], **description["outputs"]}
    for value in (*model.graph.input, *model.graph.output):
        # tf2onnx forgets some lengths, and calls free axes by numbers that differ from run to run.
        shape = [_AXES[axis] if side is None else side for axis, side in enumerate(ends[value.name]["shape"])]
        value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, value.type.tensor_type.elem_type, shape))
    onnx.helper.set_model_props(
        model, {key: value if isinstance(value, str) else json.dumps(value) for key, value in description.items()}
    )
    # It refuses operations that ONNX does not have.
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _write_saved_model(traced, description, path):
    import tensorflow as tf

    module = tf.Module()
    # A SavedModel holds the variables of its module.
    module.serve, module.used = traced.function, traced.concrete.variables
    tf.saved_model.save(module, str(path), signatures={"serve": traced.concrete})


def _write_litert(traced, description, path):
    import flatbuffers
    import tensorflow as tf
    from ai_edge_litert import schema_py_generated as schema

    # With the function in place of a module, the converter simplifies the graph first. Otherwise it loses track of the
    # shapes behind several enlargements, and refuses their convolutions.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.concrete], traced.function)
    try:
        model = schema.ModelT.InitFromPackedBuf(converter.convert())
    # The class of the converter's errors is private. Their first line is a place in Keras, and a later one the cause.
    except Exception as error:
        missing = re.search("^(?:Custom|TF Select) ops: (.*)$", str(error), re.MULTILINE)
        if missing is None:
            raise
        raise ValueError(f"LiteRT has no {missing[1]}") from error

    def named(names, tensors):
        entries = []
        for name, tensor in zip(names, tensors, strict=True):
            entry = schema.TensorMapT()
            entry.name, entry.tensorIndex = name, tensor
            entries.append(entry)
        return entries

    graph, signature = model.subgraphs[0], schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serve", 0
    signature.inputs = named(description["inputs"], graph.inputs)
    # TensorFlow sorts the outputs by their names.
    signature.outputs = named(sorted(description["outputs"]), graph.outputs)
    model.signatureDefs = [signature]
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = json.dumps(description).encode()
    entry.name, entry.buffer = METADATA, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), entry]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())


#: Functions of a `Traced` network, its description and a path, by format.
WRITERS = types.MappingProxyType({"onnx": _write_onnx, "litert": _write_litert, "tf_saved_model": _write_saved_model})
