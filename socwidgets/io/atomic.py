"""Files and folders that appear complete or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from socwidgets.io.lock import output_lock
from socwidgets.io.output_errors import FULL, translated
from socwidgets.model.errors import OutputError

#: Hidden file that says: this folder was written by the suite and may be replaced by it.
MARKER = ".socwidgets"


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
    with translated(target):
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
        The wanted folder. An existing one is replaced, but only if it is empty or holds `marker`:
        a folder that somebody else filled is never touched. What a person has put into an earlier
        output since is carried over.
    marker : str
        Name of the file inside that proves the folder's origin. The suite's own lists what was
        written; with one that the caller writes (a format's own file) nothing is carried over.

    Yields
    ------
    Path
        A temporary, empty folder beside the target.

    Raises
    ------
    OutputError
        Read-only folder, full disk, a file where the folder should be, a folder with foreign
        content, or one that another run is writing. Whatever the error, the old folder stays and
        nothing is left beside it.
    """
    target = _real(path)
    with translated(target):
        _require_replaceable(target, marker)
        with _parents(target), output_lock(target), _temporary(target) as temporary:
            temporary.mkdir()
            yield temporary
            _sign(temporary, marker)
            _carry_over(target, temporary, marker)
            _swap(temporary, target)


def _sign(folder: Path, marker: str) -> None:
    """List in the marker what this run wrote, so that the next one knows what is not its own."""
    if (folder / marker).exists():
        return
    names = sorted(entry.name for entry in folder.iterdir() if entry.name != marker)
    (folder / marker).write_text(json.dumps(names), encoding="utf-8")


def _carry_over(old: Path, new: Path, marker: str) -> None:
    """Copy what a person has added to an earlier output, unless the new one has that name too."""
    if marker != MARKER or not (old / marker).is_file():
        return
    try:
        written = set(json.loads((old / marker).read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        written = set()
    for entry in old.iterdir():
        if entry.name in written or (new / entry.name).exists():
            continue
        if entry.is_dir():
            shutil.copytree(entry, new / entry.name, symlinks=True)
        else:
            shutil.copy2(entry, new / entry.name, follow_symlinks=False)


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
            if error.errno in FULL:
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
