"""Files: written whole or not at all, read only where they are regular and of bounded size, and their hashes."""

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

from zoo.errors import InputError, PresetError, StorageError, first_line, shown


def expanded(path):
    """A path that may begin with `~`; `InputError` where that is the home of a user who has none here, or no path."""
    try:
        if "\0" in os.fspath(path):
            raise InputError(f"A path is {shown(path)}, expected one without null characters.")
        return Path(path).expanduser()
    except TypeError:
        raise InputError(f"A path is {shown(path)}, expected a string or a pathlib.Path.") from None
    except RuntimeError:
        raise InputError(f"{str(path)!r} begins with the home folder of a user who is not known here.") from None


@contextlib.contextmanager
def storing(path):
    """Turns the system's error about a file that is written into one sentence with the path and the free space."""
    try:
        yield
    except OSError as error:
        # A file of a folder that is being written lies in a temporary one, so only the folder's path helps the reader.
        cause = (isinstance(error, StorageError) and error.__cause__) or error
        reason = cause.strerror or first_line(cause) or type(cause).__name__
        raise StorageError(f"{str(path)!r} could not be written: {reason}{_hint(path, cause)}.") from cause


def _hint(path, error):
    """The end of a sentence about an error: what to do, or how much is free where the path lies."""
    path = Path(os.path.realpath(path))
    try:
        # A mount point, such as a container's volume, cannot be replaced as a whole.
        if error.errno == errno.EBUSY and os.path.isdir(path):
            return "; choose a folder inside it"
        # Unlike pathlib's, this finds no fault with names that are too long.
        folder = next(parent for parent in [path, *path.parents] if os.path.isdir(parent))
        return f"; {shutil.disk_usage(folder).free / 1024**2:,.0f} MiB are free in {str(folder)!r}"
    except OSError:
        return ""


def read_regular(path, limit):
    """Returns the bytes of a regular file of at most `limit` bytes, which a preset is made of.

    A pipe would wait for ever and a device has no end, so neither is opened.

    Raises:
        FileNotFoundError: there is no such file.
        PresetError: it is no regular file, is larger, or cannot be read.
    """
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise PresetError(f"{path} is no regular file, as the files of a preset are.")
        if found.st_size > limit:
            raise PresetError(f"{path} has {found.st_size} bytes, expected at most {limit}.")
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise PresetError(f"{path} cannot be read ({error.strerror}).") from error


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path in `path`'s own folder that takes its place only on success.

    The rename is atomic, so a reader or a kill -9 sees the old file or the new one, never a part. A link stays one, to
    the new file.

    Raises:
        StorageError: the file cannot be written.
    """
    with storing(path), _replacing(path) as temporary:
        yield temporary


@contextlib.contextmanager
def _replacing(path):
    # Unlike pathlib's, this finds no fault with links that lead in a circle, in whose place the file is written.
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
    """How the names of temporary files beside a path begin and end."""
    # The suffix stays, because Pillow chooses the format by it; a name as long as may be leaves no more room.
    return f".{path.name.split('.')[0][:20]}-", "".join(path.suffixes[-2:])


def remove_leftovers(path):
    """Removes what processes left that were killed while they wrote a file; its name may hold wildcards."""
    with storing(path):
        for file in path.parent.glob("*".join(_affixes(path))):
            file.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing_directory(path, carried=()):
    """Like `replacing`, for a directory: what stood at `path` stays until the new one is whole.

    What it holds of the names `carried` moves over to the new one.
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
                # Not with what it holds: where the old one cannot go back, it stays there.
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
    """A file in memory that carries the path which it is meant for, because Keras chooses the format by its ending.

    HDF5 must not write to a disk: when that is full, the process dies of a segmentation fault at the next save.
    """

    def __init__(self, path):
        super().__init__()
        self._path = str(path)

    def __str__(self):
        return self._path

    def store(self):
        """Writes the content to the path, whole or not at all."""
        with replacing(self._path) as temporary:
            temporary.write_bytes(self.getbuffer())


def sha256(path):
    """The file's SHA-256 as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path, content):
    """Writes `content` with stable key order and formatting, so that equal content is equal bytes."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
