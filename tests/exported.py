"""Runs exported files as programs without Keras do, and compares them with the functions that were exported."""

import json
import os

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from keras import ops

from zoo.exporting.formats import METADATA

# tf2onnx spends half of its time on copies of the graph, to go on if one of its optimizations fails. Tests shall fail.
os.environ["TF2ONNX_CATCH_ERRORS"] = "FALSE"


def index_of(folder):
    return json.loads((folder / "export.json").read_bytes())


def inputs_for(described, number=3):
    """Random inputs in their ranges, of `number` rows, for inputs as `export.json` describes them."""
    stream, inputs = np.random.RandomState(0), {}
    for name, values in described.items():
        # A free side may have any length.
        shape = [number, *(5 if side is None else side for side in values["shape"][1:])]
        least, most = values.get("range", (None, None))
        if values["dtype"] == "int32":
            inputs[name] = stream.randint(least, most + 1, shape).astype("int32")
        elif least is None:
            inputs[name] = stream.normal(size=shape).astype("float32")
        else:
            inputs[name] = stream.uniform(least, 1.0 if most is None else most, shape).astype("float32")
    return inputs


def run(network, **inputs):
    """The outputs of a `zoo.exporting.networks.Network`, computed by Keras."""
    outputs = network.run(**{name: ops.convert_to_tensor(value) for name, value in inputs.items()})
    return {name: ops.convert_to_numpy(value) for name, value in outputs.items()}


def run_onnx(path, inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    names = [output.name for output in session.get_outputs()]
    assert {each.name: each.shape[0] for each in session.get_inputs()} == dict.fromkeys(inputs, "batch")
    return dict(zip(names, session.run(None, inputs), strict=True))


def run_litert(path, inputs):
    return Interpreter(str(path), num_threads=1).get_signature_runner("serve")(**inputs)


def onnx_description(path):
    """What an ONNX file says of itself; the names of classes and versions are no JSON."""
    texts = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    return {key: json.loads(text) if text[0] in "[{" else text for key, text in texts.items()}


def litert_description(path):
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    (entry,) = [entry for entry in model.metadata if entry.name == METADATA.encode()]
    return json.loads(bytes(model.buffers[entry.buffer].data))


FORMATS = {"onnx": (run_onnx, onnx_description), "litert": (run_litert, litert_description)}


def assert_same(folder, networks):
    """Asserts that the files of an exported folder compute what the model's networks compute, and describe that."""
    index = index_of(folder)
    assert index["networks"].keys() == networks.keys()
    run_file, description_of = FORMATS[index["format"]]
    for name, described in index["networks"].items():
        path = folder / described["file"]
        inputs = inputs_for(described["inputs"])
        found, expected = run_file(path, inputs), run(networks[name], **inputs)
        assert found.keys() == expected.keys() == described["outputs"].keys()
        for output, values in described["outputs"].items():
            assert found[output].dtype == values["dtype"]
            assert [None, *found[output].shape[1:]] == [
                None,
                *(s or found[output].shape[i + 1] for i, s in enumerate(values["shape"][1:])),
            ]
            if "range" in values:
                assert values["range"][0] <= found[output].min() and found[output].max() <= values["range"][1]
            # Log probabilities and means reach tens, where float32 has fewer digits behind the point.
            scale = 1.0 if "range" in values else max(1.0, np.abs(expected[output]).max())
            assert np.abs(found[output] - expected[output].astype("float64")).max() <= 1e-4 * scale, (name, output)
        said = description_of(path)
        assert said["network"] == name and said["inputs"] == described["inputs"]
        assert said["outputs"] == described["outputs"]
