"""Reads any source of images into an `ImageSet`."""

from zoo.data.arrays import check_readable, read_arrays
from zoo.data.folders import find_folder, read_folder
from zoo.data.image_files import is_path, is_pattern
from zoo.data.tfds import check_tfds_options, read_tfds
from zoo.errors import check_image_shape


def read(source, image_shape=None, *, split="train", data_dir=None):
    """Reads a whole source into an `ImageSet`.

    Args:
        source: str, path, array, list, tuple, dict or `ImageSet`. A TFDS name; a folder, flat or with one subfolder per
            class; a list of image files; a glob pattern, such as `"photos/**/*.jpg"`, whose files are sorted; an array
            of images; a tuple `(images, labels)`; a dict with the keys of the canonical batch; or what was read before.
            The images of a tuple or dict may be files, too. Labels may be one-hot rows, or a column of the floats 0
            and 1.
        image_shape: tuple `(height, width, channels)`, or None. Files are cropped and resized to it; arrays must have
            it. Everything but arrays needs it. Defaults to None, which accepts arrays of any shape.
        split: str. TFDS split, as for `dataset`. Defaults to `"train"`.
        data_dir: str, path or None. Folder of TFDS, as for `dataset`. Defaults to None.

    Returns:
        `ImageSet` of the images and whatever else the source holds.

    Raises:
        DataError: If the source is missing, empty or unreadable.
        InputError: If an array has the wrong shape, dtype or range, or an argument is out of range.

    Example:

    ```python
    import zoo

    animals = zoo.data.read("my_classes/", (32, 32, 3))
    print(animals.images.shape, animals.class_names)
    ```
    """
    image_shape = None if image_shape is None else check_image_shape(image_shape)
    split, data_dir = check_tfds_options(split, data_dir)
    if not is_path(source) or is_pattern(source):
        return read_arrays(source, image_shape)
    check_readable(image_shape, source)
    folder = find_folder(source)
    if folder is None:
        return read_tfds(source, image_shape, split, data_dir)
    return read_folder(folder, image_shape)
