"""Loading of large libraries without what they load in vain.

A first map spends most of its time on imports: an eighth of that on a garbage collector that is
called again and again by the many functions and classes that come into being to stay, and a quarter
on modules that nobody uses then.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

#: Tools for developers, which numpy itself loads when they are asked for.
_TOOLS = ("f2py", "testing")


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


class _Later(ModuleType):
    """A module that is loaded when something in it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


@contextmanager
def tools_put_off() -> Iterator[None]:
    """Load scipy without numpy's tools for developers, which take a tenth of a second.

    scipy takes all names of numpy over, and numpy loads these for it; nothing uses them there.
    """
    own = vars(np)
    late = {name: _Later(f"numpy.{name}") for name in _TOOLS if name not in own}
    own.update(late)
    try:
        yield
    finally:
        for name, module in late.items():
            # What was loaded after all is in its place already.
            if own.get(name) is module:
                del own[name]


@cache
def load_array_libraries() -> None:
    """Load what xarray loads with its first array and its first coordinate."""
    from xarray import IndexVariable

    with collection_paused():
        _put_dask_off()
        IndexVariable("x", [0])


def _put_dask_off() -> None:
    """Have xarray leave dask's arrays alone as long as there are none.

    To know whether an array is one of dask's, xarray loads `dask.array` wherever it is installed
    (0.2 s); but as long as nobody has loaded it, no array can be. Where xarray keeps its knowledge
    elsewhere than it did in 2026, it loads dask as ever.
    """
    try:
        from xarray.namedarray.pycompat import DuckArrayModule, _cached_duck_array_modules
    except ImportError:
        return

    class Dask(DuckArrayModule):
        """dask as xarray sees it, loaded when anything but the type of its arrays is asked for."""

        def __init__(self) -> None:
            """Load nothing."""

        @property
        def type(self) -> tuple[Any, ...]:  # type: ignore[override]
            """Types of dask's arrays, of which there are none before they are loaded."""
            array = getattr(sys.modules.get("dask.array"), "Array", None)
            return () if array is None else (array,)

        def __getattr__(self, name: str) -> Any:
            return getattr(DuckArrayModule("dask"), name)

    _cached_duck_array_modules.setdefault("dask", Dask())
