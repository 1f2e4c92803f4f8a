"""The file of weights in a preset: HDF5 as Keras writes it, without optimizers and random states."""

import io

from zoo.errors import PresetError
from zoo.files import MemoryFile

# Numbers in a variable that is worth compressing.
_PACKED_FROM = 16_384


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
