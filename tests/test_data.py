"""Sources of images: what is read, what is refused, in which order, and what `fit` makes of each."""

import errno
import io
import re
import struct
import types
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from helpers import SHAPE, TINY_GANS, images, tiny_gan, tiny_vae, values, write_picture
from PIL import Image, ImageOps

from zoo import data
from zoo.errors import DataError, InputError
from zoo.images import fit_image, grid, picture_sides, read_image, read_picture, write_png, write_png_bands


def png_folder(folder, pixels):
    """One PNG for each image, named so that their order is that of the array."""
    for index, image in enumerate(pixels):
        write_picture(folder / f"{index:03}.png", image.squeeze(-1) if image.shape[-1] == 1 else image)
    return folder


def epoch(dataset):
    """One pass: the images and labels of all batches."""
    batches = [{key: value.numpy() for key, value in batch.items()} for batch in dataset]
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}


@pytest.fixture(scope="module")
def trained():
    """One model for all sources."""
    model = tiny_vae()
    model.compile(run_eagerly=True)
    return model


@pytest.fixture(scope="module")
def two_part_gan():
    """A model that multiplies the batch size."""
    model = tiny_gan(discriminator_steps=2)
    model.compile()
    return model


# === Arrays ===


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "float16"])
def test_arrays_are_taken_as_they_are(dtype):
    x = images(5) if dtype == "uint8" else (images(5) / 127.5 - 1).astype(dtype)
    found = data.read(x, SHAPE)
    np.testing.assert_array_equal(found.images, x)
    assert found.images.dtype == dtype
    assert found.labels is None and found.class_names is None


LABELS = np.array([3, 1, 4, 1, 5])


@pytest.mark.parametrize(
    "source",
    [
        (images(5), LABELS),
        [images(5), LABELS.tolist()],
        (images(5), LABELS[:, None]),
        {"images": images(5), "labels": LABELS.astype("uint8")},
        data.ImageSet(images(5), LABELS.astype("int32")),
    ],
)
def test_labels_come_as_a_tuple_or_in_a_dict(source):
    found = data.read(source, SHAPE)
    np.testing.assert_array_equal(found.images, images(5))
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.labels.dtype == np.int32


def test_labels_beyond_32_bits_are_refused():
    with pytest.raises(InputError, match="labels holds values from 4294967297 to 4294967297, expected 32-bit integers"):
        data.read((np.zeros((5, 4, 4, 1), "uint8"), np.full(5, 2**32 + 1)), (4, 4, 1))


def test_pictures_of_32_bit_integers_are_refused(tmp_path):
    Image.fromarray(np.full((8, 8), 100, "int32")).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match="image holds 32-bit integers, expected 8 or 16 bits a channel"):
        read_image(tmp_path / "a.tif", (8, 8, 1))


@pytest.mark.parametrize("labels", [LABELS[:4], LABELS.astype("float32"), np.eye(5, dtype="int32"), ["a"] * 5])
def test_labels_that_are_not_one_integer_an_image_are_refused(labels):
    with pytest.raises(InputError, match=r"labels has shape .* expected one integer for each of the 5 images"):
        data.read((images(5), labels), SHAPE)


def test_a_dict_without_images_is_refused():
    with pytest.raises(InputError, match=r"The data has the keys \['1', 'labels'\], expected at least 'images'"):
        data.read({"labels": LABELS, 1: 2}, SHAPE)


@pytest.mark.parametrize("dtype", [">f4", ">f8", np.longdouble])
def test_numbers_are_the_same_in_whatever_bytes_they_come(dtype):
    x = images(8) / 127.5 - 1
    found = epoch(data.dataset(x.astype(dtype), SHAPE, 4, shuffle=False))["images"]
    np.testing.assert_allclose(found, x, atol=1e-6)


def test_a_column_of_arrays_is_an_array():
    column = np.empty(5, object)
    column[:] = list(images(5))
    np.testing.assert_array_equal(data.read(column, SHAPE).images, images(5))
    column[2] = images(1, (4, 4, 1))[0]
    with pytest.raises(InputError, match="images is a list of arrays of different shapes"):
        data.read(column, SHAPE)


def test_arguments_that_fit_does_not_have_are_refused_before_anything_is_read(trained):
    with pytest.raises(
        InputError, match=r"fit was given data_dir, expected x, y, batch_size, .*; TFDS_DATA_DIR names the"
    ):
        trained.fit("mnist", data_dir="somewhere")
    with pytest.raises(InputError, match="evaluate was given data_dir, expected x, y, "):
        trained.evaluate("mnist", data_dir="somewhere")


def test_dicts_as_tfds_makes_them_are_refused_with_what_helps(trained):
    batches = tf.data.Dataset.from_tensors({"image": images(2), "label": LABELS[:2]})
    with pytest.raises(InputError, match=r"has the keys \['image', 'label'\], expected .*as_supervised=True"):
        trained.fit(batches)


def test_what_was_read_is_checked_like_arrays(trained):
    given = data.ImageSet(images(5), LABELS, tuple("abc"))
    assert data.read(given, SHAPE).class_names == tuple("abc")
    np.testing.assert_array_equal(data.read(given, SHAPE).labels, LABELS)
    for wrong in (given._replace(labels=LABELS[:4]), given._replace(prompts=["a"] * 4)):
        with pytest.raises(InputError, match=r"(labels|prompts) has shape \(4,\) .* expected one"):
            trained.fit(wrong, batch_size=1)


REFUSED = [
    (images(3, (8, 8, 3)), r"has shape \(3, 8, 8, 3\), expected \(n, 8, 8, 1\)\."),
    (
        images(3)[..., 0],
        r"has shape \(3, 8, 8\), expected \(n, 8, 8, 1\); a channel axis is added by \w+\[\.{3}, None\]",
    ),
    (images(3).reshape(3, 64), r"has shape \(3, 64\), expected \(n, 8, 8, 1\)\."),
    (images(0), "is empty, expected at least one image"),
    (images(3).astype("int64"), r"has dtype int64, expected uint8 in 0\.\.255 or floats in \[-1, 1\]"),
    (images(3) > 100, "has dtype bool, expected uint8"),
    (images(3).astype("float32"), r"holds float32 values from \d+ to 25\d, expected uint8 in 0\.\.255 or floats"),
    (images(3) / 127.5 - 1.1, r"holds float64 values from -1\.\d+ to .*, expected uint8"),
    (np.full((2, *SHAPE), np.nan, "float32"), "holds NaN or infinite values, expected finite floats"),
    (np.where(images(2) > 9, 0, -np.inf), "holds NaN or infinite values, expected finite floats"),
]


@pytest.mark.parametrize(("x", "message"), REFUSED)
def test_unusable_arrays_are_refused_whichever_way_they_come(x, message, trained):
    with pytest.raises(InputError, match=f"^images {message}"):
        data.read(x, SHAPE)
    with pytest.raises(InputError, match=message):
        data.dataset({"images": x}, SHAPE, 1)
    before = values(trained.variables)
    with pytest.raises(InputError, match=message):
        trained.fit(x, batch_size=1, verbose=0)
    with pytest.raises(InputError, match=message):
        trained.fit(data.ImageSet(x), batch_size=1, verbose=0)
    np.testing.assert_equal(values(trained.variables), before)


def test_floats_that_look_like_zero_to_one_warn():
    with pytest.warns(UserWarning, match=r"images holds floats from 0[.\d]* to [01][.\d]*, which looks like \[0, 1\]"):
        data.read(images(4) / 255, SHAPE)


def test_integers_of_zero_and_one_warn():
    with pytest.warns(UserWarning, match="images holds uint8 values of 0 and 1, which is all but black in 0..255"):
        data.read(images(4) % 2, SHAPE)


def test_usable_arrays_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.read(images(4), SHAPE)
        data.read(0 * images(4), SHAPE)
        # Rounding after a resize leaves the range by a hair.
        data.read((images(4) / 127.5 - 1) * 1.0005, SHAPE)


@pytest.mark.parametrize("batch_size", [0, -3, 2.5, "4", True])
def test_batch_sizes_that_are_not_positive_are_refused(batch_size, two_part_gan):
    with pytest.raises(InputError, match=f"batch_size is {batch_size!r}, expected an integer of at least 1"):
        data.dataset(images(5), SHAPE, batch_size)
    with pytest.raises(InputError, match=f"batch_size is {batch_size!r}, expected an integer of at least 1"):
        two_part_gan.fit(images(5), batch_size=batch_size, verbose=0)


def test_fewer_images_than_a_batch_are_refused_unless_remainders_stay():
    with pytest.raises(DataError, match=r"has 5 images, fewer than one batch of 8; give more images or a smaller"):
        data.dataset(images(5), SHAPE, 8)
    assert len(epoch(data.dataset(images(5), SHAPE, 8, drop_remainder=False))["images"]) == 5


@pytest.mark.parametrize("seed", [-1, 1.5, "0", 2**64])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(InputError, match=r"seed is .*, expected an integer"):
        data.dataset(images(4), SHAPE, 2, seed=seed)


# === Order ===


def order(dataset):
    return epoch(dataset)["labels"].tolist()


def numbered(count=20, **options):
    return data.dataset((images(count), np.arange(count)), SHAPE, 4, **options)


def test_every_epoch_has_its_own_order_of_the_same_images():
    dataset = numbered()
    first, second = order(dataset), order(dataset)
    assert first != second != list(range(20))
    assert sorted(first) == sorted(second) == list(range(20))


def test_the_order_is_a_function_of_seed_and_epoch():
    orders = [order(dataset) for dataset in [numbered(seed=5)] for _ in range(3)]
    resumed = numbered(seed=5)
    for number in (2, 0, 1):
        resumed.set_epoch(number)
        assert order(resumed) == orders[number]
    np.random.seed(1)
    tf.random.set_seed(1)
    assert order(numbered(seed=5)) == orders[0] != order(numbered(seed=6))


def test_images_and_labels_stay_together():
    found = epoch(numbered())
    np.testing.assert_array_equal(found["images"], images(20)[found["labels"]])
    assert found["images"].dtype == np.uint8 and found["labels"].dtype == np.int32


def test_without_shuffling_the_order_is_that_of_the_source():
    dataset = numbered(shuffle=False)
    assert order(dataset) == order(dataset) == list(range(20))


@pytest.mark.parametrize(("drop", "steps", "last"), [(True, 5, 4), (False, 6, 2)])
def test_remainders_are_dropped_or_kept(drop, steps, last):
    dataset = numbered(22, drop_remainder=drop)
    sizes = [len(batch["labels"]) for batch in dataset]
    assert int(dataset.cardinality()) == len(sizes) == steps
    assert sizes[-1] == last


def test_no_tuner_holds_the_end_of_an_epoch():
    dataset = data.dataset(images(16), batch_size=8)
    for each in (dataset, dataset.shortened(1), dataset.map(lambda batch: batch["images"])):
        assert each.options().autotune.enabled is False


def test_fit_begins_every_epoch_with_its_own_order():
    dataset, drawn = numbered(8), []
    original = dataset.set_epoch
    dataset.set_epoch = lambda number: (drawn.append(number), original(number))
    model = tiny_vae()
    model.compile(run_eagerly=True)
    model.fit(dataset, epochs=4, initial_epoch=1, verbose=0)
    assert drawn == [1, 2, 3]


# === Folders ===


def test_a_flat_folder_is_read_in_the_order_of_its_names(tmp_path):
    found = data.read(png_folder(tmp_path, images(12)), SHAPE)
    np.testing.assert_array_equal(found.images, images(12))
    assert found.labels is None and found.class_names is None


def test_hidden_files_are_no_images(tmp_path):
    png_folder(tmp_path, images(2))
    # As macOS writes beside a file on a foreign disk.
    (tmp_path / "._0.png").write_bytes(b"resource fork")
    (tmp_path / ".hidden.png").write_bytes(next(tmp_path.glob("*.png")).read_bytes())
    assert len(data.read(tmp_path, SHAPE).images) == 2


def test_a_folder_of_folders_has_classes(tmp_path):
    png_folder(tmp_path / "zebra", images(2, seed=1))
    png_folder(tmp_path / "ant", images(3, seed=2))
    (tmp_path / "empty").mkdir()
    (tmp_path / "zebra" / "notes.txt").write_text("no image")
    found = data.read(str(tmp_path), SHAPE)
    assert found.class_names == ("ant", "zebra")
    np.testing.assert_array_equal(found.labels, [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(found.images, np.concatenate([images(3, seed=2), images(2, seed=1)]))


def read_one(tmp_path, picture, shape, name="image.png", **options):
    write_picture(tmp_path / name, picture, **options)
    (image,) = data.read(tmp_path, shape).images
    assert image.shape == shape and image.dtype == np.uint8
    return image


COLOUR = np.array([[[200, 40, 90]]], "uint8") * np.ones((8, 8, 1), "uint8")
# ITU-R 601-2: 0.299 R + 0.587 G + 0.114 B.
LUMA = 0.299 * 200 + 0.587 * 40 + 0.114 * 90


def test_grey_files_are_repeated_to_three_channels_and_colour_becomes_luma(tmp_path):
    grey = images(1)[0]
    np.testing.assert_array_equal(read_one(tmp_path / "a", grey[..., 0], (8, 8, 3)), np.repeat(grey, 3, axis=-1))
    assert np.abs(read_one(tmp_path / "b", COLOUR, (8, 8, 1)) - LUMA).max() <= 1
    np.testing.assert_array_equal(read_one(tmp_path / "c", COLOUR, (8, 8, 3)), COLOUR)


def test_transparency_is_laid_over_white(tmp_path):
    for name, alpha, expected in (("clear", 0, 255), ("half", 128, None), ("solid", 255, COLOUR)):
        rgba = np.concatenate([COLOUR, np.full((8, 8, 1), alpha, "uint8")], axis=-1)
        expected = COLOUR * (128 / 255) + 255 * (127 / 255) if expected is None else expected
        assert np.abs(read_one(tmp_path / name, rgba, (8, 8, 3)) - np.float32(expected)).max() <= 1.01
    grey = Image.fromarray(np.stack([np.full((8, 8), 10), np.zeros((8, 8))], axis=-1).astype("uint8"), "LA")
    assert (read_one(tmp_path / "grey", grey, SHAPE) == 255).all()


def test_palettes_are_resolved(tmp_path):
    picture = Image.new("P", (8, 8), 1)
    picture.putpalette([0, 0, 0, 200, 40, 90])
    np.testing.assert_array_equal(read_one(tmp_path / "opaque", picture, (8, 8, 3)), COLOUR)
    clear = read_one(tmp_path / "clear", picture, (8, 8, 3), transparency=1)
    assert (clear == 255).all()


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    levels = np.linspace(0, 65535, 64).reshape(8, 8)
    found = read_one(tmp_path, levels.astype("uint16"), SHAPE)
    assert np.abs(found[..., 0] - levels / 257).max() <= 1


def test_cmyk_becomes_rgb(tmp_path):
    picture = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    found = read_one(tmp_path, picture, (8, 8, 3), name="image.jpg", quality=100)
    assert np.abs(found.astype(int) - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize("channels", [1, 3])
def test_lab_becomes_rgb(tmp_path, channels):
    picture = Image.new("LAB", (8, 8), (136, 208, 195))
    found = read_one(tmp_path, picture, (8, 8, channels), name="image.tif")
    expected = np.asarray(picture.convert("RGB").convert("L" if channels == 1 else "RGB"))
    np.testing.assert_array_equal(found, expected.reshape(8, 8, channels))
    # Red, whose luma is 76.
    assert np.abs(found.astype(int) - ([76] if channels == 1 else [255, 0, 0])).max() < 12


def test_black_and_white_files_use_the_whole_range(tmp_path):
    picture = Image.fromarray(images(1)[0, ..., 0] > 127)
    found = read_one(tmp_path, picture, SHAPE)
    np.testing.assert_array_equal(found, (images(1)[0] > 127) * np.uint8(255))


def test_images_are_cropped_at_their_centre_and_resized(tmp_path):
    # Red flanks that a centre crop of this wide image must leave out, filter and all.
    wide = np.full((16, 64, 3), [255, 0, 0], "uint8")
    wide[:, 16:48] = [0, 0, 255]
    for name, picture in (("wide", wide), ("tall", wide.transpose(1, 0, 2))):
        assert (read_one(tmp_path / name, picture, (8, 8, 3)) == [0, 0, 255]).all()
    np.testing.assert_array_equal(read_one(tmp_path / "same", images(1)[0, ..., 0], SHAPE), images(1)[0])
    assert read_one(tmp_path / "larger", images(1)[0, ..., 0], (24, 12, 3)).shape == (24, 12, 3)


def test_fit_image_reads_arrays_and_files_alike(tmp_path):
    for shape in ((13, 9, 1), (13, 9, 3), (13, 9, 4)):
        pixels = images(1, shape)[0]
        picture = Image.fromarray(pixels.squeeze(-1) if shape[-1] == 1 else pixels)
        for target in (SHAPE, (8, 8, 3)):
            np.testing.assert_array_equal(fit_image(pixels, target), fit_image(picture, target))


def jpeg_bytes():
    buffer = io.BytesIO()
    Image.fromarray(images(1, (64, 64, 3))[0]).save(buffer, "JPEG")
    return buffer.getvalue()


def test_damaged_files_are_skipped_named_and_counted(tmp_path):
    png_folder(tmp_path / "a", images(3))
    png_folder(tmp_path / "b", images(2, seed=1))
    whole = jpeg_bytes()
    (tmp_path / "a" / "001_cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b" / "999.png").write_text("no image at all")
    (tmp_path / "b" / "998.gif").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"^Skipped 3 of 8 files in '.*' that cannot be read as images: ") as caught:
        found = data.read(tmp_path, SHAPE)
    assert len(caught) == 1
    for name in ("a/001_cut.jpg", "b/999.png", "b/998.gif"):
        assert name in str(caught[0].message)
    np.testing.assert_array_equal(found.labels, [0, 0, 0, 1, 1])
    np.testing.assert_array_equal(found.images, np.concatenate([images(3), images(2, seed=1)]))


def test_pictures_of_formats_that_are_not_read_are_counted(tmp_path):
    png_folder(tmp_path, images(2))
    for name in ("a.heic", "b.HEIC", ".hidden.heic", "notes.txt"):
        (tmp_path / name).write_bytes(b"whatever")
    with pytest.warns(
        UserWarning, match=r"Left out 2 pictures in .* that are not read: a\.heic, b\.HEIC; expected"
    ) as by:
        assert len(data.read(tmp_path, SHAPE).images) == 2
    assert len(by) == 1


def test_many_damaged_files_are_named_in_part(tmp_path):
    png_folder(tmp_path, images(1))
    for index in range(9):
        (tmp_path / f"bad_{index}.png").write_bytes(b"")
    with pytest.warns(
        UserWarning, match=r"Skipped 9 of 10 .*bad_0\.png, .*bad_4\.png, …; the first: The file '.*bad_0\.png' .*\.$"
    ):
        data.read(tmp_path, SHAPE)


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"The folder '.*' holds no images \(\.png, .*neither directly nor in sub"):
        data.read(tmp_path, SHAPE)
    (tmp_path / "bad.png").write_bytes(b"")
    with (
        pytest.warns(UserWarning, match="Skipped 1 of 1"),
        pytest.raises(
            DataError, match=r"None of the 1 files in .* can be read as an image; the first: The file '.*bad"
        ),
    ):
        data.read(tmp_path, SHAPE)


def test_missing_folders_are_refused(tmp_path):
    for source in (tmp_path / "missing", str(tmp_path / "missing"), "./missing"):
        with pytest.raises(DataError, match=r"There is no image folder '.*missing'"):
            data.read(source, SHAPE)


@pytest.mark.parametrize("source", ["my_imges/", "my imges", "./imges"])
def test_what_looks_like_a_folder_is_taken_for_one(source, trained):
    with pytest.raises(DataError, match=f"There is no image folder '{source}'"):
        trained.fit(source)


def test_a_file_is_no_folder(tmp_path, trained):
    path = write_picture(tmp_path / "one.png", images(1)[0, ..., 0])
    with pytest.raises(DataError, match=r"one\.png' is a file, expected an image folder or the name of a TFDS data"):
        trained.fit(str(path))


def test_photographs_are_turned_upright(tmp_path):
    pixels = np.zeros((8, 8, 3), "uint8")
    pixels[:4] = 255
    exif = Image.Exif()
    # Orientation 6: the camera lay on its side.
    exif[0x0112] = 6
    path = write_picture(tmp_path / "photo.png", pixels, exif=exif)
    np.testing.assert_array_equal(read_image(path, (8, 8, 1))[..., 0], np.rot90(pixels[..., 0], -1))


def exif_of(*tags):
    """An EXIF block of `(tag, type, value of 4 bytes)`, each of one value."""
    entries = b"".join(struct.pack("<HHI4s", tag, kind, 1, value) for tag, kind, value in tags)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("orientation", range(11))
def test_every_orientation_is_that_of_pillow(tmp_path, orientation, suffix):
    pixels = np.random.RandomState(0).randint(0, 256, (4, 8, 3), "uint8")
    exif = exif_of((0x0112, 3, struct.pack("<HH", orientation, 0)))
    with Image.open(write_picture(tmp_path / "turned.png", pixels, exif=exif)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    path = write_picture(tmp_path / f"photo.{suffix}", pixels, exif=exif)
    np.testing.assert_array_equal(read_picture(path), expected)
    np.testing.assert_array_equal(read_image(path, expected.shape), expected)
    assert picture_sides(path) == expected.shape[1::-1]


def test_photographs_with_odd_metadata_are_read(tmp_path):
    on_its_side = (0x0112, 3, struct.pack("<HH", 6, 0))
    pixels = np.random.RandomState(0).randint(0, 256, (4, 8, 3), "uint8")
    # The width as a float; the orientation as a text.
    for tags, upright in (
        (((0x0100, 11, struct.pack("<f", 8)), on_its_side), np.rot90(pixels, -1)),
        (((0x0112, 2, b"6\0\0\0"),), pixels),
    ):
        path = write_picture(tmp_path / "odd.png", pixels, exif=exif_of(*tags))
        np.testing.assert_array_equal(read_picture(path), upright)
        assert picture_sides(path) == upright.shape[1::-1]


def test_files_of_floats_are_skipped(tmp_path):
    write_picture(tmp_path / "heights.tiff", np.random.RandomState(0).uniform(size=(8, 8)).astype("float32"))
    with pytest.raises(DataError, match="None of the 1 files"), pytest.warns(UserWarning, match="heights.tiff"):
        data.read(tmp_path, SHAPE)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ((8, 8), r"image_shape is \(8, 8\), expected \(height, width, channels\)"),
        (8, "image_shape is 8"),
        ((0, 8, 3), r"image_shape is \(0, 8, 3\)"),
        ((8, 8, 4), r"image_shape is \(8, 8, 4\), expected 1 or 3 channels to read image files"),
    ],
)
def test_shapes_that_no_file_can_have_are_refused(tmp_path, shape, says):
    png_folder(tmp_path, images(2))
    with pytest.raises(InputError, match=says):
        data.read(tmp_path, shape)


def test_what_a_folder_holds_besides_is_named(tmp_path):
    png_folder(tmp_path / "cats", images(2))
    (tmp_path / "dogs").mkdir()
    with pytest.warns(UserWarning, match="Left out dogs in .*: no images in there make a class"):
        assert data.read(tmp_path, SHAPE).class_names == ("cats",)
    png_folder(tmp_path / "cats" / "more", images(2))
    with (
        pytest.warns(UserWarning, match=r"Left out cats/more in .*: images of a class lie directly in its folder"),
        pytest.warns(UserWarning, match="Left out dogs in .*: no images in there make a class"),
    ):
        assert len(data.read(tmp_path, SHAPE).images) == 2
    png_folder(tmp_path, images(3))
    with pytest.warns(UserWarning, match="Left out cats in .*: images beside them are no class of their own"):
        assert len(data.read(tmp_path, SHAPE).images) == 3


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (None, "x is a NoneType, expected an array of images, an image folder or the name of a TFDS data set; fit"),
        (object(), "x is a object, expected"),
        (["a.png", "b.png", "c.png"], "x holds texts such as 'a.png', expected"),
        (np.ones((2, *SHAPE)) * 1j, "x holds values of dtype complex128, expected"),
        (np.array([], str), "x holds values of dtype <U1, expected"),
        ([images(1)[0], images(1, (4, 4, 1))[0]], "images is a list of arrays of different shapes"),
        ((images(4), images(4)), r"x is 2 arrays, expected images, or \(images, labels\) with one integer"),
        ((images(4), LABELS[:4], np.ones(4)), "x is 3 arrays, expected images, or .*no targets nor sample weights"),
    ],
)
def test_what_is_no_source_is_called_by_its_name(trained, source, says):
    with pytest.raises(InputError, match=says):
        trained.fit(source)


def test_names_and_folders_need_a_shape(tmp_path):
    with pytest.raises(InputError, match=r"image_shape is needed to read '.*', got None"):
        data.read(tmp_path)


def test_large_sets_are_kept_in_a_file_that_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.data.image_set.IN_MEMORY_BYTES", 100)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    found = data.read(png_folder(tmp_path / "images", images(12)), SHAPE)
    assert isinstance(found.images, np.memmap)
    np.testing.assert_array_equal(found.images, images(12))
    assert not list((tmp_path / "tmp").iterdir())
    assert len(epoch(data.batches(found, 4))["images"]) == 12


def test_no_room_for_such_a_file_is_said_in_one_sentence(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("zoo.data.image_set.IN_MEMORY_BYTES", 100)
    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(
        DataError, match=r"The images take 768 bytes in the folder '.*', which .*No space left .*TMPDIR"
    ):
        data.read(png_folder(tmp_path, images(12)), SHAPE)


# === TFDS ===


def prepared(folder, name, pixels, version="1.0.0"):
    """A TFDS data set of one's own, which is read from its files: TFDS has no builder of that name."""
    encoding = None if pixels.dtype == np.float32 else "png"
    image = tfds.features.Image(shape=pixels.shape[1:], dtype=pixels.dtype.type, encoding_format=encoding)
    examples = tf.data.Dataset.from_tensor_slices({"image": pixels})
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        features=tfds.features.FeaturesDict({"image": image}),
        split_datasets={"test": examples, "train": examples},
        data_dir=folder,
    )


def test_images_of_16_bits_are_read_as_8(tmp_path):
    prepared(tmp_path, "sixteen", np.full((2, 8, 8, 1), 40000, "uint16"))
    for side in (8, 4):
        assert (data.read("sixteen", (side, side, 1), data_dir=tmp_path).images == round(40000 / 257)).all()


def test_images_of_floats_are_refused(tmp_path):
    prepared(tmp_path, "floats", np.full((2, 8, 8, 1), 0.5, "float32"))
    with pytest.raises(DataError, match="The data set 'floats' has image of float32, expected 8 or 16 bits"):
        data.read("floats", SHAPE, data_dir=tmp_path)


def test_data_sets_of_one_name_are_told_apart(tmp_path):
    for folder, number, version in (("a", 2, "1.0.0"), ("b", 3, "1.0.0"), ("c", 2, "2.0.0")):
        prepared(tmp_path / folder, "mine", images(number), version)
    identities = [data.identity("mine", tmp_path / folder) for folder in "abc"]
    assert len(set(identities)) == 3 and data.identity("mine", tmp_path / "a") == identities[0]
    # What is not here is known by its version alone.
    assert identities[0].startswith("mine/1.0.0;") and data.identity("mnist", tmp_path) == "mnist/3.0.1;"


def test_tfds_names_are_read_and_resized():
    with tfds.testing.mock_data(num_examples=7, policy=tfds.testing.MockPolicy.USE_CODE):
        found = data.read("mnist", (14, 14, 1))
        dataset = data.dataset("mnist", (14, 14, 1), 3, shuffle=False)
    assert found.images.shape == (7, 14, 14, 1) and found.images.dtype == np.uint8
    assert found.labels.dtype == np.int32 and set(found.labels) <= set(range(10))
    assert found.class_names == tuple("0123456789")
    np.testing.assert_array_equal(epoch(dataset)["images"], found.images[:6])


def test_tfds_images_of_many_sizes_are_read_one_by_one():
    with tfds.testing.mock_data(num_examples=4, policy=tfds.testing.MockPolicy.USE_CODE):
        found = data.read("tf_flowers", (10, 12, 3))
    assert found.images.shape == (4, 10, 12, 3)
    assert len(found.class_names) == 5


def test_flowers_are_cut_into_training_and_test_images(monkeypatch):
    asked = []
    # As prepared: without its data a builder has no splits.
    files = tfds.core.ShardedFileTemplate(data_dir="none", dataset_name="tf_flowers", filetype_suffix="tfrecord")
    split = tfds.core.SplitInfo(name="train", shard_lengths=[3670], num_bytes=0, filename_template=files)

    class Builder:
        name = "tf_flowers"
        info = types.SimpleNamespace(
            features=tfds.builder("tf_flowers").info.features, splits=tfds.core.SplitDict([split])
        )

        def as_dataset(self, split):
            asked.append(split)
            pictures = {"image": np.zeros((2, 9, 9, 3), "uint8"), "label": np.arange(2)}
            return tf.data.Dataset.from_tensor_slices(pictures)

    monkeypatch.setattr("zoo.data.tfds.prepared", lambda name, data_dir: Builder())
    # Parts are those of the share, so that no part of "train" reaches into the test images.
    for split, read in (
        ("train", "train[:85%]"),
        ("test", "train[85%:]"),
        ("train[:10]", "train[0:10]"),
        ("train[3000:]", "train[3000:3120]"),
        ("train[:50%]+test[-10:]", "train[0:1560]+train[3660:3670]"),
    ):
        data.read("tf_flowers", (8, 8, 3), split=split)
        assert asked.pop() == read
    data.read("tf_flowers:3.0.1", (8, 8, 3), split="test")
    assert asked == ["train[85%:]"]
    with pytest.raises(
        DataError,
        match=r"The data set 'tf_flowers' has no split 'train\[3200:\]', only test of 550 and train of 3120 im",
    ):
        data.read("tf_flowers", (8, 8, 3), split="train[3200:]")


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(DataError, match=r"no folder and no TFDS data set 'fashion_mnits'; did you mean fashion_mnist"):
        data.read("fashion_mnits", (28, 28, 1))
    with pytest.raises(DataError, match=r"no folder and no TFDS data set 'xqzvw'\.$"):
        data.read("xqzvw", (28, 28, 1))
    with pytest.raises(DataError, match=r"no folder and no TFDS data set 'mnist:9\.9\.9'"):
        data.read("mnist:9.9.9", (28, 28, 1))


def test_what_cannot_be_looked_up_is_said_in_one_sentence(monkeypatch):
    def offline(*_, **__):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(tfds, "builder", offline)
    with pytest.raises(DataError, match=r"'huggingface:x' could not be looked up \(ConnectionError: no route\)\.$"):
        data.read("huggingface:x", SHAPE)


def test_names_of_data_sets_are_no_folders_in_the_folder_of_tfds(tmp_path, monkeypatch):
    (tmp_path / "mnist" / "3.0.1").mkdir(parents=True)
    (tmp_path / "mnist" / "3.0.1" / "dataset_info.json").write_text("{}")
    png_folder(tmp_path / "mine", images(2))
    monkeypatch.chdir(tmp_path)
    with tfds.testing.mock_data(num_examples=7, policy=tfds.testing.MockPolicy.USE_CODE):
        assert len(data.read("mnist", (28, 28, 1)).images) == 7
    assert len(data.read("mine", SHAPE).images) == 2
    for folder in (Path("mnist"), "./mnist", "mnist/"):
        with pytest.raises(DataError, match="The folder 'mnist' holds no images"):
            data.read(folder, SHAPE)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "There is no image folder ''"),
        ("~nobody_of_this_name/photos", "'~nobody_of_this_name/photos' begins with the home folder of a user who is"),
        ("a" * 300, "There is no folder and no TFDS data set 'a{300}'"),
    ],
)
def test_paths_that_lead_nowhere_are_said_in_one_sentence(source, says):
    with pytest.raises((DataError, InputError), match=says):
        data.read(source, SHAPE)


def test_sets_without_images_are_refused():
    with (
        tfds.testing.mock_data(num_examples=1, policy=tfds.testing.MockPolicy.USE_CODE),
        pytest.raises(DataError, match="The data set 'imdb_reviews' has no image feature"),
    ):
        data.read("imdb_reviews", SHAPE)


def test_what_cannot_be_downloaded_is_said_in_one_sentence(tmp_path, monkeypatch):
    def offline(self, **_):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", offline)
    with pytest.raises(DataError) as caught:
        data.read("mnist", (28, 28, 1), data_dir=tmp_path)
    message = str(caught.value)
    assert "'mnist' is not prepared in" in message and str(tmp_path) in message
    assert "(ConnectionError: no route); connect to the network" in message
    assert "\n" not in message


# === What fit takes ===


class Sequence(keras.utils.PyDataset):
    """Two batches of four images."""

    def __init__(self, batches, **options):
        super().__init__(**options)
        self._batches = batches

    def __len__(self):
        return len(self._batches)

    def __getitem__(self, index):
        return self._batches[index]


X, Y = images(8), np.arange(8, dtype="int32")
SOURCES = {
    "array": lambda folder: {"x": X, "batch_size": 4},
    "floats": lambda folder: {"x": X / np.float32(127.5) - 1, "batch_size": 4},
    "array and labels": lambda folder: {"x": X, "y": Y, "batch_size": 4},
    "tuple": lambda folder: {"x": (X, Y), "batch_size": 4},
    "dict": lambda folder: {"x": {"images": X, "labels": Y}, "batch_size": 4},
    "folder": lambda folder: {"x": str(png_folder(folder, X)), "batch_size": 4},
    "path": lambda folder: {"x": png_folder(folder, X), "batch_size": 4},
    "zoo.data": lambda folder: {"x": data.dataset(X, SHAPE, 4)},
    "tf.data": lambda folder: {"x": tf.data.Dataset.from_tensor_slices(X).batch(4)},
    "tf.data of tuples": lambda folder: {"x": tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)},
    "tf.data of dicts": lambda folder: {"x": tf.data.Dataset.from_tensor_slices({"images": X, "labels": Y}).batch(4)},
    "PyDataset": lambda folder: {"x": Sequence([(X[:4], Y[:4]), (X[4:], Y[4:])])},
    "PyDataset of dicts": lambda folder: {"x": Sequence([{"images": X[:4]}, {"images": X[4:]}])},
}


@pytest.mark.parametrize("source", SOURCES)
def test_fit_takes(source, trained, tmp_path):
    before = int(trained.optimizer.iterations)
    weights = values(trained.weights)
    history = trained.fit(**SOURCES[source](tmp_path / "images"), verbose=0).history
    assert int(trained.optimizer.iterations) == before + 2
    assert np.isfinite(history["loss"]).all()
    assert any((one != other).any() for one, other in zip(weights, values(trained.weights), strict=True))


@pytest.mark.parametrize("arguments", [{"validation_data": X}, {"validation_data": (X, Y)}, {"validation_split": 0.5}])
def test_validation(trained, arguments):
    history = trained.fit(X, batch_size=2, verbose=0, **arguments).history
    assert {"loss", "val_loss", "val_elbo"} <= set(history)
    assert np.isfinite(history["val_loss"]).all()


def test_validation_data_leave_the_training_data_whole(trained):
    before = int(trained.optimizer.iterations)
    trained.fit(X, batch_size=4, verbose=0, validation_split=0.5, validation_data=X[:2])
    assert int(trained.optimizer.iterations) == before + 2


@pytest.mark.slow
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_of_a_sequence_are_shuffled_as_keras_does(trained, shuffle):
    asked = []

    class Noted(Sequence):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    keras.utils.set_random_seed(0)
    trained.fit(Noted([X[:2]] * 8), epochs=2, shuffle=shuffle, verbose=0)
    # The first of all is looked at before the training.
    epochs = [asked[-16:-8], asked[-8:]]
    assert [sorted(epoch) for epoch in epochs] == [list(range(8))] * 2
    assert (epochs == [list(range(8))] * 2) != shuffle


def test_validation_splits_take_as_many_labels_as_images(trained):
    with pytest.raises(InputError, match="y has 7 rows, expected one for each of 8 of x"):
        trained.fit(X, Y[:7], batch_size=4, validation_split=0.25, verbose=0)


def test_an_epoch_without_data_is_not_the_best(trained):
    with warnings.catch_warnings():
        # Keras' own, that data ran out.
        warnings.simplefilter("ignore")
        history = trained.fit(iter([X[:4]] * 2), epochs=3, steps_per_epoch=2, verbose=0).history
    assert np.isfinite(history["loss"][0]) and np.isnan(history["loss"][1])


def test_validation_splits_leave_something_to_train_on(trained):
    with pytest.raises(InputError, match=r"validation_split is 0\.99, which leaves none of 8 images to train on"):
        trained.fit(X, validation_split=0.99)


@pytest.mark.parametrize("fraction", [1.5, -0.5, "0.1"])
def test_validation_splits_are_shares(trained, fraction):
    with pytest.raises(InputError, match=f"validation_split is {fraction!r}, expected a number from 0 to below 1"):
        trained.fit(X, validation_split=fraction)


@pytest.mark.parametrize("batch", [X, (X,), (X, Y), [X, Y], {"images": X}])
def test_iterators_of_batches_are_checked_and_no_batch_is_lost(trained, batch):
    before = int(trained.optimizer.iterations)
    trained.fit((batch for _ in range(3)), verbose=0)
    assert int(trained.optimizer.iterations) == before + 3
    with pytest.raises(InputError, match="The first batch of x holds float32 values from 0 to"):
        trained.fit(iter([X.astype("float32")]))
    with pytest.raises(DataError, match="The data set x is empty"):
        trained.fit(iter([]))


@pytest.mark.slow
def test_labels_of_a_batch_may_be_none_in_a_compiled_step():
    model = tiny_vae()
    model.compile()
    model.fit(((X, None) for _ in range(2)), verbose=0)
    assert int(model.optimizer.iterations) == 2


@pytest.mark.slow
def test_batches_whose_shape_is_not_known_before_are_trained_on():
    model = tiny_vae()
    model.compile()
    model.fit(tf.data.Dataset.range(3).map(lambda _: tf.numpy_function(lambda: X, [], tf.uint8)), verbose=0)
    assert int(model.optimizer.iterations) == 3


def test_validation_has_batches_of_its_own_size(trained):
    ends = []
    count = keras.callbacks.LambdaCallback()
    count.on_test_batch_end = lambda batch, logs=None: ends.append(batch)
    trained.fit(X, batch_size=8, validation_data=X, validation_batch_size=2, callbacks=[count], verbose=0)
    assert len(ends) == len(X) // 2


def test_validation_split_needs_an_array(trained, tmp_path):
    with pytest.raises(InputError, match="validation_split needs x to be an array, got str"):
        trained.fit(str(png_folder(tmp_path, X)), validation_split=0.5, verbose=0)
    with pytest.raises(InputError, match="y is 3, expected one label for each image"):
        trained.fit(X, 3, validation_split=0.5, verbose=0)


def test_refused_validation_data_are_named(trained):
    with pytest.raises(InputError, match="validation_data was refused: images has shape"):
        trained.fit(X, validation_data=X[:, :4], batch_size=4, verbose=0)


def test_labels_of_different_lengths_are_refused():
    with pytest.raises(InputError, match="labels is a list of arrays of different shapes"):
        data.read((images(3), [[1, 2], [3], [4]]), SHAPE)


@pytest.mark.parametrize("split", [None, 5, ["train"]])
def test_what_names_no_split_is_refused(split):
    with (
        tfds.testing.mock_data(num_examples=2, policy=tfds.testing.MockPolicy.USE_CODE),
        pytest.raises(InputError, match=f"split is {re.escape(repr(split))}, expected the name of a split"),
    ):
        data.read("mnist", (28, 28, 1), split=split)


def test_an_empty_split_is_refused(monkeypatch):
    class Builder:
        name, info = "mnist", tfds.builder("mnist").info

        def as_dataset(self, split):
            return tf.data.Dataset.range(9).take(0)

    monkeypatch.setattr("zoo.data.tfds.prepared", lambda name, data_dir: Builder())
    with pytest.raises(DataError, match=r"The split 'train\[5:2\]' of the data set 'mnist' is empty"):
        data.read("mnist", (28, 28, 1), split="train[5:2]")


@pytest.mark.parametrize(
    ("shapes", "says"),
    [((64, SHAPE), "image_shape is 64, expected"), ((SHAPE, (8, 8)), r"source_shape is \(8, 8\), expected")],
)
def test_pairs_of_no_shape_are_refused(tmp_path, shapes, says):
    with pytest.raises(InputError, match=says):
        data.read_pairs(tmp_path, *shapes)


@pytest.mark.parametrize("build", [tiny_vae, tiny_gan])
def test_an_uncompiled_model_says_so(build):
    name = type(build()).__name__
    with pytest.raises(InputError, match=rf"fit needs a compiled model; call {name}\.compile\(\) first"):
        build().fit(X, batch_size=4, verbose=0)
    with pytest.raises(InputError, match=rf"evaluate needs a compiled model; call {name}\.compile\(\) first"):
        build().evaluate(X, batch_size=4, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": -1}, "epochs is -1, expected an integer of at least 1"),
        ({"epochs": 1.5}, "epochs is 1.5, expected an integer of at least 1"),
        ({"class_weight": {0: 2.0}}, "class_weight was given, expected None"),
        ({"sample_weight": np.ones(len(X))}, "sample_weight was given, expected None"),
        ({"validation_freq": 0}, "validation_freq is 0, expected an integer of at least 1"),
        ({"steps_per_epoch": 0}, "steps_per_epoch is 0, expected an integer of at least 1"),
        ({"validation_steps": "2"}, "validation_steps is '2', expected an integer of at least 1"),
        ({"initial_epoch": -1}, "initial_epoch is -1, expected an integer of at least 0"),
        ({"validation_batch_size": 0}, "validation_batch_size is 0, expected an integer of at least 1"),
    ],
)
def test_what_keras_would_ignore_is_refused(trained, arguments, message):
    with pytest.raises(InputError, match=message):
        trained.fit(X, batch_size=4, verbose=0, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps is 0, expected an integer of at least 1"),
        ({"sample_weight": np.ones(len(X))}, "sample_weight was given, expected None"),
    ],
)
def test_what_keras_would_ignore_is_refused_by_evaluate(trained, arguments, message):
    with pytest.raises(InputError, match=message):
        trained.evaluate(X, batch_size=4, verbose=0, **arguments)


def test_training_under_another_backend_is_refused(trained, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match="KERAS_BACKEND is 'jax', expected 'tensorflow' for fit"):
        trained.fit(X, batch_size=4, verbose=0)


def test_labels_beside_ready_made_batches_are_refused(trained):
    batches = tf.data.Dataset.from_tensor_slices(X).batch(4)
    for x in (batches, iter(batches)):
        with pytest.raises(InputError, match="y was given beside an x of ready-made batches, expected None"):
            trained.fit(x, np.zeros(len(X), "int32"), verbose=0)


def test_labels_beside_a_folder_are_refused(trained, tmp_path):
    with pytest.raises(InputError, match=r"y was given beside x='.*', expected None, since that holds what belongs"):
        trained.fit(tmp_path, np.zeros(len(X), "int32"), verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize("keyed", [False, True])
def test_batches_take_labels_in_a_column(keyed):
    labels = np.arange(len(X), dtype="uint8") % 3
    fitted = []
    for given in (labels, labels[:, None]):
        keras.utils.set_random_seed(0)
        model = TINY_GANS["conditional_gan"]()
        model.compile(run_eagerly=True)
        batches = tf.data.Dataset.from_tensor_slices({"images": X, "labels": given} if keyed else (X, given)).batch(8)
        model.fit(batches, verbose=0)
        model.fit(iter(batches), verbose=0)
        fitted.append(values(model.weights))
    for one, other in zip(*fitted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_sample_weights_in_batches_are_refused(trained):
    weighted = tf.data.Dataset.from_tensors((X, np.zeros(len(X), "int32"), np.ones(len(X))))
    with pytest.raises(InputError, match="A batch has 3 entries, expected one or two: all images weigh the same"):
        trained.fit(weighted, verbose=0)


WRONG_BATCHES = [
    (X[..., 0], r"The first batch of x has shape \(8, 8, 8\), expected \(n, 8, 8, 1\)"),
    (X.astype("float32"), r"The first batch of x holds float32 values from"),
    (X.astype("int32"), r"The first batch of x has dtype int32"),
    ({"pictures": X}, r"The first batch of x has the keys \['pictures'\], expected at least 'images'"),
]


@pytest.mark.parametrize(("batch", "message"), WRONG_BATCHES)
def test_a_wrong_first_batch_is_noticed_before_training(trained, batch, message):
    before = values(trained.variables)
    for source in (tf.data.Dataset.from_tensors(batch), Sequence([batch])):
        with pytest.raises(InputError, match=message):
            trained.fit(source, verbose=0)
    np.testing.assert_equal(values(trained.variables), before)


@pytest.fixture(scope="module")
def conditional():
    """A model that trains on labels."""
    model = TINY_GANS["conditional_gan"]()
    model.compile()
    return model


class Batches(keras.utils.PyDataset):
    """Batches that `take` returns by their index."""

    def __init__(self, take, number):
        super().__init__()
        self._take, self._number = take, number

    def __len__(self):
        return self._number

    def __getitem__(self, index):
        return self._take(index)


def drawn(take, number):
    return (take(index) for index in range(number))


def pipeline(take, number):
    slices = (np.stack(arrays) for arrays in zip(*drawn(take, number), strict=True))
    return tf.data.Dataset.from_tensor_slices(tuple(slices))


READY_MADE = [drawn, Batches, pipeline]


@pytest.mark.slow
@pytest.mark.parametrize("source", READY_MADE)
@pytest.mark.parametrize("label", [-1, 3, 2**40])
def test_labels_of_no_class_are_noticed_in_every_batch(conditional, source, label):
    def take(index):
        return X, np.where(np.arange(len(X)) == 5, label if index == 2 else 2, 1)

    says = "A batch of x has labels that are not integers from 0 to 2{}"
    at = int(conditional.optimizer.iterations) + 3
    with pytest.raises(InputError, match=says.format(f", at training step {at}")):
        conditional.fit(source(take, 4), shuffle=False, verbose=0)
    assert int(conditional.optimizer.iterations) == at
    with pytest.raises(InputError, match=says.format("")):
        conditional.evaluate(source(take, 4), verbose=0)
    with pytest.raises(InputError, match=says.format("").replace(" x ", " validation_data ")):
        conditional.fit(X, np.ones(len(X), int), batch_size=8, validation_data=source(take, 4), verbose=0)
    # What comes after is none the worse.
    conditional.fit(drawn(take, 2), verbose=0)
    assert np.isfinite(conditional.evaluate(drawn(take, 2), verbose=0)).all()


@pytest.mark.slow
@pytest.mark.parametrize("source", READY_MADE)
@pytest.mark.parametrize("odd", [255.0, np.nan])
def test_images_out_of_range_are_noticed_in_every_batch(trained, source, odd):
    def take(index):
        return (np.full(X.shape, odd if index == 2 else 0.5, "float32"),)

    says = r"A batch of x has images that are not uint8 in 0\.\.255 or floats in \[-1, 1\]"
    for method in (trained.fit, trained.evaluate):
        with pytest.raises(InputError, match=says):
            method(source(take, 4), verbose=0)
    assert all(np.isfinite(variable).all() for variable in values(trained.weights))


@pytest.mark.slow
@pytest.mark.parametrize("source", READY_MADE[:2])
@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ((X, np.full(len(X), 1.5)), r"labels of float \(n\), expected int \(n\) as the first"),
        ((X, np.ones((len(X), 3), int)), r"labels of int \(n, 3\), expected int \(n\)"),
        ((X, np.ones(3, int)), "3 labels, expected one for each of its images"),
        ((X / 255.0, np.ones(len(X), int)), r"images of float \(n, 8, 8, 1\), expected int"),
        ({"images": X}, "has images, expected images, labels as the first"),
    ],
)
def test_later_batches_are_like_the_first(conditional, source, odd, says):
    for method in (conditional.fit, conditional.evaluate):
        with pytest.raises(InputError, match=says):
            method(source(lambda index: (X, np.ones(len(X), int)) if index < 3 else odd, 4), verbose=0)


@pytest.mark.slow
def test_what_a_source_raises_is_raised(trained):
    def take(index):
        if index == 3:
            raise broken
        return X

    broken = KeyError("x")
    for source in (drawn, Batches):
        for method in (trained.fit, trained.evaluate):
            with pytest.raises(KeyError) as caught:
                method(source(take, 4), verbose=0)
            assert caught.value is broken and caught.value.__suppress_context__
    pipeline = tf.data.Dataset.from_generator(lambda: drawn(take, 4), output_signature=tf.TensorSpec(X.shape, "uint8"))
    for method in (trained.fit, trained.evaluate):
        with pytest.raises(DataError, match=r"^A batch cannot be read or trained on: KeyError: 'x'\.$"):
            method(pipeline, verbose=0)


@pytest.mark.parametrize("method", ["train_on_batch", "test_on_batch"])
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ((X.astype("float32"), Y), "x holds float32 values from 0 to 255"),
        ((X,), "x has no labels"),
        ((X, np.full(len(X), 3)), "labels holds values from 3 to 3, expected integers from 0 to 2"),
        ((X, np.ones(3, int)), r"x has labels of shape \(3,\), expected one for each of 8 images"),
        ((None,), r"x has shape \(\), expected \(n, 8, 8, 1\)"),
        (((),), "A batch is empty"),
        (({"images": X}, Y), "A batch has labels beside a dict"),
    ],
)
def test_single_batches_are_checked(conditional, method, given, says):
    with pytest.raises(InputError, match=says):
        getattr(conditional, method)(*given)


def test_images_to_predict_from_are_checked(trained):
    for predict in (trained.predict, trained.predict_on_batch):
        with pytest.raises(InputError, match="holds float32 values from 0 to 255"):
            predict(X.astype("float32"))
    np.testing.assert_array_equal(trained.predict(X, verbose=0), trained.predict_on_batch(X))


def test_an_empty_data_set_is_noticed_before_training(trained):
    empty = tf.data.Dataset.from_tensor_slices(X).batch(4).take(0)
    for source in (empty, Sequence([])):
        with pytest.raises(DataError, match="The data set x is empty, expected at least one batch of images"):
            trained.fit(source, verbose=0)


def test_fewer_images_than_a_batch_are_noticed_before_training(trained, two_part_gan):
    with pytest.raises(DataError, match="has 8 images, fewer than one batch of 9"):
        trained.fit(X, batch_size=9, verbose=0)
    with pytest.raises(DataError, match="has 8 images, fewer than one batch of 5 for each of 2 discriminator steps"):
        two_part_gan.fit(X, batch_size=5, verbose=0)


def test_steps_per_epoch_end_an_epoch_whose_order_is_its_own():
    def seen(dataset):
        return [list(batch["labels"].numpy()) for batch in dataset]

    made = {"images": np.zeros((8, 2, 2, 1), "uint8"), "labels": np.arange(8)}
    whole, short = data.dataset(made, batch_size=2), data.dataset(made, batch_size=2).shortened(3)
    for _ in range(2):
        assert seen(short) == seen(whole)[:3]
    short.set_epoch(0)
    assert seen(short) == seen(data.dataset(made, batch_size=2))[:3]


def test_steps_per_epoch_beyond_the_data_are_refused(trained):
    trained.fit(X, batch_size=2, epochs=2, steps_per_epoch=1, verbose=0)
    with pytest.raises(InputError, match=r"steps_per_epoch is 99, expected at most the \d batches of the data set"):
        trained.fit(X, batch_size=4, steps_per_epoch=99, verbose=0)


def test_lists_of_images_of_different_sizes_are_refused(trained):
    with pytest.raises(InputError, match="images is a list of arrays of different shapes"):
        trained.encode([X[0], X[0, :3]])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_picture_written_in_bands_is_the_whole(channels, tmp_path):
    image = images(1, (9, 4, channels))[0]
    write_png_bands(tmp_path / "bands.png", iter([image[:4], image[4:8], image[8:]]), 9, 4)
    np.testing.assert_array_equal(read_picture(tmp_path / "bands.png").reshape(image.shape), image)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"shuffle": "no"}, "shuffle is 'no', expected True or False"),
        ({"drop_remainder": 0}, "drop_remainder is 0, expected True or False"),
        ({"split": None}, "split is None, expected the name of a split"),
        ({"data_dir": 3}, "A path is 3, expected a string"),
    ],
)
def test_options_of_a_data_set_are_checked(options, says):
    with pytest.raises(InputError, match=says):
        data.dataset(X, batch_size=2, **options)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda path: grid(X, columns=-1), "columns is -1, expected an integer of at least 1"),
        (lambda path: grid([]), r"images has shape \(0,\), expected"),
        (lambda path: grid(None), r"images has shape \(\), expected"),
        (lambda path: write_png(path, "x"), "image has dtype <U1"),
        (lambda path: write_png(None, X[0]), "A path is None, expected a string"),
        (lambda path: write_png(path, X[0], scale=0), "scale is 0, expected an integer of at least 1"),
        (lambda path: write_png(path, X[0], scale=10**5), "expected so little that the picture takes at most 4 GiB"),
        (lambda path: write_png_bands(path, X[0], 9, 8), "image has dtype uint8 and shape"),
        (lambda path: write_png_bands(path, X[:1], 9, 8), "bands has 8 rows, expected 9"),
        (lambda path: write_png_bands(path, None, 9, 8), "bands is None, expected arrays"),
        (lambda path: read_image(path, (8, 8, 1), part=2), "part is 2, expected 0, 1 or None"),
        (lambda path: fit_image(X[0].astype("int64"), (8, 8, 1)), "image has dtype int64"),
        (lambda path: fit_image(X[0], (8, 8, 2)), r"image_shape is \(8, 8, 2\), expected 1 or 3 channels"),
    ],
)
def test_pictures_that_cannot_be_are_refused(call, says, tmp_path):
    with pytest.raises(InputError, match=says):
        call(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
