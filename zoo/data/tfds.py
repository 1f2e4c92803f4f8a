"""Reads data sets of TFDS, and the zoo's own, which are registered with it."""

import difflib
import errno

import numpy as np

from zoo.data.folders import find_folder
from zoo.data.image_set import ImageSet, empty_images
from zoo.errors import DataError, InputError, ZooError, first_line, shown
from zoo.files import expanded
from zoo.images import fit_image
from zoo.progress import bar

# TFDS has one split of these data sets and wrote its examples in random order; these parts serve as train and test.
_SHARES = {"tf_flowers": {"train": "train[:85%]", "test": "train[85%:]"}}
# Features of a TFDS data set that condition the images rather than being images to generate.
_SOURCE, _CAPTION = "source_image", "caption"


def _imported():
    """Imports TFDS, which needs TensorFlow and takes seconds, and registers the builders of the zoo with it."""
    import tensorflow_datasets

    import zoo.datasets  # noqa: F401

    return tensorflow_datasets


def check_tfds_options(split, data_dir):
    """Returns the split and the TFDS folder, or raises `InputError`, even if the source is not a TFDS name."""
    if not isinstance(split, str):
        raise InputError(
            f"split is {shown(split)}, expected the name of a split, such as 'train', or of a part, 'train[:10%]'."
        )
    return split, None if data_dir is None else str(expanded(data_dir))


def check_name(name):
    """Raises `InputError` unless `name` is a string that can name a TFDS data set and is not a folder."""
    if not isinstance(name, str):
        raise InputError(f"dataset is {shown(name)}, expected the name of a TFDS data set.")
    if find_folder(name) is not None:
        raise InputError(f"dataset is the folder {name!r}, expected the name of a TFDS data set, which has splits.")


def read_tfds(name, image_shape, split, data_dir, source_shape=None):
    """Reads the images, labels and captions of a TFDS data set; with `source_shape`, the source images, too.

    Raises:
        DataError: If the data set is missing or unreadable, or has no such images.
    """
    tfds = _imported()
    builder = prepared(name, data_dir)
    features = builder.info.features
    image_key = next((k for k, f in features.items() if isinstance(f, tfds.features.Image)), None)
    if image_key is None:
        raise DataError(f"The data set {name!r} has no image feature, only {sorted(features)}.")
    if source_shape is not None and _SOURCE not in features:
        raise DataError(f"The data set {name!r} has no {_SOURCE} for each image, only {sorted(features)}.")
    # Maps each array of images to the feature it is read from and the shape to fit it to.
    origins = {"images": (image_key, image_shape)}
    if source_shape is not None:
        origins["source_images"] = (_SOURCE, source_shape)
    for key, _ in origins.values():
        if features[key].np_dtype not in (np.uint8, np.uint16):
            raise DataError(f"The data set {name!r} has {key} of {features[key].np_dtype}, expected 8 or 16 bits.")
    examples = _examples(builder, split)
    number = int(examples.cardinality())
    arrays = {field: empty_images(number, shape) for field, (_, shape) in origins.items()}
    label_key = next((k for k, f in features.items() if isinstance(f, tfds.features.ClassLabel)), None)
    labels = np.empty(number, "int32") if label_key else None
    prompts = [] if _CAPTION in features and isinstance(features[_CAPTION], tfds.features.Text) else None
    # A Python step for every single example is slow, so images of one shape come in large batches.
    same_shape = None not in features[image_key].shape
    done = 0
    with bar(desc=f"reading {name}", total=number, unit="") as progress:
        for batch in tfds.as_numpy(examples.batch(1024 if same_shape else 1)):
            for field, (key, shape) in origins.items():
                for index, image in enumerate(batch[key], done):
                    arrays[field][index] = fit_image(image, shape)
            size = len(batch[image_key])
            if label_key:
                labels[done : done + size] = batch[label_key]
            if prompts is not None:
                prompts += [caption.decode() for caption in batch[_CAPTION]]
            done += size
            progress.update(size)
    class_names = tuple(features[label_key].names) if label_key else None
    return ImageSet(
        labels=labels, class_names=class_names, prompts=None if prompts is None else np.array(prompts), **arrays
    )


def attributes(name, *, split="train", data_dir=None):
    """Reads the feature `attributes` of a TFDS data set, in the order in which `read` returns its images.

    Args:
        name: str. TFDS name of a data set with this feature, such as `"avatars"`.
        split: str. TFDS split, as for `dataset`. Defaults to `"train"`.
        data_dir: str, path or None. Folder of TFDS, as for `dataset`. Defaults to None.

    Returns:
        Dict with one array of shape `(n,)` of integers, booleans or floats per attribute.

    Raises:
        InputError: If `name` is not a string, or is a folder.
        DataError: If the data set is missing or unreadable, or has no attributes.

    Example:

    ```python
    import zoo

    mouths = zoo.data.attributes("avatars", split="test")["mouth"]
    ```
    """
    tfds = _imported()
    check_name(name)
    split, data_dir = check_tfds_options(split, data_dir)
    builder = prepared(name, data_dir)
    features = builder.info.features
    if "attributes" not in features:
        raise DataError(f"The data set {name!r} has no attributes, only {sorted(features)}.")
    pictures = [key for key, feature in features.items() if isinstance(feature, tfds.features.Image)]
    # TFDS' own way to read some of the features, `PartialDecoding`, prints deprecation warnings.
    examples = _examples(builder, split, decoders=dict.fromkeys(pictures, tfds.decode.SkipDecoding()))
    chunks = [batch["attributes"] for batch in tfds.as_numpy(examples.batch(1024))]
    return {attribute: np.concatenate([chunk[attribute] for chunk in chunks]) for attribute in features["attributes"]}


def identity(name, data_dir=None):
    """Returns a text that identifies a TFDS data set: its version and, once prepared, the sizes of its splits.

    Args:
        name: str. TFDS name.
        data_dir: str, path or None. Folder of TFDS, as for `dataset`. Defaults to None.

    Returns:
        str.

    Raises:
        DataError: If there is no such data set.
    """
    info = _builder(name, data_dir).info
    sizes = (f" {split}: {part.num_examples} in {part.num_bytes} bytes" for split, part in sorted(info.splits.items()))
    return f"{info.full_name};{''.join(sizes)}"


def prepared(name, data_dir):
    """Returns the TFDS builder of that name after preparing its data set, which may download or render it.

    Raises:
        DataError: If there is no such data set, or it can be neither found nor prepared.
    """
    builder = _builder(name, data_dir)
    try:
        builder.download_and_prepare()
    except ZooError:
        raise
    except Exception as error:
        missing = f"The data set {name!r} is not prepared in {builder.data_dir} and could not be"
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise DataError(
                f"{missing} written there ({error.strerror}); point TFDS_DATA_DIR (or data_dir) to a folder that is "
                "yours to write, or where TFDS prepared it."
            ) from error
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise DataError(
            f"{missing} downloaded ({reason}); "
            "connect to the network, or point TFDS_DATA_DIR (or data_dir) to a folder where TFDS prepared it."
        ) from error
    return builder


def _builder(name, data_dir):
    tfds = _imported()
    try:
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    # TFDS asserts that the requested version exists.
    except (tfds.core.registered.DatasetNotFoundError, ValueError, AssertionError):
        near = difflib.get_close_matches(name, tfds.list_builders(), n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else "."
        raise DataError(f"There is no folder and no TFDS data set {name!r}{hint}") from None
    # TFDS looks up names of communities and of the Hub online, where any error may occur.
    except Exception as error:
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise DataError(f"The data set {name!r} could not be looked up ({reason}).") from error


def _examples(builder, split, **options):
    """Returns the examples of a split, including the parts in `_SHARES`.

    Raises:
        DataError: If there is no such split, or it is empty.
    """
    try:
        examples = builder.as_dataset(split=_within_share(builder, split), **options)
    except ValueError:
        splits = builder.info.splits
        parts = {name: name for name in splits} | _SHARES.get(builder.name, {})
        sizes = [f"{name} of {splits[part].num_examples}" for name, part in sorted(parts.items())]
        raise DataError(
            f"The data set {builder.name!r} has no split {split!r}, only {' and '.join(sizes)} images; "
            "zoo.data.dataset(..., split=...) reads any of them, and parts."
        ) from None
    if examples.cardinality() < 1:
        raise DataError(f"The split {split!r} of the data set {builder.name!r} is empty.")
    return examples


def _within_share(builder, split):
    """Translates a split of a part in `_SHARES` into a split that TFDS has."""
    tfds = _imported()
    names = _SHARES.get(builder.name, {split: split})
    if split in names:
        return names[split]
    whole, read = builder.info.splits, tfds.core.ReadInstruction.from_spec
    parts, shares = [], {name: whole[share] for name, share in names.items()}
    for part in read(split).to_absolute(shares):
        (share,) = read(names[part.splitname]).to_absolute(whole)
        start = share.from_ or 0
        end = shares[part.splitname].num_examples if part.to is None else part.to
        parts.append(f"{share.splitname}[{start + (part.from_ or 0)}:{start + end}]")
    return "+".join(parts)
