"""From what a file holds to a valid stack: axes checked, units kept, pixel size or none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.io.columns import read_table
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.names import LENGTH_UNITS, QUANTITY, SIGNAL, SPECTRAL_AXES, X, Y
from socwidgets.model.stack import parse_stack
from socwidgets.model.units import factor


def read_energies(source: Any) -> np.ndarray:
    """Energies from an array, or from the first column of a text file.

    Parameters
    ----------
    source : path or array_like
        Where they come from. A column that the header calls ``energy`` goes before the first one.

    Returns
    -------
    ndarray
        ``(energy,)``, in the file's own unit (the model recognizes and reports keV).

    Raises
    ------
    ReadError
        The file is missing, unreadable or holds no numbers.
    ParameterError
        The argument is neither a path nor numbers.
    """
    if isinstance(source, (str, os.PathLike)):
        table = read_table(Path(source).expanduser())
        names = [name.lower() for name in table.names]
        at = next((i for i, name in enumerate(names) if name.startswith("energy")), 0)
        return table.values[:, at]
    try:
        return np.asarray(source, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise ParameterError(
            "energies were not understood",
            expected="an array of numbers or the path of a text file",
            found=type(source).__name__,
        ) from None


def check_axis(values: np.ndarray, count: int, *, what: str, frames: str = "frames") -> None:
    """Check that a spectral axis fits the frames and is strictly monotonic.

    Parameters
    ----------
    values : ndarray
        ``(energy,)``.
    count : int
        Number of frames.
    what : str
        How the message calls the axis, for instance ``"the energy list energies.txt"``.

    Raises
    ------
    DataError
        Wrong length, values that are not finite, repeated or not in order.
    """
    if values.size != count:
        raise DataError(
            f"{what} does not fit the {frames}",
            expected=f"{count} values, one for each of the {count} {frames}",
            found=f"{values.size} values",
            fix="use the list that was recorded with this stack, or remove the frames that have "
            "no value",
        )
    if not np.isfinite(values).all():
        raise DataError(
            f"{what} holds values that are not finite",
            expected="numbers only",
            found=f"{np.count_nonzero(~np.isfinite(values))} of {values.size} are NaN or infinite",
            fix="correct the list",
        )
    steps = np.diff(values)
    if np.any(steps == 0):
        repeated = values[1:][steps == 0]
        raise DataError(
            f"{what} holds duplicate values",
            expected="strictly monotonic values",
            found=f"{repeated.size} repeated, first {', '.join(f'{v:g}' for v in repeated[:5])}",
            fix="average or remove the repeated frames and their values",
        )
    if steps.size and not (np.all(steps > 0) or np.all(steps < 0)):
        wrong = steps < 0 if np.count_nonzero(steps < 0) <= steps.size / 2 else steps > 0
        first = int(np.argmax(wrong))
        raise DataError(
            f"{what} is not monotonic",
            expected="values that only rise or only fall",
            found=f"{values[first]:g} is followed by {values[first + 1]:g} (position {first + 1})",
            fix="sort the frames with their values, or split the file into its scans",
        )


def axis_um(values: Any, units: str | None, name: str, size: int) -> np.ndarray:
    """Pixel centers of one spatial axis in um.

    Raises
    ------
    DataError
        Wrong length or not strictly monotonic.
    UnitError
        Units that are no length.
    """
    axis = np.asarray(values, dtype=np.float64).ravel()
    check_axis(axis, size, what=f"the {name} axis", frames=f"pixels along {name}")
    return axis * factor(units, LENGTH_UNITS) if units else axis


def spectral_name(dim: str) -> str:
    """Check the name of a spectral dimension."""
    if dim not in SPECTRAL_AXES:
        raise ParameterError(
            f"unknown spectral axis {dim!r}",
            expected=f"one of {', '.join(SPECTRAL_AXES)}",
            found=dim,
        )
    return dim


def guess_quantity(dtype: Any) -> str:
    """Whole numbers are counts; of other numbers a file does not say what they are."""
    return "counts" if np.issubdtype(np.dtype(dtype), np.integer) else "intensity"


def assemble(
    signal: Any,
    energies: np.ndarray,
    *,
    dim: str = "energy",
    units: str | None = None,
    quantity: str | None = None,
    y: np.ndarray | None = None,
    x: np.ndarray | None = None,
    pixel_um: float | tuple[float, float] | None = None,
    what: str = "the energy list",
    extras: Mapping[str, xr.Variable] | None = None,
    attrs: dict[str, Any] | None = None,
) -> xr.Dataset:
    """Build a valid stack from what a reader found.

    Parameters
    ----------
    signal : numpy or dask array
        ``(spectral, y, x)``.
    energies : ndarray
        ``(spectral,)`` in `units`.
    dim, units, quantity
        Name and units of the spectral axis; quantity of the signal (guessed from its type).
    y, x : ndarray, optional
        Pixel centers in um.
    pixel_um : float or (float, float), optional
        Pixel size where there are no axes; without both the coordinates count pixels and carry
        the unit ``pixel``, so that nobody takes them for micrometers.
    what : str
        Where the energies come from, for error messages.
    extras : mapping of str to Variable, optional
        Further variables, in the order of the file; they are sorted together with the signal.
    attrs : dict, optional
        Further attributes of the stack.

    Raises
    ------
    DataError, SchemaError, UnitError
        With what is wrong.
    """
    dim = spectral_name(dim)
    check_axis(np.asarray(energies), signal.shape[0], what=what)
    sizes = _pixel_pair(pixel_um) if pixel_um is not None else None
    coords = {dim: (dim, np.asarray(energies), {"units": units} if units else {})}
    for place, (name, axis) in enumerate(((Y, y), (X, x))):
        step, unit = (sizes[place], LENGTH_UNITS) if sizes else (1.0, "pixel")
        centers = np.arange(signal.shape[1 + place]) * step if axis is None else axis
        coords[name] = (name, centers, {"units": unit if axis is None else LENGTH_UNITS})
    variables = {SIGNAL: ((dim, Y, X), signal), **(extras or {})}
    kind = quantity or guess_quantity(signal.dtype)
    return parse_stack(xr.Dataset(variables, coords, {QUANTITY: kind, **(attrs or {})}))


def _pixel_pair(size: Any) -> tuple[float, float]:
    try:
        pair = (float(size),) * 2 if isinstance(size, (int, float)) else tuple(map(float, size))
        if len(pair) != 2 or not all(value > 0 for value in pair):
            raise ValueError
    except (TypeError, ValueError):
        raise ParameterError(
            "pixel_um has the wrong value",
            expected="a positive size in um, or a pair of them (along y, along x)",
            found=repr(size),
        ) from None
    return pair[0], pair[1]
