"""Compiled functions that only compiled code calls, called from a test."""

from collections.abc import Callable

from numba import njit


def through_door(inner: Callable) -> Callable:
    """Something that Python calls and that calls `inner` compiled; itself where numba is off."""
    return njit(lambda *args: inner(*args))
