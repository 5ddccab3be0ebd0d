"""The spectral axis of a stack: brought to units and order, or refused."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from socwidgets.model.names import SPECTRAL_AXES
from socwidgets.model.units import energies_in_ev, factor

#: Attribute of a stack whose spectral axis fell: the axis that was turned.
TURNED = "turned_axis"


def coerce_spectral(stack: xr.Dataset, dim: str) -> xr.Dataset:
    """Stack with its spectral axis rising and in the suite's units.

    A falling axis is turned with its frames, and the attribute `TURNED` says so: arrays without an
    axis of their own that belong to the frames do not turn with them.
    """
    axis = SPECTRAL_AXES[dim]
    if dim not in stack.coords:
        return stack
    values = np.asarray(stack[dim].values, dtype=np.float64)
    stated = stack[dim].attrs.get("units")
    attrs = {"long_name": axis.long_name, **stack[dim].attrs, "units": axis.units}
    message = None
    if dim == "energy":
        values, message = energies_in_ev(values, stated)
    elif stated:
        values = values * factor(str(stated), axis.units)
    stack = stack.assign_coords({dim: (dim, values, attrs)})
    if message:
        warnings.warn(message, stacklevel=4)
        stack.attrs["energy_conversion"] = message
    if values.size > 1 and np.all(np.diff(values) < 0):
        stack = stack.isel({dim: slice(None, None, -1)}).assign_attrs({TURNED: dim})
    return stack


def axis_problems(stack: xr.Dataset, dim: str) -> list[tuple[str, str]]:
    """What is wrong with the spectral axis of a stack, as ``(location, message)``."""
    if dim not in stack.coords:
        return [(dim, "has no coordinate values")]
    values = stack[dim].values
    if not np.all(np.isfinite(values)):
        return [(dim, f"{np.count_nonzero(~np.isfinite(values))} values are not finite")]
    steps = np.diff(values)
    if np.any(steps == 0):
        where = values[1:][steps == 0][:5]
        return [(dim, f"duplicate values, first at {', '.join(f'{v:g}' for v in where)}")]
    if np.any(steps < 0):
        first = int(np.argmax(steps < 0))
        jump = f"{values[first]:g} is followed by {values[first + 1]:g} (index {first + 1})"
        return [(dim, f"not monotonic: {jump}")]
    return []


def in_order(dim: str) -> str:
    """What to do about an axis whose values repeat or jump back, for an error."""
    return (
        f"keep one frame of each value, in order: values, first = np.unique({dim}, "
        "return_index=True) and signal[first]; of a dataset "
        f"stack.drop_duplicates({dim!r}).sortby({dim!r})"
    )
