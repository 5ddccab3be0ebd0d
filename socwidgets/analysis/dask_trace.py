"""Which part of which array on disk a chunk of a dask array is, where it is nothing else."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any


def traced(layers: Mapping[Any, Any], key: Any) -> tuple[Any, tuple[slice, ...]] | None:
    """Array and slices of a chunk; None if something is calculated on the way.

    Parameters
    ----------
    layers : mapping
        Layers of a task graph that was not optimized: fused tasks do not show what they do.
    key : tuple or str
        The chunk.
    """
    from dask.array.chunk import getitem
    from dask.array.core import getter

    task = _task(layers, key)
    alias = getattr(task, "target", None)
    if alias is not None:
        return traced(layers, alias)
    places: tuple[Any, ...] = getattr(task, "args", ())
    if len(places) != 2:
        return None
    origin, index = getattr(places[0], "key", None), getattr(places[1], "value", places[1])
    if not _plain(index):
        return None
    if getattr(task, "func", None) is getter:
        array = _task(layers, origin)
        array = getattr(array, "value", array)
        bounded = array is not None and all(p.start is not None for p in index)
        return (array, index) if bounded else None
    if getattr(task, "func", None) not in (getitem, operator.getitem):
        return None
    inner = traced(layers, origin)
    if inner is None:
        return None
    array, part = inner
    return array, tuple(within(p, i) for p, i in zip(part, index, strict=True))


def _task(layers: Mapping[Any, Any], key: Any) -> Any:
    """What makes a key, from the layer that has its name."""
    layer = layers.get(key[0] if isinstance(key, tuple) else key)
    if layer is None:
        return None
    try:
        return layer[key]
    except KeyError:
        return None


def within(part: slice, inside: slice) -> slice:
    """A part of a part; bounds that are not given are those of the outer one."""
    stop = part.stop if inside.stop is None else part.start + inside.stop
    return slice(part.start + (inside.start or 0), min(stop, part.stop))


def _plain(index: Any) -> bool:
    return isinstance(index, tuple) and all(
        isinstance(part, slice)
        and part.step in (None, 1)
        and min(part.start or 0, part.stop or 0) >= 0
        for part in index
    )
