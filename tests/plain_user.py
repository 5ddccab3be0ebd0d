"""Permissions that count: the superuser of a container may read and write everything."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION_3 = 0x20080522
#: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what lets root pass by the modes of files.
_BY_THE_MODES = (1 << 1) | (1 << 2)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@contextmanager
def modes_count() -> Iterator[None]:
    """For this thread the modes of files count, also if it is the superuser's.

    The two abilities of Linux that pass by them are laid down and taken up again; for everybody
    else nothing changes.
    """
    if os.geteuid() != 0:
        yield
        return
    system = ctypes.CDLL(None, use_errno=True)
    header, data = _Header(_VERSION_3, 0), (_Data * 2)()

    def call(function: str) -> None:
        if getattr(system, function)(ctypes.byref(header), ctypes.byref(data)):
            raise OSError(ctypes.get_errno(), f"{function} failed")

    call("capget")
    before = data[0].effective
    data[0].effective = before & ~_BY_THE_MODES
    call("capset")
    try:
        yield
    finally:
        data[0].effective = before
        call("capset")
