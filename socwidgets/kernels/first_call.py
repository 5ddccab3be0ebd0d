"""A function that does nothing, to have numba load what it needs for calling any other."""

from __future__ import annotations

from numba import njit


@njit(nogil=True, cache=True)
def call_nothing():
    """Do nothing."""
