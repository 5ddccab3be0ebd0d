"""Files and folders that appear complete or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from socwidgets.model.errors import OutputError, SocwidgetsError

#: Hidden file that says: this folder was written by the suite and may be replaced by it.
MARKER = ".socwidgets"

_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
_WRONG_TYPE = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file beside its place and move it there when it is complete.

    Parameters
    ----------
    path : path-like
        The wanted file. Missing parent folders are made.

    Yields
    ------
    Path
        A temporary path in the same folder, with the same suffix, to be written by the caller.

    Raises
    ------
    OutputError
        Read-only folder, full disk, or a folder where the file should be. Whatever the error, the
        old file stays as it was and nothing is left beside it.
    """
    target = _real(path)
    with _translated(target):
        if target.is_dir():
            raise OutputError(
                f"cannot write the file {target}",
                expected="a file name",
                found="a folder of this name",
                fix="give another name, or a name inside this folder",
            )
        with _parents(target), _temporary(target) as temporary:
            yield temporary
            if not temporary.exists():
                raise OutputError(f"nothing was written to {target}", found="no file was made")
            _flush(temporary)
            os.replace(temporary, target)


@contextmanager
def atomic_folder(path: str | os.PathLike[str], *, marker: str = MARKER) -> Iterator[Path]:
    """Write a folder beside its place and move it there when it is complete.

    Parameters
    ----------
    path : path-like
        The wanted folder. An existing one is replaced as a whole, but only if it is empty or
        holds `marker`: a folder that somebody else filled is never deleted.
    marker : str
        Name of the file inside that proves the folder's origin; made if the caller does not.

    Yields
    ------
    Path
        A temporary, empty folder beside the target.

    Raises
    ------
    OutputError
        Read-only folder, full disk, a file where the folder should be, or a folder with foreign
        content. Whatever the error, the old folder stays and nothing is left beside it.
    """
    target = _real(path)
    with _translated(target):
        _require_replaceable(target, marker)
        with _parents(target), _temporary(target) as temporary:
            temporary.mkdir()
            yield temporary
            (temporary / marker).touch()
            _swap(temporary, target)


def require_space(path: Path, nbytes: int) -> None:
    """Make sure that a file of `nbytes` fits on the disk (and into a quota) before writing it.

    For writers that do not survive a full disk: HDF5 1.14 crashes the process when a file that
    could not be flushed is closed a second time, as h5netcdf does.

    Parameters
    ----------
    path : Path
        The temporary file that is going to be written; left empty.
    nbytes : int
        Its expected size.

    Raises
    ------
    OSError
        With ``ENOSPC`` or ``EDQUOT``; `atomic_file` turns it into an `OutputError`.
    """
    if not hasattr(os, "posix_fallocate"):
        if shutil.disk_usage(path.parent).free < nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return
    with open(path, "wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(1, nbytes))
        except OSError as error:
            if error.errno in _FULL:
                raise
            # Some network file systems cannot reserve: then writing itself has to tell.
        file.truncate(0)


def _swap(new: Path, target: Path) -> None:
    """Put `new` in the place of `target`; a folder cannot be replaced in one step if not empty."""
    old = _beside(target)
    had_old = target.exists()
    if had_old:
        os.rename(target, old)
    try:
        os.rename(new, target)
    except BaseException:
        if had_old:
            os.rename(old, target)
        raise
    if had_old:
        shutil.rmtree(old, ignore_errors=True)


def _require_replaceable(target: Path, marker: str) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(
            f"cannot write the folder {target}",
            expected="a folder or a name that is free",
            found="a file of this name",
            fix="choose another output folder, or move the file away",
        )
    names = sorted(entry.name for entry in target.iterdir())
    if names and marker not in names:
        raise OutputError(
            f"the output folder {target} holds files that were not written by socwidgets",
            expected="a new or empty folder, or the output of an earlier run",
            found=", ".join(names[:5]) + (" ..." if len(names) > 5 else ""),
            fix="choose another output folder, or empty this one",
        )


def _real(path: str | os.PathLike[str]) -> Path:
    # A link is followed, so that its target is replaced and the link stays.
    return Path(os.path.realpath(Path(path).expanduser()))


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.stem[:80]}-{uuid.uuid4().hex[:12]}.part{target.suffix}")


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    temporary = _beside(target)
    try:
        yield temporary
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def _parents(target: Path) -> Iterator[None]:
    """Make missing parent folders; take them away again if the body fails."""
    missing = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


def _flush(path: Path) -> None:
    """Have the content on the disk before the name points to it (a crash leaves no empty file)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    try:
        yield
    except SocwidgetsError:
        raise
    except OSError as error:
        if not _concerns(error, target):
            raise
        raise _output_error(error, target) from error


def _number(error: OSError) -> int | None:
    """Error number; HDF5 and zarr may give it in the text only."""
    found = re.search(r"errno = (\d+)", str(error))
    return int(found.group(1)) if error.errno is None and found else error.errno


def _concerns(error: OSError, target: Path) -> bool:
    """Whether `error` is about the output, and not about a file that the body wanted to read."""
    if _number(error) in _FULL:
        return True
    named = [Path(os.fsdecode(n)) for n in (error.filename, error.filename2) if _is_path(n)]
    return not named or any(_is_output(name, target) for name in named)


def _is_output(name: Path, target: Path) -> bool:
    """Whether `name` is the target, lies in it or in its temporary twin, or is a folder above."""
    if name == target or name in target.parents:
        return True
    twin = f".{target.stem[:80]}-"
    return any(
        part == target or (part.parent == target.parent and part.name.startswith(twin))
        for part in (name, *name.parents)
    )


def _is_path(name: object) -> bool:
    return isinstance(name, (str, bytes, os.PathLike))


def _output_error(error: OSError, target: Path) -> OutputError:
    number = _number(error)
    found = error.strerror or str(error)
    if number in _FULL:
        fix = "free some space or choose a folder on another disk"
        return OutputError(f"the disk is full: cannot write {target}", found=found, fix=fix)
    if number in _READ_ONLY:
        return OutputError(
            f"cannot write {target}",
            expected=f"a folder that may be written to: {target.parent}",
            found=found,
            fix="choose another folder, or change its permissions",
        )
    if number in _WRONG_TYPE:
        return OutputError(
            f"cannot write {target}",
            expected="folders all the way up to it",
            found=f"{found} ({error.filename})",
            fix="choose another place: a part of this path is a file, not a folder",
        )
    return OutputError(f"cannot write {target}", found=found, fix="choose another place")
