"""Picture files: the formats that are opened, orientation, the limit of pixels, and writing PNG files."""

import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from helpers import SHAPE, images, write_picture
from PIL import Image, ImageOps

from zoo import data
from zoo.errors import DataError, InputError
from zoo.images import fit_image, grid, picture_sides, read_image, read_picture, write_png, write_png_bands

HEIGHT, WIDTH = 6, 8
GREY = np.full((HEIGHT, WIDTH), 200, "uint8")
PICTURE = images(1)[0]


def huge(path, width, height):
    """A PNG of a few bytes whose header claims so many pixels."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(bytes(100))), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


@pytest.mark.parametrize("suffix", data.IMAGE_SUFFIXES)
def test_pictures_of_every_suffix_are_opened(tmp_path, suffix):
    path = write_picture(tmp_path / f"a{suffix}", GREY)
    assert picture_sides(path) == (WIDTH, HEIGHT)
    np.testing.assert_allclose(read_image(path, (HEIGHT, WIDTH, 1))[..., 0], GREY, atol=2)
    np.testing.assert_allclose(read_picture(path), np.broadcast_to(GREY[..., None], read_picture(path).shape), atol=2)


@pytest.mark.parametrize("suffix", ["gif", "webp", "tif", "png"])
def test_the_first_picture_of_an_animation_is_read(tmp_path, suffix):
    others = [Image.fromarray(np.full_like(GREY, value)) for value in (0, 90)]
    path = write_picture(tmp_path / f"a.{suffix}", GREY, save_all=True, append_images=others)
    np.testing.assert_allclose(read_image(path, (HEIGHT, WIDTH, 1))[..., 0], GREY, atol=2)


@pytest.mark.parametrize("kind", ["EPS", "ICO", "PCX"])
@pytest.mark.parametrize("name", ["a.png", "a"])
def test_other_formats_are_not_opened_whatever_their_name(tmp_path, kind, name):
    path = write_picture(tmp_path / name, GREY, format=kind)
    with pytest.raises(
        DataError,
        match=r"a(\.png)?' cannot be read as an image \(it is none of PNG, JPEG, BMP, GIF, WEBP, TIFF, PPM\)",
    ):
        read_picture(path)


def test_what_is_no_regular_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    (tmp_path / "folder.png").mkdir()
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(DataError, match=rf"{path.name}' cannot be read as an image \(it is no regular file\)"):
            read_picture(path)


@pytest.mark.parametrize(
    "read", [read_picture, picture_sides, lambda path: read_image(path, (8, 8, 1))], ids=["picture", "sides", "image"]
)
@pytest.mark.parametrize("sides", [(12_000, 9_000), (100_000, 100_000)])
def test_huge_pictures_are_refused_by_their_header(tmp_path, read, sides):
    path = huge(tmp_path / "a.png", *sides)
    with pytest.raises(
        DataError,
        match=rf"it has {sides[0]}x{sides[1]} = {sides[0] * sides[1]} pixels, more than the limit of 100000000, "
        "which the environment variable ZOO_MAX_PIXELS sets",
    ):
        read(path)


def test_pillows_own_limit_is_not_ours(tmp_path, monkeypatch):
    path = write_picture(tmp_path / "a.png", images(1, (HEIGHT, WIDTH, 3))[0])
    pixels = read_picture(path)
    half = read_image(path, (4, 4, 3), part=1)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(read_picture(path), pixels)
        np.testing.assert_array_equal(read_image(path, (4, 4, 3), part=1), half)
        (tmp_path / "b.pgm").write_bytes(b"P5 10000 10000 255 ")
        assert picture_sides(tmp_path / "b.pgm") == (10_000, 10_000)


def test_the_limit_of_pixels_is_set_by_the_environment(tmp_path, monkeypatch):
    write_picture(tmp_path / "a.png", GREY)
    write_picture(tmp_path / "b.png", GREY[:4])
    monkeypatch.setenv("ZOO_MAX_PIXELS", str(HEIGHT * WIDTH))
    assert len(data.read(tmp_path, (4, 4, 1)).images) == 2
    monkeypatch.setenv("ZOO_MAX_PIXELS", str(HEIGHT * WIDTH - 1))
    with pytest.warns(UserWarning, match=r"Skipped 1 of 2 .*: a\.png; .*it has 8x6 = 48 pixels, more .* of 47"):
        assert len(data.read(tmp_path, (4, 4, 1)).images) == 1
    monkeypatch.setenv("ZOO_MAX_PIXELS", "100000001")
    (tmp_path / "c.pgm").write_bytes(b"P5 100000001 1 255 ")
    assert picture_sides(tmp_path / "c.pgm") == (100_000_001, 1)


@pytest.mark.parametrize("value", ["", "many", "0", "-1", "1e8"])
def test_a_limit_that_is_no_number_of_pixels_is_refused(tmp_path, monkeypatch, value):
    write_picture(tmp_path / "a.png", GREY)
    monkeypatch.setenv("ZOO_MAX_PIXELS", value)
    with pytest.raises(InputError, match=f"ZOO_MAX_PIXELS is '{value}', expected an integer of at least 1"):
        data.read(tmp_path, (4, 4, 1))


def test_pictures_of_32_bit_integers_are_refused(tmp_path):
    Image.fromarray(np.full((8, 8), 100, "int32")).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match="image holds 32-bit integers, expected 8 or 16 bits a channel"):
        read_image(tmp_path / "a.tif", (8, 8, 1))


def test_fit_image_reads_arrays_and_files_alike(tmp_path):
    for shape in ((13, 9, 1), (13, 9, 3), (13, 9, 4)):
        pixels = images(1, shape)[0]
        picture = Image.fromarray(pixels.squeeze(-1) if shape[-1] == 1 else pixels)
        for target in (SHAPE, (8, 8, 3)):
            np.testing.assert_array_equal(fit_image(pixels, target), fit_image(picture, target))


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


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_picture_written_in_bands_is_the_whole(channels, tmp_path):
    image = images(1, (9, 4, channels))[0]
    write_png_bands(tmp_path / "bands.png", iter([image[:4], image[4:8], image[8:]]), 9, 4)
    np.testing.assert_array_equal(read_picture(tmp_path / "bands.png").reshape(image.shape), image)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda path: grid(PICTURE[None], columns=-1), "columns is -1, expected an integer of at least 1"),
        (lambda path: grid([]), r"images has shape \(0,\), expected"),
        (lambda path: grid(None), r"images has shape \(\), expected"),
        (lambda path: write_png(path, "x"), "image has dtype <U1"),
        (lambda path: write_png(None, PICTURE), "A path is None, expected a string"),
        (lambda path: write_png(path, PICTURE, scale=0), "scale is 0, expected an integer of at least 1"),
        (
            lambda path: write_png(path, PICTURE, scale=10**5),
            "expected so little that the picture takes at most 4 GiB",
        ),
        (lambda path: write_png_bands(path, PICTURE, 9, 8), "image has dtype uint8 and shape"),
        (lambda path: write_png_bands(path, PICTURE[None], 9, 8), "bands has 8 rows, expected 9"),
        (lambda path: write_png_bands(path, None, 9, 8), "bands is None, expected arrays"),
        (lambda path: read_image(path, (8, 8, 1), part=2), "part is 2, expected 0, 1 or None"),
        (lambda path: fit_image(PICTURE.astype("int64"), (8, 8, 1)), "image has dtype int64"),
        (lambda path: fit_image(PICTURE, (8, 8, 2)), r"image_shape is \(8, 8, 2\), expected 1 or 3 channels"),
    ],
)
def test_pictures_that_cannot_be_are_refused(call, says, tmp_path):
    with pytest.raises(InputError, match=says):
        call(tmp_path / "a.png")
    assert not list(tmp_path.iterdir())
