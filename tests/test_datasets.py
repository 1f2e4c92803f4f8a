"""The data sets that are cut out of published packages, prepared by TFDS from small packages of the same layout."""

import hashlib
import io
import json
import os
import tarfile

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from zoo import data
from zoo.datasets import emoji, packages, photographs
from zoo.errors import DataError, StorageError

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


def picture(pixels, kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def flat(value, alpha=255):
    return picture(np.full((64, 64, 4), (value, value, value, alpha), "uint8"))


def lay(folder, package, content):
    """Writes the file of a package with other content into a folder; the package that this makes of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / package.file).write_bytes(content)
    return package._replace(size=len(content), sha256=hashlib.sha256(content).hexdigest())


# === Packages ===


@pytest.mark.parametrize("build", [tarball, deb])
def test_files_are_read_by_name(tmp_path, build):
    (tmp_path / "package").write_bytes(build({"./a/b.txt": b"one", "c": b"two"}))
    assert packages.members(tmp_path / "package", ".*") == {"a/b.txt": b"one", "c": b"two"}
    assert packages.members(tmp_path / "package", r"a/.\.txt") == {"a/b.txt": b"one"}


@pytest.mark.parametrize("content", [b"nothing", b"!<arch>\n", b""])
def test_what_is_no_package_is_named(tmp_path, content):
    (tmp_path / "package").write_bytes(content)
    with pytest.raises(DataError, match=r"package' (cannot be read|holds no data\.tar)"):
        packages.members(tmp_path / "package", ".*")


@pytest.mark.parametrize(
    ("builder", "needed"),
    [
        (emoji.OpenmojiLineArt, [emoji._OPENMOJI]),
        (emoji.EmojiInTwoHands, [emoji._NOTO, emoji._TWEMOJI, emoji._NAMES]),
        (photographs.DebianPhotographs, photographs._PACKAGES),
    ],
)
def test_packages_are_pinned_by_their_hashes_and_named_in_the_instructions(builder, needed):
    for package in needed:
        assert len(package.sha256) == 64 and package.size > 1e6
        assert package.file in builder.MANUAL_DOWNLOAD_INSTRUCTIONS
        assert " ".join(package.command) in builder.MANUAL_DOWNLOAD_INSTRUCTIONS


NPM = packages.Package("npm", "signs", "1.2.3", 0, "")
APT = packages.Package("apt", "walls", "4.5-6", 0, "")
CLIENTS = pytest.mark.parametrize(("package", "build"), [(NPM, tarball), (APT, deb)], ids=["npm", "apt"])


class Place:
    """The folders of TFDS, the package as it is published, and what stands in for the clients on an empty PATH."""

    def __init__(self, folder):
        self.programs, self.published, self.downloads = folder / "bin", folder / "published", folder / "downloads"
        self.manual = self.downloads / "manual"
        self.programs.mkdir()

    def install(self, script):
        """Both clients run this script after they note where and how they are called."""
        for name in ("npm", "apt-get"):
            (self.programs / name).write_text(f'#!/bin/sh\necho "$PWD" "$@" >> {self.programs}/calls\n{script}\n')
            (self.programs / name).chmod(0o755)

    def serve(self, package):
        self.install(f"/bin/cp {self.published / package.file} {package.file}")

    def read(self, package):
        manager = tfds.download.DownloadManager(
            download_dir=self.downloads, manual_dir=self.manual, manual_dir_instructions="Put it here."
        )
        return packages.read(package, manager, ".*")

    def kept(self):
        """What the download folder holds but for TFDS' own two."""
        return {path.name for path in self.downloads.iterdir()} - {"extracted", "manual"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    place = Place(tmp_path)
    monkeypatch.setenv("PATH", str(place.programs))
    return place


@CLIENTS
def test_a_package_comes_from_its_client_and_is_kept(place, package, build):
    package = lay(place.published, package, build({"a": b"one"}))
    place.serve(package)
    for _ in range(2):
        assert place.read(package) == {"a": b"one"}
        assert place.kept() == {package.file}
    # The second time, nobody is asked.
    (call,) = (place.programs / "calls").read_text().splitlines()
    folder, *arguments = call.split()
    assert os.path.dirname(folder) == str(place.downloads)
    assert arguments[:2] == package.command[1:]
    assert ("--ignore-scripts" in arguments) == (package.client == "npm")


def test_what_lies_in_the_manual_folder_comes_first(place):
    package = lay(place.manual, NPM, tarball({"a": b"one"}))
    lay(place.downloads, NPM, b"odd")
    assert place.read(package) == {"a": b"one"}


@pytest.mark.parametrize(("source", "where"), [("manual", "in '.*manual'"), ("downloads", "in '.*downloads'")])
def test_a_file_of_another_hash_is_not_opened(place, source, where):
    package = lay(place.published, NPM, tarball({"a": b"one"}))
    place.serve(package)
    lay(getattr(place, source), NPM, b"odd")
    odd = hashlib.sha256(b"odd").hexdigest()
    with pytest.raises(
        DataError,
        match=rf"^'signs-1\.2\.3\.tgz' {where} has 3 bytes and the SHA-256 {odd[:12]}…, "
        f"expected {package.size} bytes and {package.sha256[:12]}…",
    ):
        place.read(package)
    assert not (place.programs / "calls").exists()


@CLIENTS
def test_what_a_client_brings_instead_is_not_kept(place, package, build):
    package = lay(place.published, package, build({"a": b"one"}))
    place.serve(package)
    # As long, so that the hash alone tells.
    lay(place.published, package, build({"a": b"two"})[: package.size].ljust(package.size, b"."))
    with pytest.raises(DataError, match=f"from (npm|apt-get) has {package.size} bytes .* {package.sha256[:12]}…"):
        place.read(package)
    assert place.kept() == set()


def test_a_pipe_is_no_package(place):
    place.manual.mkdir(parents=True)
    os.mkfifo(place.manual / NPM.file)
    with pytest.raises(DataError, match=r"'signs-1\.2\.3\.tgz' in '.*manual' is no regular file"):
        place.read(NPM)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (None, r"cannot be run \(No such file or directory\)"),
        ("echo E: it is gone >&2; echo E: for good >&2; exit 100", r"failed \(E: it is gone\)"),
        ("echo half > signs-1.2.3.tgz; exit 3", r"failed \(exit status 3\)"),
        ("echo other > other.tgz", "wrote no file of that name"),
        ("echo half > walls_4.5-6_all.deb; exec /bin/sleep 60", "did not end within 0.5 seconds"),
    ],
)
@CLIENTS
def test_a_package_that_cannot_be_had_is_named_with_the_way_to_get_it(place, monkeypatch, script, why, package, build):
    monkeypatch.setattr(packages, "_SECONDS", 0.5)
    package = package._replace(sha256="0123456789abcdef" * 4)
    if script is not None:
        place.install(script)
    command = " ".join(package.command)
    with pytest.raises(
        DataError,
        match=rf"^The package '{package.file}' \(version {package.version}, SHA-256 0123456789ab…\) is missing: "
        rf"{package.command[0]} {why}; download it with '{command}' .* put it into '{place.manual}'\.$",
    ):
        place.read(package)
    assert place.kept() == set()


@pytest.mark.parametrize(
    "said",
    [
        "npm error code ENOSPC\nnpm error nospc ENOSPC: no space left on device, write",
        "E: Error writing to file - write (28: No space left on device)",
    ],
)
def test_a_full_disk_is_said_as_everywhere(place, said):
    place.install(f"echo '{said}' >&2; exit 100")
    with pytest.raises(
        StorageError, match=r"signs-1\.2\.3\.tgz' could not be written: No space left on device; .* MiB"
    ):
        place.read(NPM)
    assert place.kept() == set()


def test_a_data_set_without_its_packages_leaves_no_file_behind(place):
    folder = place.downloads.parent
    with pytest.raises(DataError, match=rf"^The package 'budgie-.*_all\.deb' .* put it into '{place.manual}'\.$"):
        data.read("debian_photographs", (8, 8, 3), data_dir=folder)
    assert not [path for path in folder.rglob("*") if path.is_file()]


# === Emoji ===


def test_signs_that_begin_alike_are_held_out_together():
    assert emoji.is_held_out("1f468-200d-1f680") == emoji.is_held_out("1f468")
    held_out = [emoji.is_held_out(f"{code:x}") for code in range(0x1F300, 0x1F700)]
    assert 0.07 < np.mean(held_out) < 0.14


@pytest.mark.slow
def test_line_art_and_picture_are_a_pair(tmp_path, monkeypatch):
    monkeypatch.setattr(emoji, "is_held_out", lambda code: code == "1f601")
    svgs = {f"package/color/svg/{code.upper()}.svg": SQUARE.format("red").encode() for code in [*CODES, "1F1E9-1F1EA"]}
    svgs |= {name.replace("color", "black"): SQUARE.format("black").encode() for name in svgs}
    monkeypatch.setattr(emoji, "_OPENMOJI", lay(tmp_path / "downloads" / "manual", emoji._OPENMOJI, tarball(svgs)))
    found = data.read_pairs("openmoji_line_art", emoji.IMAGE_SHAPE, emoji.LINE_ART_SHAPE, data_dir=tmp_path)
    # Neither the flag nor the skin tone.
    assert len(found.images) == len(found.source_images) == 2
    np.testing.assert_array_equal(found.images[0, 32, [10, 50]], [[255, 0, 0], [255, 255, 255]])
    np.testing.assert_array_equal(found.source_images[0, 32, [10, 50], 0], [0, 255])
    test = data.read_pairs("openmoji_line_art", (64, 64, 3), (64, 64, 1), split="test", data_dir=tmp_path)
    assert len(test.images) == 1


@pytest.mark.slow
def test_both_hands_and_the_caption(tmp_path, monkeypatch):
    manual = tmp_path / "downloads" / "manual"
    monkeypatch.setattr(emoji, "is_held_out", lambda code: code == "1f601")
    for name, hand, value in (("_NOTO", "google", 40), ("_TWEMOJI", "twitter", 90)):
        content = tarball({f"package/img/{hand}/64/{code}.png": flat(value) for code in CODES})
        monkeypatch.setattr(emoji, name, lay(manual, getattr(emoji, name), content))
    named = [
        {"hexcode": "1F600", "label": "grinning face", "tags": ["face", "grin"]},
        {"hexcode": "1F601", "label": "beaming face"},
        {"hexcode": "2764-FE0F", "label": "red heart"},
    ]
    content = tarball({"package/en/data.json": json.dumps(named).encode()})
    monkeypatch.setattr(emoji, "_NAMES", lay(manual, emoji._NAMES, content))
    found = data.read_pairs("emoji_in_two_hands", (8, 8, 3), (8, 8, 3), data_dir=tmp_path)
    assert (found.images == 90).all() and (found.source_images == 40).all()
    assert list(found.prompts) == ["grinning face, face, grin", "red heart"]
    assert list(data.read("emoji_in_two_hands", (8, 8, 3), data_dir=tmp_path).prompts) == list(found.prompts)


# === Photographs ===


@pytest.mark.slow
def test_photographs_are_cut_where_they_show_something(tmp_path, monkeypatch):
    # Stripes on the left, nothing on the right.
    pixels = np.full((300, 900, 3), 128, "uint8")
    pixels[:, :450] = np.where(np.arange(450) // 9 % 2, 255, 0)[None, :, None]
    monkeypatch.setattr(photographs, "SHRINKS", (3,))
    monkeypatch.setattr(photographs, "CREDITS", {"a.jpg": ("A", "CC0-1.0"), "b.jpg": ("B", "CC0-1.0")})
    monkeypatch.setattr(photographs, "_TEST", ("b.jpg",))
    content = deb({f"./usr/share/{name}": picture(pixels, "JPEG") for name in ("a.jpg", "b.jpg")})
    laid = [lay(tmp_path / "downloads" / "manual", package, content) for package in photographs._PACKAGES]
    monkeypatch.setattr(photographs, "_PACKAGES", laid)
    found = data.read("debian_photographs", photographs.PATCH_SHAPE, data_dir=tmp_path)
    assert 1 <= len(found.images) <= 4
    assert all(patch.std() > 20 for patch in found.images)
    assert len(data.read("debian_photographs", photographs.PATCH_SHAPE, split="test", data_dir=tmp_path).images) >= 1
    with pytest.raises(DataError, match="'debian_photographs' has no source_image"):
        data.read_pairs("debian_photographs", (8, 8, 3), (8, 8, 3), data_dir=tmp_path)


@pytest.mark.slow
def test_every_photograph_has_an_author_and_a_free_licence():
    assert set(photographs._TEST) < set(photographs.CREDITS)
    assert {licence for _, licence in photographs.CREDITS.values()} <= {
        "CC0-1.0",
        "CC-BY-4.0",
        "CC-BY-SA-3.0",
        "CC-BY-SA-4.0",
    }
