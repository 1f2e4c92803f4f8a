"""Folders of image files: classes, conversions to one shape, and files that cannot be read."""

import errno
import io

import numpy as np
import pytest
from helpers import SHAPE, epoch, images, png_folder, write_picture
from PIL import Image

from zoo import data
from zoo.errors import DataError, InputError


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


@pytest.mark.slow
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
