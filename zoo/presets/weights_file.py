"""The weights file of a preset: HDF5 as Keras writes it, without optimizers and random states."""

import io
import math

from zoo.errors import PresetError
from zoo.files import MemoryFile
from zoo.random_state import RANDOM_STATE

# Size from which a variable is worth compressing.
_PACKED_FROM = 16_384
# A model of the zoo has a few hundred entries; with hard links, a small file could have arbitrarily many.
_MOST_ENTRIES, _DEEPEST = 5_000, 40
# Highest compression ratio of a file. Trained weights compress to a half, unused ones to almost nothing.
_MOST_PACKED, _SMALL = 100, 4 * 1024**2
# HDF5's numbers of the filters that the zoo uses: gzip, shuffle and a checksum. Other filters may load plug-ins.
_FILTERS = (1, 2, 3)


def check(path):
    """Refuses a weights file that holds anything but plain numbers of its own, and counts them.

    An HDF5 file can link to other files, map their datasets, store its numbers elsewhere, and declare large shapes
    without storing values. Keras would follow the links and allocate the shapes.

    Args:
        path: `pathlib.Path` of the weights file.

    Returns:
        Tuple of the number of values and the number of arrays; an array with two links counts twice.

    Raises:
        PresetError: the file holds such a link, array or shape.
        OSError: the file is not HDF5.
    """
    import h5py

    numbers = arrays = entries = 0

    def refuse(place, why):
        raise PresetError(f"The preset in {path.parent} holds the weights {place!r}, {why}.")

    def visit(group, parents):
        nonlocal numbers, arrays, entries
        for name in group:
            place = f"{group.name.rstrip('/')}/{name}"
            entries += 1
            if entries > _MOST_ENTRIES or len(parents) > _DEEPEST:
                refuse(place, f"in more than {_MOST_ENTRIES} entries or {_DEEPEST} levels, which no preset has")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                refuse(place, "which is a link to another place; expected numbers in this file")
            item = group[name]
            if not all(_is_plain(item.attrs.get_id(key)) for key in item.attrs):
                refuse(place, "which has an attribute that is no single text or number")
            if isinstance(item, h5py.Group):
                address = h5py.h5o.get_info(item.id).addr
                if address in parents:
                    refuse(place, "which holds itself")
                visit(item, [*parents, address])
            elif isinstance(item, h5py.Dataset):
                why = _why_not(item)
                if why:
                    refuse(place, why)
                numbers, arrays = numbers + math.prod(item.shape), arrays + 1
            else:
                refuse(place, "which is neither an array nor a group")
            if numbers * 4 > max(_SMALL, _MOST_PACKED * size):
                refuse(place, f"with which {numbers} numbers are declared in {size} bytes; expected far fewer")

    size = path.stat().st_size
    with h5py.File(path, "r") as file:
        visit(file, [h5py.h5o.get_info(file.id).addr])
    return numbers, arrays


def _is_plain(attribute):
    """Returns whether an HDF5 attribute is one text or number, because Keras reads attributes without a limit."""
    import h5py

    plain = (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT)
    return attribute.shape == () and attribute.get_type().get_class() in plain


def _why_not(array):
    """What is wrong with a dataset, as the end of an error message, or None."""
    if array.is_virtual or array.external:
        return "whose numbers lie in another file"
    bfloat16 = array.dtype.kind == "V" and array.dtype.itemsize == 2
    if array.shape is None or not (bfloat16 or array.dtype.kind in "fiub") or array.dtype.itemsize > 8:
        return f"of the type {array.dtype}; expected real numbers"
    plist = array.id.get_create_plist()
    if any(plist.get_filter(index)[0] not in _FILTERS for index in range(plist.get_nfilters())):
        return "which is packed in a way that presets are not"
    if array.chunks and math.prod(array.chunks) > max(math.prod(array.shape), 1024):
        return "which is stored in pieces larger than itself"
    return None


def parameters(path):
    """Returns how many numbers a weights file holds; an alias counts once."""
    import h5py

    sizes = []
    with h5py.File(path, "r") as file:
        file.visititems(lambda _, item: sizes.append(getattr(item, "size", 0)))
    return sum(sizes)


def write(model, path, dtype):
    """Writes a model's weights without optimizers, in the given precision; aliases become hard links.

    Args:
        model: a built Keras model.
        path: `pathlib.Path` of the file.
        dtype: `"float32"` or `"float16"`.

    Raises:
        PresetError: a weight is not finite or does not fit `dtype`.
    """
    import h5py
    import keras
    import numpy as np

    aliases = dict(getattr(model, "preset_aliases", ()))
    skipped = {"optimizer", "optimizers", *getattr(model, "optimizer_names", ())}
    skipped |= set(getattr(model, "left_out_of_presets", ()))

    # The oldest format, h5py's default, takes three kilobytes more per layer. In newer formats, groups record their
    # creation time by default, so equal weights would have different hashes.
    access, of_file, of_group = map(
        h5py.h5p.create, (h5py.h5p.FILE_ACCESS, h5py.h5p.FILE_CREATE, h5py.h5p.GROUP_CREATE)
    )
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    content = io.BytesIO()
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, content)
    of_file.set_obj_track_times(False)
    of_group.set_obj_track_times(False)

    def group(parent, name):
        return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=of_group))

    def copy(source, target):
        target.attrs.update(source.attrs)
        for key, item in source.items():
            # Nested models have such entries, too. With a saved random state, every fine-tuning would draw the same
            # noise.
            if key in skipped or item.name[1:] in aliases or key.startswith(RANDOM_STATE):
                continue
            if isinstance(item, h5py.Group):
                copy(item, group(target, key))
                continue
            value = item[()]
            if item.dtype.kind == "f" and not np.isfinite(value).all():
                raise PresetError(f"The weights in {item.name} hold NaN or infinity, of which no preset is made.")
            if item.dtype == np.float32 and dtype == "float16":
                with np.errstate(over="ignore"):
                    value = value.astype("float16")
                if not np.isfinite(value).all():
                    raise PresetError(
                        f"The weights in {item.name} do not fit float16; save with weights_dtype='float32'."
                    )
            # The array is one chunk, because the chunks that h5py chooses halve the gain.
            packed = (
                {"compression": "gzip", "shuffle": True, "chunks": value.shape} if value.size >= _PACKED_FROM else {}
            )
            # Keras marks bfloat16, which HDF5 does not have, by an attribute.
            target.create_dataset(key, data=value, **packed).attrs.update(item.attrs)

    whole = MemoryFile(path)
    keras.saving.save_weights(model, whole)
    with (
        h5py.File(whole, "r") as source,
        h5py.File(h5py.h5f.create(bytes(path), fcpl=of_file, fapl=access)) as target,
    ):
        copy(source, target)
        for alias, original in aliases.items():
            target[alias] = target[original]
    path.write_bytes(content.getbuffer())
