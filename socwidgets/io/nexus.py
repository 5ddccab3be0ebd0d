"""Finding the stack in an HDF5 or NeXus file: NXdata by itself, or the paths a user gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from socwidgets.model.errors import DataError, ReadError

_LISTED = 40


@dataclass(frozen=True, slots=True)
class Found:
    """Where a signal lies, and what its group says of its axes.

    Attributes
    ----------
    signal : str
        Path of the dataset.
    axes : tuple of (str or None)
        Path of the dataset for each dimension of the signal, None where the file says nothing.
    """

    signal: str
    axes: tuple[str | None, ...]


def find_signal(file: Any, path: Path, signal: str | None) -> Found:
    """Find the signal dataset and its axes.

    Parameters
    ----------
    file : h5py.File
        The open file.
    path : Path
        Its path, for messages.
    signal : str, optional
        Path of a dataset or of an NXdata group. Without it: the ``default`` attributes are
        followed from the root (NXroot, NXentry, NXdata); else the only NXdata with a signal of
        three dimensions is taken. The signal of an NXdata is named by its ``signal`` attribute,
        or is the dataset with the attribute ``signal=1`` (NeXus before 2014).

    Raises
    ------
    ReadError
        Nothing, or several things, fit; lists the datasets of the file with their shapes.
    """
    import h5py

    if signal is not None:
        if signal not in file:
            raise no_stack(file, path, f"there is no {signal!r} in {path.name}")
        chosen = file[signal]
        if isinstance(chosen, h5py.Dataset):
            return Found(chosen.name, _axes(chosen.parent, chosen))
        found = _signal_of(chosen)
        if found is None:
            raise no_stack(file, path, f"the group {signal!r} of {path.name} names no signal")
        return Found(found.name, _axes(chosen, found))
    default = _follow_default(file)
    candidates = [(group, data) for group, data in _data_groups(file) if _dims(data) == 3]
    if default is not None and (data := _signal_of(default)) is not None and _dims(data) == 3:
        candidates = [(default, data)]
    if len(candidates) == 1:
        group, data = candidates[0]
        return Found(data.name, _axes(group, data))
    if candidates:
        names = ", ".join(data.name for _, data in candidates)
        raise no_stack(file, path, f"{path.name} holds several stacks: {names}")
    raise no_stack(file, path, f"no stack was found in {path.name}")


def _dims(data: Any) -> int:
    """Number of dimensions that are longer than one pixel or frame."""
    return max(sum(size > 1 for size in data.shape), 3 if len(data.shape) == 3 else 0)


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    return value.decode() if isinstance(value, bytes) else str(value)


def _follow_default(file: Any) -> Any:
    import h5py

    group = file
    for _ in range(8):
        name = _text(group.attrs.get("default", ""))
        if not name or name not in group or not isinstance(group[name], h5py.Group):
            break
        group = group[name]
    return group if _text(group.attrs.get("NX_class", "")) == "NXdata" else None


def _data_groups(file: Any) -> Iterator[tuple[Any, Any]]:
    import h5py

    groups: list[Any] = [file]
    file.visititems(lambda _, obj: groups.append(obj) if isinstance(obj, h5py.Group) else None)
    for group in groups:
        data = _signal_of(group)
        if data is not None:
            yield group, data


def _signal_of(group: Any) -> Any:
    """Signal dataset of a group by its attributes, or None."""
    import h5py

    name = _text(group.attrs.get("signal", ""))
    if name and name in group and isinstance(group[name], h5py.Dataset):
        return group[name]
    for item in group.values():
        legacy = isinstance(item, h5py.Dataset) and _text(item.attrs.get("signal", "")) == "1"
        if legacy:
            return item
    return None


def _axes(group: Any, data: Any) -> tuple[str | None, ...]:
    """Axis dataset of each dimension: ``axes`` of the group, of the signal, or ``axis=n``."""
    import h5py

    rank = len(data.shape)
    stated = group.attrs.get("axes", data.attrs.get("axes"))
    if stated is not None:
        names = [_text(item) for item in np.atleast_1d(stated)]
        if len(names) == 1:
            names = names[0].strip("[]").replace(",", ":").split(":")
        names = [name.strip() for name in names]
        # ``axes`` may list fewer names than dims; <name>_indices then says which dim each has.
        result: list[str | None] = [None] * rank
        for place, name in enumerate(names):
            where = group.attrs.get(f"{name}_indices", place)
            index = int(np.atleast_1d(where)[0])
            if index < rank and name in group and isinstance(group[name], h5py.Dataset):
                result[index] = group[name].name
        return tuple(result)
    legacy: list[str | None] = [None] * rank
    for item in group.values():
        if isinstance(item, h5py.Dataset) and "axis" in item.attrs and item.ndim == 1:
            number = _text(item.attrs["axis"])
            if number.isdecimal() and 1 <= int(number) <= rank:
                legacy[int(number) - 1] = item.name
    return tuple(legacy)


def list_datasets(file: Any) -> list[Any]:
    """All datasets of a file, in the order of their paths."""
    import h5py

    found: list[Any] = []
    file.visititems(lambda _, obj: found.append(obj) if isinstance(obj, h5py.Dataset) else None)
    return found


def no_stack(file: Any, path: Path, problem: str) -> ReadError:
    """Error that lists the datasets of the file, with a suggestion where one is evident."""
    datasets = list_datasets(file)
    lines = [f"{d.name} {tuple(d.shape)} {d.dtype}" for d in datasets[:_LISTED]]
    if len(datasets) > _LISTED:
        lines.append(f"... and {len(datasets) - _LISTED} more")
    cubes = [d for d in datasets if d.ndim == 3 and d.dtype.kind in "iuf"]
    fix = "name the datasets: signal='/path/to/cube', energy='/path/to/energies'"
    if not cubes:
        fix = "this file may hold no image stack: choose another file"
    elif len(cubes) == 1:
        lists = [d for d in datasets if d.ndim == 1 and d.size in cubes[0].shape]
        lists = [d for d in lists if "energ" in d.name.lower()] or lists
        energy = lists[0].name if len(lists) == 1 else "/path/to/energies"
        fix = f"try signal={cubes[0].name!r}, energy={energy!r}"
    return ReadError(
        problem,
        expected="an NXdata group with a three-dimensional signal, or the paths of the datasets",
        found="\n    " + "\n    ".join(lines) if lines else "a file without datasets",
        fix=fix,
    )


def require_dataset(file: Any, path: Path, name: str, what: str) -> Any:
    """Return the dataset `name`.

    Raises
    ------
    ReadError
        If there is none; lists what there is.
    """
    import h5py

    if name not in file or not isinstance(file[name], h5py.Dataset):
        raise no_stack(file, path, f"{what}={name!r} is no dataset in {path.name}")
    return file[name]


def spectral_place(
    shape: tuple[int, ...],
    axes: tuple[str | None, ...],
    energy: str | None,
    count: int | None,
    axis: int | None,
    known: tuple[str, ...],
) -> int:
    """Which dimension of the signal is the spectral one.

    Decided by, in this order: `axis`; the axes attribute that names `energy`, or a name that says
    energy or another spectral axis; the only dimension of length `count`.

    Raises
    ------
    DataError
        No dimension fits, or several do.
    """
    if axis is not None:
        if not -len(shape) <= axis < len(shape):
            raise DataError(
                "axis does not name a dimension of the signal",
                expected=f"0 to {len(shape) - 1}",
                found=str(axis),
            )
        return axis % len(shape)
    for place, name in enumerate(axes):
        last = (name or "").rsplit("/", 1)[-1].lower()
        if name and (name == energy or "energ" in last or last in known):
            return place
    fitting = [place for place, size in enumerate(shape) if size == count]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise DataError(
            "the energies do not fit the signal",
            expected=f"as many energies as one dimension of the signal {shape} is long",
            found=f"{count} energies",
            fix="name the right datasets with signal= and energy=",
        )
    raise DataError(
        "it is not clear which dimension of the signal is the spectral one",
        expected="one dimension that is as long as the energies",
        found=f"signal of shape {shape}, {count} energies: dimensions "
        f"{' and '.join(map(str, fitting))} fit",
        fix=f"pass axis={fitting[0]} or axis={fitting[-1]}",
    )
