"""File access: atomic writes, reads of regular files up to a size limit, and hashes."""

import contextlib
import errno
import hashlib
import io
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path

from zoo.errors import DataError, InputError, PresetError, StorageError, first_line, shown


def expanded(path):
    """Returns a path with a leading `~` expanded.

    Args:
        path: str or `os.PathLike`.

    Returns:
        `pathlib.Path`.

    Raises:
        InputError: `path` is not a path, holds null characters, or names the home folder of an unknown user.
    """
    try:
        if "\0" in os.fspath(path):
            raise InputError(f"A path is {shown(path)}, expected one without null characters.")
        return Path(path).expanduser()
    except TypeError:
        raise InputError(f"A path is {shown(path)}, expected a string or a pathlib.Path.") from None
    except RuntimeError:
        raise InputError(f"{str(path)!r} begins with the home folder of a user who is not known here.") from None


def cache_folder():
    """Returns the folder of the cache: `ZOO_CACHE`, or `~/.cache/zoo`."""
    return expanded(os.environ.get("ZOO_CACHE", "~/.cache/zoo"))


def make_folder(path, argument):
    """Makes a folder and its parents, unless they exist; `DataError` names the `argument` if that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{argument} is {str(path)!r}, where no folder can be made: {error.strerror}.") from error


@contextlib.contextmanager
def storing(path):
    """Turns an `OSError` of a write into a `StorageError` that names the path and the free space."""
    try:
        yield
    except OSError as error:
        # A folder is first written under a temporary name, so the error's own file name would not help the reader.
        cause = (isinstance(error, StorageError) and error.__cause__) or error
        reason = cause.strerror or first_line(cause) or type(cause).__name__
        raise StorageError(f"{str(path)!r} could not be written: {reason}{_hint(path, cause)}.") from cause


def _hint(path, error):
    """The end of an error message: what to do, or how much space is free on the disk of the path."""
    path = Path(os.path.realpath(path))
    try:
        # A mount point, such as a container's volume, cannot be replaced as a whole.
        if error.errno == errno.EBUSY and os.path.isdir(path):
            return "; choose a folder inside it"
        # pathlib's `is_dir` raises an error on names that are too long.
        folder = next(parent for parent in [path, *path.parents] if os.path.isdir(parent))
        return f"; {shutil.disk_usage(folder).free / 1024**2:,.0f} MiB are free in {str(folder)!r}"
    except OSError:
        return ""


def read_regular(path, limit):
    """Reads a file of a preset, if it is a regular file of limited size.

    Other files are not opened, because opening a named pipe blocks forever and reading a device never ends.

    Args:
        path: path of the file.
        limit: maximum size in bytes.

    Returns:
        bytes.

    Raises:
        FileNotFoundError: there is no such file.
        PresetError: the file is not regular, is larger than `limit`, or cannot be read.
    """
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise PresetError(f"{path} is no regular file, as the files of a preset are.")
        if found.st_size > limit:
            raise PresetError(f"{path} has {found.st_size:,} bytes, expected at most {limit:,}.")
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PresetError(f"{path} cannot be read ({error.strerror}).") from error


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path in the folder of `path`, and renames it to `path` if the block succeeds.

    The rename is atomic, so a reader or a `kill -9` finds the old file or the new one, never a part. If `path` is a
    symbolic link, it stays one and its target is replaced.

    Raises:
        StorageError: the file cannot be written.
    """
    with storing(path), _replacing(path) as temporary:
        yield temporary


@contextlib.contextmanager
def _replacing(path):
    # pathlib's `resolve` raises an error on circular links; `realpath` does not, and the file replaces the link.
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix, suffix = _affixes(path)
    descriptor, name = tempfile.mkstemp(prefix=prefix, suffix=suffix, dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _affixes(path):
    """The prefix and suffix of the names of temporary files for a path."""
    # Pillow chooses the format by the suffix. The prefix is cut because names have a maximum length.
    return f".{path.name.split('.')[0][:20]}-", "".join(path.suffixes[-2:])


def remove_leftovers(path):
    """Removes temporary files that killed processes left behind; the name of `path` may hold wildcards."""
    with storing(path):
        for file in path.parent.glob("*".join(_affixes(path))):
            file.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_directory(path, carried=()):
    """Like `replacing`, for a directory: the old directory stays until the new one is complete.

    Args:
        path: path of the directory.
        carried: names of entries of the old directory that move over to the new one; default none.

    Raises:
        StorageError: the directory cannot be written.
    """
    with storing(path), _replacing_directory(path, carried) as temporary:
        yield temporary


@contextlib.contextmanager
def _replacing_directory(path, carried):
    path = Path(path).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    temporary.chmod(0o755)
    try:
        yield temporary
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}-old-", dir=path.parent))
            kept = old / path.name
            try:
                os.replace(path, kept)
                os.replace(temporary, path)
            except OSError:
                if kept.exists():
                    os.replace(kept, path)
                # If the old directory cannot be moved back, it stays here; `rmdir` never removes a full one.
                old.rmdir()
                raise
            for name in carried:
                os.replace(kept / name, path / name)
            shutil.rmtree(old)
        else:
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class MemoryFile(io.BytesIO):
    """An in-memory file that carries its future path, because Keras chooses the format by the suffix of the path.

    HDF5 must not write to the disk itself: if the disk is full, the process dies of a segmentation fault at the next
    save.
    """

    def __init__(self, path):
        super().__init__()
        self._path = str(path)

    def __str__(self):
        return self._path

    def store(self):
        """Writes the content to the path atomically."""
        with replacing(self._path) as temporary:
            temporary.write_bytes(self.getbuffer())


def sha256(path):
    """Returns the SHA-256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path, content):
    """Writes `content` as JSON, atomically and with fixed formatting, so that equal content gives equal bytes."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
