"""Files: written whole or not at all, read only where they are regular and of bounded size, and their hashes."""

import contextlib
import hashlib
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
    except StorageError:
        raise
    except OSError as error:
        reason = error.strerror or first_line(error) or type(error).__name__
        raise StorageError(f"{str(path)!r} could not be written: {reason}{_room(path)}.") from error


def _room(path):
    """How much is free where a path lies, as the end of a sentence; nothing where no folder of it exists."""
    path = Path(os.path.realpath(path))
    folder = next((parent for parent in [path, *path.parents] if parent.is_dir()), None)
    try:
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
    """
    # Unlike pathlib's, this finds no fault with links that lead in a circle, in whose place the file is written.
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays, because Keras and Pillow choose the format by it; a name as long as may be leaves no more room.
    descriptor, name = tempfile.mkstemp(
        prefix=f".{path.name.split('.')[0][:20]}-", suffix="".join(path.suffixes[-2:]), dir=path.parent
    )
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


@contextlib.contextmanager
def replacing_directory(path, carried=()):
    """Like `replacing`, for a directory: what stood at `path` stays until the new one is whole.

    What it holds of the names `carried` moves over to the new one.
    """
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


def sha256(path):
    """The file's SHA-256 as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path, content):
    """Writes `content` with stable key order and formatting, so that equal content is equal bytes."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
