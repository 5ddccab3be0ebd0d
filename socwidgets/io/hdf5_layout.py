"""The datasets of one HDF5 file that make a stack, put into the order of the model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.io.assemble import axis_um, read_energies
from socwidgets.io.hdf5_source import DatasetSource
from socwidgets.io.lazy import as_array, content_name, read_whole, require_dask, wants_lazy
from socwidgets.io.nexus import Found, no_stack, require_dataset, spectral_place
from socwidgets.model.errors import DataError
from socwidgets.model.names import DARK, I0, SPECTRAL_AXES, X, Y

FLAT = "flat"


class StackLayout:
    """The datasets of one open file that make a stack."""

    def __init__(self, file: Any, path: Path, found: Found, y: str | None, x: str | None) -> None:
        self._file, self._path, self._found = file, path, found
        self._signal = file[found.signal]
        self._given = {Y: y, X: x}
        self._order: tuple[int, ...] = ()
        keep = [i for i, size in enumerate(self._signal.shape) if size != 1]
        # Leading or trailing dims of one element say nothing, as long as three remain.
        rank = len(self._signal.shape)
        self._dims = keep if len(keep) == 3 else list(range(rank))
        if len(self._dims) != 3 or self._signal.dtype.kind not in "iuf":
            raise no_stack(
                file, path, f"{found.signal} of shape {self._signal.shape} is no image stack"
            )

    def _axis(self, place: int) -> str | None:
        return self._found.axes[self._dims[place]]

    def energies(self, energy: Any, energies: Any) -> tuple[np.ndarray, str | None, str]:
        """Spectral values, their units, and what to call them."""
        if energies is not None:
            return read_energies(energies), None, "the energy list"
        if energy is not None and not isinstance(energy, (str, os.PathLike)):
            return read_energies(energy), None, "the energy list"
        name = str(energy) if energy is not None else self._spectral_axis()
        dataset = require_dataset(self._file, self._path, name, "energy")
        if dataset.dtype.kind not in "iuf":
            raise DataError(
                f"{name} holds no numbers", expected="energies", found=str(dataset.dtype)
            )
        return np.asarray(dataset[()], np.float64).ravel(), _units(dataset), f"the axis {name}"

    def _spectral_axis(self) -> str:
        names = [self._axis(place) for place in range(3)]
        for name in names:
            last = (name or "").rsplit("/", 1)[-1].lower()
            if name and ("energ" in last or last in SPECTRAL_AXES):
                return name
        raise no_stack(
            self._file,
            self._path,
            f"{self._path.name} does not say which dataset holds the energies of "
            f"{self._found.signal}",
        )

    def order(self, count: int, energy: Any, axis: int | None) -> tuple[int, int, int]:
        """Dimensions of the signal (among the three that count) as spectral, y, x."""
        shape = tuple(self._signal.shape[place] for place in self._dims)
        names = tuple(self._axis(place) for place in range(3))
        absolute = f"/{energy.strip('/')}" if isinstance(energy, str) else None
        spectral = spectral_place(shape, names, absolute, count, axis, tuple(SPECTRAL_AXES))
        first, second = (place for place in range(3) if place != spectral)
        if _says(names[first], X) and not _says(names[second], X):
            first, second = second, first
        self._order = (spectral, first, second)
        return spectral, first, second

    def dim(self, spectral: int) -> str:
        """Spectral dim that the name of the axis says, else energy."""
        last = (self._axis(spectral) or "").rsplit("/", 1)[-1].lower()
        return last if last in SPECTRAL_AXES else "energy"

    def array(self, order: tuple[int, int, int], lazy: bool | None) -> Any:
        """Signal as ``(spectral, y, x)``, numpy or dask."""
        source = DatasetSource(self._path, self._signal)
        nbytes = int(np.prod(source.shape, dtype=np.int64)) * source.dtype.itemsize
        if wants_lazy(nbytes, lazy):
            require_dask(nbytes)
            chunks = source.pieces(self._signal.chunks, self._dims[order[0]])
            name = content_name(self._path, self._found.signal)
            array = as_array(source, name, True, chunks)
        else:
            rows = self._signal.chunks[0] if self._signal.chunks else 1
            array = read_whole(self._signal.__getitem__, source.shape, source.dtype, rows)
        array = array.reshape([array.shape[place] for place in self._dims])
        return array.transpose(order)

    def space(self, name: str, place: int, sizes: tuple[int, ...]) -> np.ndarray | None:
        """Pixel centers along y or x in um, or None where the file does not say."""
        given = self._given[name]
        path = given or self._axis(self._order[place])
        if path is None:
            return None
        dataset = require_dataset(self._file, self._path, path, name)
        if given is None and (dataset.size != sizes[place] or dataset.dtype.kind not in "iuf"):
            return None
        return axis_um(dataset[()], _units(dataset), name, sizes[place])

    def incident(self, i0: Any, dim: str, sizes: tuple[int, ...]) -> dict[str, xr.Variable]:
        """Incident intensity as a variable."""
        if i0 is None or i0 is False:
            return {}
        if isinstance(i0, str):
            values = np.asarray(require_dataset(self._file, self._path, i0, I0)[()], float)
        else:
            values = np.asarray(i0, float)
        values = np.squeeze(values) if values.ndim != 3 else self._ordered(values, sizes)
        if values.shape not in (sizes[:1], sizes):
            raise _misfit(I0, values.shape, sizes)
        dims = (dim,) if values.ndim == 1 else (dim, Y, X)
        return {I0: xr.Variable(dims, values, {"long_name": "Incident intensity"})}

    def frames(
        self, flat: str | None, dark: str | None, dim: str, sizes: tuple[int, ...]
    ) -> dict[str, xr.Variable]:
        """Flat and dark frames as variables."""
        found = {}
        for name, path in ((FLAT, flat), (DARK, dark)):
            if path is None:
                continue
            dataset = require_dataset(self._file, self._path, path, name)
            values = np.asarray(dataset[()], np.float64)
            if values.ndim == 3:
                values = self._ordered(values, sizes)
            if values.ndim not in (2, 3) or values.shape[-2:] != sizes[1:]:
                raise _misfit(name, values.shape, sizes)
            if values.ndim == 3 and name == DARK:
                values = values.mean(axis=0)
            if values.ndim == 2:
                found[name] = xr.Variable((Y, X), values)
            elif values.shape == sizes:
                found[I0] = xr.Variable((dim, Y, X), values, {"long_name": "Flat field"})
            else:
                found[name] = xr.Variable((f"{name}_frame", Y, X), values)
        return found

    def _ordered(self, values: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
        """Bring frames that lie in the file like the signal into the order spectral, y, x."""
        moved = values.transpose(self._order) if self._order else values
        return moved if moved.shape[-2:] == sizes[1:] else values


def _units(dataset: Any) -> str | None:
    value = dataset.attrs.get("units")
    if value is None:
        return None
    text = value.decode() if isinstance(value, bytes) else str(value)
    return text.strip() or None


def _says(path: str | None, name: str) -> bool:
    """Whether the last part of a path names the spatial axis, as in ``sample_x`` or ``x``."""
    last = (path or "").rsplit("/", 1)[-1].lower()
    return last == name or last.endswith((f"_{name}", f"-{name}")) or last.startswith(f"{name}_")


def _misfit(name: str, found: tuple[int, ...], sizes: tuple[int, ...]) -> DataError:
    return DataError(
        f"{name} does not fit the stack",
        expected=f"frames of {sizes[1:]}"
        if name != I0
        else f"shape {sizes[:1]} or {sizes} (energy, y, x)",
        found=f"shape {found}",
        fix=f"check the path given as {name}=",
    )
