"""The file of weights in a preset: HDF5 as Keras writes it, without optimizers and random states."""

import io
import math

from zoo.errors import PresetError
from zoo.files import MemoryFile

# Numbers in a variable that is worth compressing.
_PACKED_FROM = 16_384
# A model of the zoo has a few hundred entries; hard links could make endlessly many of a small file.
_MOST_ENTRIES, _DEEPEST = 5_000, 40
# How many times smaller than its numbers a file may be; trained weights shrink to a half, unused ones to nothing.
_MOST_PACKED, _SMALL = 100, 64 * 1024**2
# HDF5's numbers of the filters that the zoo writes: gzip, shuffle, and a checksum. Others would be plug-ins.
_FILTERS = (1, 2, 3)


def check(path):
    """Refuses a file of weights that holds anything but plain numbers in itself, and counts these.

    HDF5 can link to other files, map datasets of them, keep its numbers elsewhere, and declare shapes of which it
    stores nothing. Keras would follow the former and allocate the latter.

    Args:
        path: the file of weights.

    Returns:
        How many numbers and how many arrays it holds; what is linked to twice counts twice.

    Raises:
        PresetError: a link, array or shape of that kind.
        OSError: the file is no HDF5.
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


def _why_not(array):
    """What is wrong with a dataset, as the end of a sentence, or None."""
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


def write(model, path, dtype):
    """Copies Keras' weights file without optimizers, in the wanted precision, with aliases as hard links."""
    import h5py
    import keras
    import numpy as np

    from zoo.callbacks import RANDOM_STATE

    aliases = dict(getattr(model, "preset_aliases", ()))
    skipped = {"optimizer", "optimizers", *getattr(model, "optimizer_names", ())}
    skipped |= set(getattr(model, "left_out_of_presets", ()))

    # The oldest format, h5py's default, takes three kilobytes more for each layer. In newer ones groups keep the time
    # they were made at, unless told not to, and the same weights would have another hash each time.
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
            # Those of a model within the model, too. With a random state every fine-tuning would draw the same noise.
            if key in skipped or key.startswith(RANDOM_STATE):
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
            # In one piece: the chunks that h5py chooses take half the gain away.
            packed = (
                {"compression": "gzip", "shuffle": True, "chunks": value.shape} if value.size >= _PACKED_FROM else {}
            )
            # By an attribute Keras knows bfloat16, which HDF5 does not.
            target.create_dataset(key, data=value, **packed).attrs.update(item.attrs)

    whole = MemoryFile(path)
    keras.saving.save_weights(model, whole)
    with (
        h5py.File(whole, "r") as source,
        h5py.File(h5py.h5f.create(bytes(path), fcpl=of_file, fapl=access)) as target,
    ):
        target.attrs.update(source.attrs)
        for key, item in source.items():
            if key not in skipped and key not in aliases:
                copy(item, group(target, key))
        for key, original in aliases.items():
            target[key] = target[original]
    path.write_bytes(content.getbuffer())
