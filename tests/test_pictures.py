"""Picture files: which formats are opened, what is refused before it is decoded, and the limit of their pixels."""

import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from helpers import images, write_picture
from PIL import Image

from zoo import data
from zoo.errors import DataError, InputError
from zoo.images import picture_sides, read_image, read_picture

HEIGHT, WIDTH = 6, 8
GREY = np.full((HEIGHT, WIDTH), 200, "uint8")


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
