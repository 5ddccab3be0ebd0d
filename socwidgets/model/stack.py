"""Schema of a stack: coerce, then validate."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError, SchemaError
from socwidgets.model.loading import load_array_libraries
from socwidgets.model.names import (
    FLAT,
    I0,
    LABELS,
    LENGTH_UNITS,
    QUANTITY,
    SIGNAL,
    SIGNAL_STD,
    VALID,
    X,
    Y,
    spectral_dim,
)
from socwidgets.model.spectral_axis import axis_problems, coerce_spectral, in_order
from socwidgets.model.units import factor

QUANTITIES = ("counts", "optical_density", "intensity", "normalized")


def make_stack(
    signal: Any,
    spectral_values: np.ndarray,
    *,
    dim: str = "energy",
    units: str | None = None,
    quantity: str = "counts",
    pixel_um: float | tuple[float, float] = 1.0,
    y: np.ndarray | None = None,
    x: np.ndarray | None = None,
    signal_std: Any = None,
    **attrs: Any,
) -> xr.Dataset:
    """Build a valid stack from arrays.

    Parameters
    ----------
    signal : array_like
        ``(spectral, y, x)``; counts, optical density or intensity. numpy or dask.
    spectral_values : ndarray
        ``(spectral,)``; strictly monotonic. Photon energies given in keV are converted to eV.
    dim : str
        Name of the spectral dimension, one of `SPECTRAL_AXES`.
    units : str, optional
        Units of `spectral_values`; the axis's own if left out.
    quantity : {"counts", "optical_density", "intensity", "normalized"}
        What the signal is.
    pixel_um : float or (float, float)
        Pixel size in um, or sizes along y and x; ignored for an axis given explicitly.
    y, x : ndarray, optional
        Pixel centers in um.
    signal_std : array_like, optional
        ``(spectral, y, x)`` standard uncertainty of the signal, or a number for all of it.
    **attrs
        Flat, JSON-able attributes of the stack.

    Returns
    -------
    xarray.Dataset
        ``signal`` ``(spectral, y, x)`` with its coordinates in eV and um.

    Raises
    ------
    SchemaError, DataError, UnitError
        With every problem found.
    """
    load_array_libraries()
    shape = np.shape(signal)
    if len(shape) != 3:
        problem = ("signal", f"has {len(shape)} dimensions: {shape}")
        raise SchemaError("stack", [problem], fix=f"give an array of shape ({dim}, y, x)")
    size = np.size(spectral_values)
    if shape[0] != size:
        swapped = [place for place in (1, 2) if shape[place] == size]
        raise SchemaError(
            "stack",
            [("signal", f"shape {shape}, but {size} spectral values for its first axis")],
            fix=f"the spectral axis comes first: np.moveaxis(signal, {swapped[0]}, 0)"
            if swapped
            else "give one spectral value per frame",
        )
    step_y, step_x = (pixel_um, pixel_um) if np.isscalar(pixel_um) else pixel_um  # type: ignore[misc]
    coords = {
        dim: (dim, np.ravel(spectral_values), {"units": units} if units else {}),
        Y: (Y, np.arange(shape[1]) * step_y if y is None else np.asarray(y, float)),
        X: (X, np.arange(shape[2]) * step_x if x is None else np.asarray(x, float)),
    }
    held = {SIGNAL: ((dim, Y, X), signal)}
    if signal_std is not None:
        held[SIGNAL_STD] = ((dim, Y, X), _of_shape(signal_std, shape))
    dataset = xr.Dataset(held, coords, {QUANTITY: quantity, **attrs})
    return parse_stack(dataset)


def _of_shape(std: Any, shape: tuple[int, ...]) -> Any:
    """Standard uncertainties as they are, or one number for all samples."""
    if np.ndim(std) == 0:
        return np.full(shape, float(std), np.float32)
    if np.shape(std) != shape:
        problem = (SIGNAL_STD, f"shape {np.shape(std)}, but a signal of shape {shape}")
        raise SchemaError("stack", [problem], fix="give one number, or one for each sample")
    return std


def parse_stack(stack: xr.Dataset) -> xr.Dataset:
    """Coerce a dataset to the stack schema and validate it.

    Sorts a decreasing spectral axis, converts keV, fills in units and long names, orders the dims
    as ``(..., spectral, y, x)``. Values of the signal are not read or changed.

    Raises
    ------
    SchemaError
        Listing every ``(location, message)``.
    """
    if not isinstance(stack, xr.Dataset) or SIGNAL not in stack:
        found = sorted(map(str, stack.data_vars)) if isinstance(stack, xr.Dataset) else type(stack)
        raise SchemaError(
            "stack",
            [("variables", f"no {SIGNAL!r} among {found}")],
            fix="build it with make_stack or read it with open_stack",
        )
    dim = spectral_dim(stack[SIGNAL])
    stack = coerce_spectral(stack, dim)
    stack = _coerce_space(stack)
    stack.attrs.setdefault(QUANTITY, "intensity")
    validate_stack(stack)
    lead = [d for d in stack[SIGNAL].dims if d not in (dim, Y, X)]
    return stack.transpose(..., *lead, dim, Y, X, missing_dims="ignore")


def _coerce_space(stack: xr.Dataset) -> xr.Dataset:
    for dim, name in ((Y, "Vertical position"), (X, "Horizontal position")):
        if dim in stack.dims:
            coord = stack[dim] if dim in stack.coords else xr.DataArray(np.arange(stack.sizes[dim]))
            stated = str(coord.attrs.get("units", LENGTH_UNITS))
            scale = 1.0 if stated == "pixel" else factor(stated, LENGTH_UNITS)
            values = np.asarray(coord.values, dtype=np.float64) * scale
            attrs = {"long_name": name, **coord.attrs}
            attrs["units"] = "pixel" if stated == "pixel" else LENGTH_UNITS
            stack = stack.assign_coords({dim: (dim, values, attrs)})
    return stack


def validate_stack(stack: xr.Dataset) -> None:
    """Check a stack against the schema without changing it.

    Raises
    ------
    SchemaError
        Listing every ``(location, message)``.
    """
    if not isinstance(stack, xr.Dataset) or SIGNAL not in stack:
        found = list(map(str, stack)) if isinstance(stack, xr.Dataset) else type(stack).__name__
        raise SchemaError(
            "stack",
            [(SIGNAL, f"is missing: found {found}")],
            fix="give the stack itself, not a map or an array; make_stack makes one of an array",
        )
    dim = spectral_dim(stack[SIGNAL])
    problems = axis_problems(stack, dim)
    disorder = problems and dim in stack.coords and np.isfinite(stack[dim].values).all()
    fix = in_order(dim) if disorder else "build it with make_stack or open_stack"
    for axis in (Y, X):
        if axis not in stack[SIGNAL].dims:
            problems.append(("signal", f"has no dimension {axis!r}"))
    if stack.attrs.get(QUANTITY) not in QUANTITIES:
        problems.append((f"attrs[{QUANTITY!r}]", f"{stack.attrs.get(QUANTITY)!r} is unknown"))
    if not np.issubdtype(stack[SIGNAL].dtype, np.number) or stack[SIGNAL].dtype.kind == "c":
        problems.append(("signal", f"dtype {stack[SIGNAL].dtype} is not a real number"))
    if SIGNAL_STD in stack and set(stack[SIGNAL_STD].dims) != set(stack[SIGNAL].dims):
        problems.append((SIGNAL_STD, f"dims {stack[SIGNAL_STD].dims} differ from the signal's"))
    if VALID in stack and stack[VALID].dtype != bool:
        problems.append((VALID, f"dtype {stack[VALID].dtype} is not bool"))
    if LABELS in stack and not np.issubdtype(stack[LABELS].dtype, np.integer):
        problems.append((LABELS, f"dtype {stack[LABELS].dtype} is not an integer"))
    for name, variable in stack.variables.items():
        # xarray makes it a coordinate of its own name, which files cannot hold: it would be lost.
        if variable.ndim > 1 and name in variable.dims:
            problems.append((str(name), "has the name of one of its own dimensions"))
    if problems:
        raise SchemaError("stack", problems, fix=fix)


def require_quantity(stack: xr.Dataset, wanted: tuple[str, ...], purpose: str) -> None:
    """Raise `DataError` unless the stack's signal is one of the quantities in `wanted`."""
    found = stack.attrs.get(QUANTITY)
    if found not in wanted:
        raise DataError(
            f"{purpose} needs a signal of another quantity",
            expected=" or ".join(wanted),
            found=str(found),
            fix="convert it first (optical_density turns counts into optical density), or correct "
            f"stack.attrs[{QUANTITY!r}]",
        )


def transmitted_with(stack: xr.Dataset) -> str:
    """Name of the I0 of transmitted X-ray counts that were not yet divided by it, else empty."""
    if stack.attrs.get(QUANTITY) != "counts" or spectral_dim(stack[SIGNAL]) != "energy":
        return ""
    return next((name for name in (FLAT, I0) if name in stack), "")


def refuse_transmission(stack: xr.Dataset, purpose: str) -> None:
    """Raise `DataError` for X-ray counts that come with their I0 and were not yet divided by it.

    Counts that stand alone (a fluorescence yield, a diffraction pattern) pass.
    """
    beam = transmitted_with(stack)
    if beam:
        raise DataError(
            f"{purpose} needs optical density, and these are transmitted counts",
            expected="a stack from optical_density(stack)",
            found=f"quantity 'counts', with the variable {beam!r} to divide by",
            fix="od = optical_density(stack) first; if the counts are a yield, drop that variable",
        )


def spacing_of(image: xr.DataArray) -> tuple[float, ...]:
    """Pixel size along each dimension, in the unit of its coordinate.

    An axis of one pixel is as large as the pixels of the others are on average (a line scan has
    square pixels); 1 where no axis has positions.
    """
    sizes = [_step(image, str(dim)) for dim in image.dims]
    known = [size for size in sizes if np.isfinite(size)]
    usual = float(np.mean(known)) if known else 1.0
    return tuple(size if np.isfinite(size) else usual for size in sizes)


def positions_at(image: xr.DataArray | xr.Dataset, dim: str, index: Any) -> np.ndarray:
    """Pixel indices, also between pixels, as positions along `dim`; themselves without any."""
    if dim not in image.coords:
        return np.asarray(index)
    axis = image[dim].values
    return np.interp(index, np.arange(axis.size), axis)


def _step(obj: xr.Dataset | xr.DataArray, dim: str) -> float:
    """Distance of neighbors along `dim`, which are evenly spaced; NaN where there are none."""
    if dim not in obj.coords or obj.sizes[dim] < 2:
        return float("nan")
    axis = obj[dim].values
    return float(abs(axis[-1] - axis[0])) / (axis.size - 1)


def pixel_size_um(obj: xr.Dataset | xr.DataArray) -> tuple[float, float]:
    """Pixel size along y and x in um; NaN for an axis of one pixel."""
    return _step(obj, Y), _step(obj, X)
