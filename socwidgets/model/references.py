"""Schema of reference spectra: one array ``reference`` with dims ``(component, <spectral>)``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from socwidgets.model.errors import ParameterError, ReferenceSpectraError
from socwidgets.model.names import COMPONENT, REFERENCE, SPECTRAL_AXES, spectral_dim
from socwidgets.model.units import energies_in_ev

MAX_COMPONENTS = 6
#: Attribute of references that says how they are put on a grid, and what it may be.
INTERPOLATION = "interpolation"
INTERPOLATIONS = ("cubic", "linear")


def make_references(
    spectra: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    dim: str = "energy",
    most: int = MAX_COMPONENTS,
    interpolation: str = "cubic",
) -> xr.DataArray:
    """Put reference spectra, each on its own grid, on one common grid.

    Parameters
    ----------
    spectra : mapping of str to (ndarray, ndarray)
        Name -> (axis values, signal), each ``(n,)``. Energies in keV are converted to eV, with a
        warning.
    dim : str
        Spectral dimension.
    most : int
        More spectra than this are refused; a library to choose from may hold more than one fit can.
    interpolation : {"cubic", "linear"}
        Cubic spline, or straight lines between the points, as Larch and Athena do it. A spline is
        nearer to coarse spectra with little noise. The choice stays with the references
        (``attrs["interpolation"]``): fits put them on the grid of a stack in the same way.

    Returns
    -------
    xarray.DataArray
        ``(component, dim)``. Where the grids differ, the union inside the common range, with the
        other spectra interpolated (nothing is extrapolated).

    Raises
    ------
    ReferenceSpectraError
        Fewer than one or more than `most` spectra, an axis that is not monotonic, values
        that are not finite, or ranges that do not overlap.
    ParameterError
        An interpolation of another name.
    """
    _check_interpolation(interpolation)
    if not 1 <= len(spectra) <= most:
        raise ReferenceSpectraError(
            "wrong number of reference spectra",
            expected=f"1 to {most}",
            found=f"{len(spectra)}: {', '.join(spectra)}",
        )
    cleaned = {name: _clean(name, *pair, dim) for name, pair in spectra.items()}
    grids = [grid for grid, _ in cleaned.values()]
    low, high = max(g[0] for g in grids), min(g[-1] for g in grids)
    if low >= high:
        ranges = "; ".join(f"{n}: {g[0]:g} to {g[-1]:g}" for n, (g, _) in cleaned.items())
        raise ReferenceSpectraError("the reference spectra do not overlap", found=ranges)
    union = np.unique(np.concatenate(grids))
    grid = union[(union >= low) & (union <= high)]
    values = np.stack([_on_grid(g, v, grid, interpolation) for g, v in cleaned.values()])
    axis = SPECTRAL_AXES[dim]
    return xr.DataArray(
        values,
        coords={
            COMPONENT: list(spectra),
            dim: (dim, grid, {"units": axis.units, "long_name": axis.long_name}),
        },
        dims=(COMPONENT, dim),
        name=REFERENCE,
        attrs={INTERPOLATION: interpolation},
    )


def _check_interpolation(name: str) -> str:
    if name not in INTERPOLATIONS:
        raise ParameterError(
            "there is no such interpolation of references",
            expected=" or ".join(map(repr, INTERPOLATIONS)),
            found=repr(name),
        )
    return name


def _clean(
    name: str, axis: np.ndarray, values: np.ndarray, dim: str
) -> tuple[np.ndarray, np.ndarray]:
    axis, values = np.asarray(axis, float).ravel(), np.asarray(values, float).ravel()
    if dim == "energy":
        axis, message = energies_in_ev(axis)
        if message:
            warnings.warn(f"reference {name!r}: {message}", stacklevel=4)
    if axis.size != values.size or axis.size < 2:
        raise ReferenceSpectraError(
            f"reference {name!r} is no spectrum",
            expected="as many values as energies, at least two",
            found=f"{axis.size} energies and {values.size} values",
        )
    if not (np.isfinite(axis).all() and np.isfinite(values).all()):
        raise ReferenceSpectraError(f"reference {name!r} holds values that are not finite")
    if axis[0] > axis[-1]:
        axis, values = axis[::-1], values[::-1]
    if np.any(np.diff(axis) <= 0):
        where = float(axis[1:][np.diff(axis) <= 0][0])
        raise ReferenceSpectraError(
            f"the axis of reference {name!r} is not strictly monotonic",
            found=f"repeated or reversed at {where:g}",
            fix="average duplicate points and sort the file",
        )
    return axis, values


def _on_grid(
    axis: np.ndarray, values: np.ndarray, grid: np.ndarray, interpolation: str
) -> np.ndarray:
    if axis.size == grid.size and np.array_equal(axis, grid):
        return values
    if interpolation == "linear":
        return np.interp(grid, axis, values)
    # A tenth of a second, which a fit on the references' own grid need not wait for.
    from scipy.interpolate import make_interp_spline

    # A shape-preserving cubic would cut the tops of white lines between two points.
    return make_interp_spline(axis, values, k=min(3, axis.size - 1))(grid)


def align_references(references: xr.DataArray, coord: xr.DataArray) -> xr.DataArray:
    """Reference spectra on the grid of a stack.

    Parameters
    ----------
    references : xarray.DataArray
        ``(component, <spectral>)``; ``attrs["interpolation"]`` says how, a cubic spline if it is
        missing.
    coord : xarray.DataArray
        The stack's spectral coordinate.

    Returns
    -------
    xarray.DataArray
        ``(component, <spectral>)`` at the values of `coord`.

    Raises
    ------
    ReferenceSpectraError
        If the stack has values outside the references' range: nothing is extrapolated. Or as from
        `sound_references`.
    ParameterError
        An interpolation of another name.
    """
    references = sound_references(references)
    dim = spectral_dim(references)
    if coord.name != dim:
        raise ReferenceSpectraError(
            "references and stack have different spectral axes", expected=str(coord.name), found=dim
        )
    axis, grid = references[dim].values, coord.values
    tolerance = 1e-6 * max(1.0, float(abs(grid).max()))
    outside = grid[(grid < axis[0] - tolerance) | (grid > axis[-1] + tolerance)]
    if outside.size:
        units = coord.attrs.get("units", "")
        thousandth = axis[0] <= 1e-3 * grid[-1] and axis[-1] >= 1e-3 * grid[0]
        raise ReferenceSpectraError(
            f"the references do not cover {outside.size} of the {grid.size} points of the stack",
            expected=f"references from {grid[0]:g} to {grid[-1]:g} {units}",
            found=f"{axis[0]:g} to {axis[-1]:g} {units}",
            fix="these references look like keV: multiply their axis by 1000"
            if thousandth and axis[-1] < 100.0
            else "nothing is extrapolated: fit a narrower range (parameters low and high) or "
            "measure longer references",
        )
    clipped = np.clip(grid, axis[0], axis[-1])
    how = _check_interpolation(str(references.attrs.get(INTERPOLATION, "cubic")))
    rows = [_on_grid(axis, row, clipped, how) for row in references.values]
    return xr.DataArray(
        np.stack(rows),
        coords={COMPONENT: references[COMPONENT], dim: coord},
        dims=(COMPONENT, dim),
        name=REFERENCE,
        attrs={**references.attrs, INTERPOLATION: how},
    )


def sound_references(references: xr.DataArray) -> xr.DataArray:
    """References with a rising axis, components first.

    Raises
    ------
    ReferenceSpectraError
        If they are no set of spectra, two share a name, or they hold values that are not finite.
    """
    if not isinstance(references, xr.DataArray) or COMPONENT not in references.dims:
        raise ReferenceSpectraError(
            "these are no reference spectra",
            expected=f"an xarray.DataArray ({COMPONENT}, <spectral>)",
            found=type(references).__name__,
            fix="make them with open_references({name: file}) or make_references({name: (x, y)})",
        )
    dim = spectral_dim(references)
    names = component_names(references)
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ReferenceSpectraError(
            f"two references have the name {', '.join(map(repr, twice))}",
            expected="one name for each reference: the maps are named after them",
            found=", ".join(names),
            fix="rename them: references.assign_coords(component=[...])",
        )
    references = references.transpose(COMPONENT, dim)
    axis = references[dim].values
    if axis.size > 1 and axis[0] > axis[-1]:
        references = references.isel({dim: slice(None, None, -1)})
    if not np.isfinite(references.values).all():
        rest = [d for d in references.dims if d != COMPONENT]
        bad = references.isnull().any(rest).values
        names = ", ".join(str(n) for n in references[COMPONENT].values[bad])
        raise ReferenceSpectraError(
            f"reference {names} holds values that are not finite",
            fix="drop those points before make_references",
        )
    return references


def shift_references(references: xr.DataArray, shift: float) -> xr.DataArray:
    """References with `shift` (axis units) added to their spectral axis."""
    references = sound_references(references)
    if shift == 0.0:
        return references
    dim = spectral_dim(references)
    coord = references[dim]
    return references.assign_coords({dim: coord.copy(data=coord.values + shift)})


def component_names(references: xr.DataArray) -> Sequence[str]:
    """Names of the components, as text."""
    return [str(name) for name in references[COMPONENT].values]
