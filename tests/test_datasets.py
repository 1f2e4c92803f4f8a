"""The data sets that are cut out of published packages, prepared by TFDS from small packages of the same layout."""

import io
import json
import tarfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from zoo import data
from zoo.datasets import emoji, packages, photographs
from zoo.errors import DataError

SQUARE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="4" height="8" fill="{}"/></svg>'
CODES = ["1f600", "1f601", "2764-fe0f", "1f44b-1f3fb"]


def tarball(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def deb(files):
    """A Debian archive: `ar` of a version, control files and the data."""
    result = b"!<arch>\n"
    parts = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.gz": tarball(files)}
    for name, content in parts.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        result += header + content + b"\n" * (len(content) % 2)
    return result


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def flat(value, alpha=255):
    return png(np.full((64, 64, 4), (value, value, value, alpha), "uint8"))


@pytest.fixture
def downloads(tmp_path, monkeypatch):
    """Stands in for the network: what is downloaded from an address, and the folder that TFDS prepares in."""
    contents = {}

    def download(self, urls):
        def one(url):
            path = tmp_path / url.rsplit("/", 1)[-1]
            path.write_bytes(contents[url])
            return path

        return one(urls) if isinstance(urls, str) else [one(url) for url in urls]

    monkeypatch.setattr(tfds.download.DownloadManager, "download", download)
    return contents, tmp_path / "tfds"


# === Packages ===


@pytest.mark.parametrize("build", [tarball, deb])
def test_files_are_read_by_name(tmp_path, build):
    (tmp_path / "package").write_bytes(build({"./a/b.txt": b"one", "c": b"two"}))
    found = packages.members(tmp_path / "package")
    assert {name: read() for name, read in found.items()} == {"a/b.txt": b"one", "c": b"two"}


@pytest.mark.parametrize("content", [b"nothing", b"!<arch>\n", b""])
def test_what_is_no_package_is_named(tmp_path, content):
    (tmp_path / "package").write_bytes(content)
    with pytest.raises(DataError, match=r"package' (cannot be read|holds no data\.tar)"):
        packages.members(tmp_path / "package")


@pytest.mark.parametrize("builder", [emoji.OpenmojiLineArt, emoji.EmojiInTwoHands, photographs.DebianPhotographs])
def test_downloads_are_pinned_by_their_hashes(builder):
    assert builder.url_infos
    for info in builder.url_infos.values():
        assert len(info.checksum) == 64 and info.size > 1e6


# === Emoji ===


def test_signs_that_begin_alike_are_held_out_together():
    assert emoji.is_held_out("1f468-200d-1f680") == emoji.is_held_out("1f468")
    held_out = [emoji.is_held_out(f"{code:x}") for code in range(0x1F300, 0x1F700)]
    assert 0.07 < np.mean(held_out) < 0.14


@pytest.mark.slow
def test_line_art_and_picture_are_a_pair(downloads, monkeypatch):
    contents, folder = downloads
    monkeypatch.setattr(emoji, "is_held_out", lambda code: code == "1f601")
    svgs = {f"package/color/svg/{code.upper()}.svg": SQUARE.format("red").encode() for code in [*CODES, "1F1E9-1F1EA"]}
    svgs |= {name.replace("color", "black"): SQUARE.format("black").encode() for name in svgs}
    contents[emoji._OPENMOJI.url] = tarball(svgs)
    found = data.read_pairs("openmoji_line_art", emoji.IMAGE_SHAPE, emoji.LINE_ART_SHAPE, data_dir=folder)
    # Neither the flag nor the skin tone.
    assert len(found.images) == len(found.source_images) == 2
    np.testing.assert_array_equal(found.images[0, 32, [10, 50]], [[255, 0, 0], [255, 255, 255]])
    np.testing.assert_array_equal(found.source_images[0, 32, [10, 50], 0], [0, 255])
    test = data.read_pairs("openmoji_line_art", (64, 64, 3), (64, 64, 1), split="test", data_dir=folder)
    assert len(test.images) == 1


@pytest.mark.slow
def test_both_hands_and_the_caption(downloads, monkeypatch):
    contents, folder = downloads
    monkeypatch.setattr(emoji, "is_held_out", lambda code: code == "1f601")
    for package, hand, value in ((emoji._NOTO, "google", 40), (emoji._TWEMOJI, "twitter", 90)):
        contents[package.url] = tarball({f"package/img/{hand}/64/{code}.png": flat(value) for code in CODES})
    named = [
        {"hexcode": "1F600", "label": "grinning face", "tags": ["face", "grin"]},
        {"hexcode": "1F601", "label": "beaming face"},
        {"hexcode": "2764-FE0F", "label": "red heart"},
    ]
    contents[emoji._NAMES.url] = tarball({"package/en/data.json": json.dumps(named).encode()})
    found = data.read_pairs("emoji_in_two_hands", (8, 8, 3), (8, 8, 3), data_dir=folder)
    assert (found.images == 90).all() and (found.source_images == 40).all()
    assert list(found.prompts) == ["grinning face, face, grin", "red heart"]
    assert list(data.read("emoji_in_two_hands", (8, 8, 3), data_dir=folder).prompts) == list(found.prompts)


# === Photographs ===


@pytest.mark.slow
def test_photographs_are_cut_where_they_show_something(downloads, monkeypatch):
    contents, folder = downloads
    # Stripes on the left, nothing on the right.
    pixels = np.full((300, 900, 3), 128, "uint8")
    pixels[:, :450] = np.where(np.arange(450) // 9 % 2, 255, 0)[None, :, None]
    monkeypatch.setattr(photographs, "SHRINKS", (3,))
    monkeypatch.setattr(photographs, "CREDITS", {"a.jpg": ("A", "CC0-1.0"), "b.jpg": ("B", "CC0-1.0")})
    monkeypatch.setattr(photographs, "_TEST", ("b.jpg",))
    for package in photographs._PACKAGES:
        contents[package.url] = deb({f"./usr/share/{name}": png(pixels) for name in ("a.jpg", "b.jpg")})
    found = data.read("debian_photographs", photographs.PATCH_SHAPE, data_dir=folder)
    assert 1 <= len(found.images) <= 4
    assert all(patch.std() > 20 for patch in found.images)
    assert len(data.read("debian_photographs", photographs.PATCH_SHAPE, split="test", data_dir=folder).images) >= 1
    with pytest.raises(DataError, match="'debian_photographs' has no source_image"):
        data.read_pairs("debian_photographs", (8, 8, 3), (8, 8, 3), data_dir=folder)


def test_every_photograph_has_an_author_and_a_free_licence():
    assert set(photographs._TEST) < set(photographs.CREDITS)
    assert {licence for _, licence in photographs.CREDITS.values()} <= {
        "CC0-1.0",
        "CC-BY-4.0",
        "CC-BY-SA-3.0",
        "CC-BY-SA-4.0",
    }
