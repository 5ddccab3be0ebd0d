"""What a session may be made from."""

from __future__ import annotations

import xarray as xr

from socwidgets.model.errors import DataError, ParameterError, SocwidgetsError
from socwidgets.model.mapset import display_maps, validate_maps
from socwidgets.model.names import SIGNAL, spectral_dim
from socwidgets.model.stack import parse_stack
from socwidgets.session.choosing import check_pixels


def plain_stack(stack: xr.Dataset) -> xr.Dataset:
    """A valid stack with one spectral dim and two of space."""
    stack = parse_stack(stack)
    if stack[SIGNAL].ndim == 3:
        return stack
    lead = [str(d) for d in stack[SIGNAL].dims[:-3]]
    chosen = ", ".join(f"{d}=0" for d in lead)
    raise DataError(
        "the explorer shows one stack at a time",
        expected=f"dims ({spectral_dim(stack[SIGNAL])}, y, x)",
        found=f"{tuple(map(str, stack[SIGNAL].dims))}",
        fix=f"choose one, for instance stack.isel({chosen})",
    )


def check_maps(stack: xr.Dataset, maps: xr.Dataset) -> None:
    """Raise an error unless they are maps on the pixels of the stack."""
    validate_maps(maps)
    check_pixels(stack, maps)


def chosen_map(maps: xr.Dataset | None, name: str | None) -> str | None:
    """The map to start with: the one that is named, or the first."""
    if maps is None:
        if name is not None:
            raise SocwidgetsError(f"map {name!r} was asked for", found="no maps at all")
        return None
    names = display_maps(maps)
    if name is not None and name not in names:
        raise ParameterError(f"there is no map {name!r}", expected=", ".join(names))
    return name or names[0]
