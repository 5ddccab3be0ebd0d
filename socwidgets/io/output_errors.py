"""Errors of the operating system while writing, in words that a user can act on."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from socwidgets.model.errors import OutputError, SocwidgetsError

FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
_WRONG_TYPE = {errno.ENOTDIR, errno.EISDIR, errno.EEXIST}


@contextmanager
def translated(target: Path) -> Iterator[None]:
    """Turn system errors about the output `target` into an `OutputError`; pass others on."""
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
    if _number(error) in FULL:
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


def disk_full(text: str, target: Path) -> OutputError | None:
    """Error for the text of a system error of another process; None if no disk is full there."""
    found = re.search(r"\[?[Ee]rrno (?:= )?(\d+)", text)
    if found is None or int(found.group(1)) not in FULL:
        return None
    number = int(found.group(1))
    return _output_error(OSError(number, os.strerror(number)), target)


def _is_path(name: object) -> bool:
    return isinstance(name, (str, bytes, os.PathLike))


def _output_error(error: OSError, target: Path) -> OutputError:
    number = _number(error)
    found = error.strerror or str(error)
    if number in FULL:
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
