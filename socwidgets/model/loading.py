"""Loading of large libraries without the search for garbage, which finds none then.

A first map spends most of its time on imports, and an eighth of that on a garbage collector that
is called again and again by the many functions and classes that come into being to stay.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def collection_paused() -> Iterator[None]:
    """Do something that makes many objects to stay, without garbage collection.

    Afterwards they count as old ones: a search among the young, which would come at once, passes
    them by, and the next one among all objects finds what is garbage.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count() == 0:
            gc.freeze()
            gc.unfreeze()
        gc.enable()


@cache
def load_array_libraries() -> None:
    """Load what xarray loads with its first array: dask, wherever it is installed."""
    from xarray import Variable

    with collection_paused():
        Variable("x", [0])
