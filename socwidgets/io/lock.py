"""One writer at a time for one output: a lock beside it that dies with its process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from socwidgets.model.errors import OutputError


@contextmanager
def output_lock(target: Path) -> Iterator[None]:
    """Hold the lock of an output while it is written.

    The lock is one of the operating system (``flock``, ``msvcrt.locking`` on Windows) on a hidden
    file beside the target, so that a process that is killed leaves nothing locked.

    Parameters
    ----------
    target : Path
        File or folder that is going to be written; its parent must exist.

    Raises
    ------
    OutputError
        If another process, or another thread of this one, is writing the same output.
    """
    path = target.with_name(f".{target.name[:80]}.lock")
    descriptor = _acquire(path, target)
    try:
        yield
    finally:
        # Removed while it is still held: whoever waits for this file finds that it is gone.
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _acquire(path: Path, target: Path) -> int:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            # It is the output that cannot be written; nobody has heard of the lock.
            raise type(error)(error.errno, error.strerror, str(target)) from None
        try:
            if not _try_lock(descriptor):
                raise _busy(path, target)
            # The file may have been removed by its last holder between opening and locking it.
            if path.exists() and os.path.samestat(os.fstat(descriptor), os.stat(path)):
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"process {os.getpid()}".encode())
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _busy(path: Path, target: Path) -> OutputError:
    holder = ""
    with suppress(OSError):
        holder = path.read_text(encoding="utf-8")
    return OutputError(
        f"another run is writing {target}",
        expected="one run at a time for one output",
        found=holder or "a lock that is held",
        fix="wait until it is done, or choose another output",
    )


def _try_lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Some network file systems have no locks: then two runs cannot be told apart, as before.
        return True
    return True
