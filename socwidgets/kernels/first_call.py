"""A function that does nothing, to have numba load what it needs for calling any other."""

from __future__ import annotations

from socwidgets.kernels.doors import door


@door()
def call_nothing():
    """Do nothing."""
