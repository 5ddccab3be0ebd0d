"""What a view can be made from, checked before anything is drawn."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError, SchemaError
from socwidgets.model.mapset import validate_maps
from socwidgets.model.names import LENGTH_UNITS, SIGNAL, X, Y, spectral_dim
from socwidgets.model.stack import make_stack, transmitted_with, validate_stack
from socwidgets.model.units import factor
from socwidgets.session import Session
from socwidgets.session.choosing import series_dim
from socwidgets.widgets.map_display import PIXEL_UNITS, axis_of, require_map

#: What a view can be made from.
Source = Session | xr.Dataset | xr.DataArray


def as_session(
    source: Source, labels: xr.DataArray | None = None, references: xr.DataArray | None = None
) -> Session:
    """Session of a stack or of maps; a session is passed on (and takes the labels, if any).

    Parameters
    ----------
    source : Session, Dataset or DataArray
        A session; a stack with ``signal``; a map set ``(y, x)``, or a single map with a name.
    labels : DataArray, optional
        ``(y, x)`` integer, particles.
    references : DataArray, optional
        ``(component, <spectral>)``.

    Raises
    ------
    SchemaError, DataError, UnitError
        If it is none of these.
    """
    if isinstance(source, Session):
        if labels is not None:
            source.set_labels(labels)
        if references is not None:
            source.set_references(references)
        return source
    if isinstance(source, xr.Dataset) and SIGNAL in source:
        return Session(source, references=references, labels=labels)
    maps = plain_maps(source)
    return Session(_stand_in(maps), maps, references, labels=labels)


def opened(
    stack: xr.Dataset | str | os.PathLike[str],
    references: xr.DataArray | str | Mapping[str, Any] | None,
) -> tuple[xr.Dataset, xr.DataArray | None]:
    """Stack and references, read where they are files; counts with their I0 are converted.

    Raises
    ------
    ReadError, DataError
        As the readers do.
    """
    # Imported where they are needed: a map in memory is on the screen sooner.
    if isinstance(stack, str | os.PathLike):
        from socwidgets.analysis.optical_density import optical_density
        from socwidgets.io import open_stack

        stack = open_stack(stack)
        stack = optical_density(stack) if transmitted_with(stack) else stack
    if references is None or isinstance(references, xr.DataArray):
        return stack, references
    from socwidgets.io import open_references

    validate_stack(stack)
    return stack, open_references(references, dim=spectral_dim(stack[SIGNAL]))


def stack_session(source: Session | xr.Dataset, references: xr.DataArray | None = None) -> Session:
    """Session of a stack, for views of spectra and frames.

    Raises
    ------
    SchemaError, DataError
        If it is no stack.
    """
    known = isinstance(source, Session) or (isinstance(source, xr.Dataset) and SIGNAL in source)
    if not known:
        raise SchemaError(
            "source of this view",
            [("type", f"{_words(source)}: spectra and frames need a stack, with 'signal'")],
            fix="give the stack or a Session",
        )
    return as_session(source, references=references)


def series_session(source: Source, labels: xr.DataArray | None) -> Session:
    """Session with a series: one that has it, or a new one of a series of maps.

    Raises
    ------
    SchemaError, DataError, UnitError
        If it is no series.
    """
    if isinstance(source, Session):
        return as_session(source, labels)
    maps = plain_maps(source, series=True)
    dim = series_dim(maps)
    session = as_session(maps.isel({dim: 0}), labels)
    session.set_series(maps)
    return session


def plain_maps(source: xr.Dataset | xr.DataArray, *, series: bool = False) -> xr.Dataset:
    """Maps of real numbers with the dims in order and y and x in um, or in pixels without any.

    Parameters
    ----------
    source : Dataset or DataArray
        Maps ``(y, x)``; coordinates of another length are converted, those without a unit are um.
    series : bool
        Whether one more dim in front is expected.

    Raises
    ------
    SchemaError, DataError, UnitError
        If they are not.
    """
    if isinstance(source, xr.DataArray):
        source = source.to_dataset(name=source.name or "value")
    if not isinstance(source, xr.Dataset):
        raise SchemaError(
            "source of a view",
            [("type", f"{_words(source)} is no session, stack or map set")],
            fix="give a Session, a stack, or the maps of fit_map; an array becomes a map by "
            "xr.DataArray(values, dims=('y', 'x'), name='soc')",
        )
    validate_maps(source)
    lead = [str(d) for d in source.dims if d not in (Y, X)]
    if lead and not series:
        raise DataError(
            "a view shows one map of a kind at a time",
            expected="maps with the dims y and x",
            found=f"{tuple(map(str, source.dims))}",
            fix=f"choose one, for instance maps.isel({lead[0]}=0), or take SeriesView or "
            "VolumeView, which show all",
        )
    maps = _in_um(source.transpose(..., Y, X))
    # Differences of yes and no are no numbers.
    maps = maps.assign({n: v.astype(np.uint8) for n, v in maps.items() if v.dtype == bool})
    for variable in maps.data_vars.values():
        require_map(variable.isel(dict.fromkeys(lead, 0)) if lead else variable)
    for dim in (Y, X):
        axis_of(maps[next(iter(maps.data_vars))], dim)
    return maps


def in_pixels(session: Session) -> bool:
    """Whether positions of a session are numbers of pixels, for want of coordinates."""
    return session.state.stack[X].attrs.get("units") == PIXEL_UNITS


def _in_um(maps: xr.Dataset) -> xr.Dataset:
    for dim in (Y, X):
        if dim not in maps.coords:
            values, units = np.arange(maps.sizes[dim], dtype=float), PIXEL_UNITS
        else:
            stated = str(maps[dim].attrs.get("units", LENGTH_UNITS))
            units = PIXEL_UNITS if stated == PIXEL_UNITS else LENGTH_UNITS
            values = maps[dim].values * (1.0 if stated == units else factor(stated, units))
        attrs = {**(maps[dim].attrs if dim in maps.coords else {}), "units": units}
        maps = maps.assign_coords({dim: (dim, values, attrs)})
    return maps


def _stand_in(maps: xr.Dataset) -> xr.Dataset:
    """Stack without values on the pixels of some maps: views of maps never look at it."""
    shape = (2, maps.sizes[Y], maps.sizes[X])
    signal = np.broadcast_to(np.float32(np.nan), shape)
    made = make_stack(
        signal, np.array([1000.0, 1001.0]), quantity="intensity", y=maps[Y].values, x=maps[X].values
    )
    return made.assign_coords({d: maps[d] for d in (Y, X)})


def _words(source: object) -> str:
    if isinstance(source, xr.Dataset):
        return f"a set of maps ({', '.join(map(str, source.data_vars))})"
    return type(source).__name__
