"""Writing the networks of a model, completely or not at all."""

import keras

from zoo.errors import InputError, first_line, printable
from zoo.exporting import formats
from zoo.exporting.destination import FORMATS, INDEX
from zoo.files import replacing, replacing_directory, write_json
from zoo.version import __version__

# Half precision, in which the programs that run exports compute little or nothing on a CPU.
_HALF = {"bfloat16", "float16"}


def write(destination, networks, facts, files):
    """Writes the networks of a model in the format of a destination.

    A file holds a single network. A folder holds each network under its name, `files`, and `export.json`, which
    describes them all. ONNX and LiteRT files hold the description of their network in their metadata, too.

    Args:
        destination: `Destination`.
        networks: dict of `Network` by name.
        facts: dict of what else a program that runs the networks must know, in values of JSON.
        files: dict of the contents of further JSON files of a folder, by file name.

    Raises:
        InputError: a single file was asked for several networks, or the format cannot hold a network.
        StorageError: the files cannot be written.
    """
    path, format, is_file = destination
    if is_file and len(networks) > 1:
        raise InputError(
            f"{str(path)!r} is one file, but there are {len(networks)} networks ({', '.join(networks)}); expected the "
            "name of a folder, without a suffix."
        )
    facts = {"format": format, **facts, "generative_zoo_version": __version__, "keras_version": keras.__version__}
    if is_file:
        with replacing(path) as temporary:
            for name, network in networks.items():
                _write_network(name, network, format, facts, temporary)
        return
    with replacing_directory(path) as folder:
        described = {}
        for name, network in networks.items():
            # A single SavedModel is the folder itself.
            alone = format == "tf_saved_model" and len(networks) == 1
            place = folder if alone else folder / f"{name}{FORMATS[format]}"
            ends = _write_network(name, network, format, facts, place)
            described[name] = {"file": place.relative_to(folder).as_posix(), **ends}
        for file, content in files.items():
            write_json(folder / file, content)
        write_json(folder / INDEX, {**facts, "networks": described})


def _write_network(name, network, format, facts, place):
    """Writes one network, and returns the description of its inputs and outputs."""
    traced = formats.traced(network)
    if half := _HALF & formats.dtypes_of(traced):
        raise InputError(
            f"The network {name!r} computes in {min(half)}, expected float32; zoo.load(..., dtype='float32') does so."
        )
    described = _described(network, traced)
    try:
        formats.WRITERS[format](traced, {**facts, "network": name, **described}, place)
    except OSError:
        raise
    # Converters raise errors of any type.
    except Exception as error:
        raise InputError(
            f"The network {name!r} cannot be exported as {format} ({type(error).__name__}: "
            f"{printable(first_line(error), 500)})."
        ) from error
    return described


def _described(network, traced):
    """Returns shapes, types and ranges of a network's inputs and outputs."""
    inputs = {
        name: _values((None, *values.shape), values.dtype, values.range) for name, values in network.inputs.items()
    }
    outputs = {
        name: _values(tensor.shape, tensor.dtype.name, network.ranges.get(name))
        for name, tensor in traced.concrete.structured_outputs.items()
    }
    return {"inputs": inputs, "outputs": outputs}


def _values(shape, dtype, range):
    return {"shape": list(shape), "dtype": dtype, **({} if range is None else {"range": list(range)})}
