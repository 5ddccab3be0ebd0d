"""Why a pixel has no value, or a value to be careful with."""

from __future__ import annotations

import warnings
from enum import IntEnum

import numpy as np
import xarray as xr

from socwidgets.model.names import STATUS


class Status(IntEnum):
    """Status code of one pixel of a map (CF ``flag_values``).

    ``OK`` and ``AT_BOUND`` carry values; every other code goes with NaN in the fitted quantities,
    except ``SATURATED``, ``NOT_CONVERGED`` and ``OUT_OF_RANGE``, whose values are kept but must
    not enter a statistic unasked.
    """

    OK = 0
    MASKED = 1
    LOW_SIGNAL = 2
    NOT_CONVERGED = 3
    AT_BOUND = 4
    SINGULAR = 5
    SATURATED = 6
    OUT_OF_RANGE = 7


USABLE = (Status.OK, Status.AT_BOUND)

STATUS_WORDS = {
    Status.OK: "ok",
    Status.MASKED: "masked by the user or at the border",
    Status.LOW_SIGNAL: "too little signal",
    Status.NOT_CONVERGED: "fit did not converge",
    Status.AT_BOUND: "at a bound of the fit",
    Status.SINGULAR: "no unique answer",
    Status.SATURATED: "saturated or clipped counts",
    Status.OUT_OF_RANGE: "outside the calibrated range",
}


def status_attrs() -> dict[str, object]:
    """CF attributes of a status variable."""
    return {
        "long_name": "Status of the fit",
        "flag_values": np.array([int(code) for code in Status], dtype=np.uint8),
        "flag_meanings": " ".join(code.name.lower() for code in Status),
    }


def usable(maps: xr.Dataset) -> xr.DataArray:
    """Boolean map of the pixels whose values may enter a statistic.

    Parameters
    ----------
    maps : xarray.Dataset
        A map set. Without a ``status`` variable every pixel counts as usable.

    Returns
    -------
    xarray.DataArray
        bool, of the dims of the maps: status ok or at a bound.
    """
    if STATUS not in maps:
        first = next(iter(maps.data_vars.values()))
        return xr.ones_like(first, dtype=bool)
    status = maps[STATUS]
    if status.dtype != np.uint8 or status.chunks is not None:
        return status.isin([int(code) for code in USABLE])
    # One look-up per pixel instead of one comparison per code: views ask at every move.
    table = np.zeros(256, dtype=bool)
    table[[int(code) for code in USABLE]] = True
    return status.copy(data=table[status.values])


def status_counts(status: xr.DataArray) -> dict[str, int]:
    """Number of pixels with each status code that occurs, by lower-case name."""
    counts = np.bincount(np.asarray(status.data, dtype=np.uint8).ravel(), minlength=len(Status))
    return {code.name.lower(): int(counts[code]) for code in Status if counts[code]}


def warn_if_empty(maps: xr.Dataset, what: str) -> None:
    """Warn where no pixel got a value that may be used, and say why: `status` alone is silent."""
    # Status 0 is a good fit, and mostly found at once.
    if not maps[STATUS].values.all() or usable(maps).values.any():
        return
    counts = status_counts(maps[STATUS])
    why = ", ".join(f"{n} {STATUS_WORDS[Status[name.upper()]]}" for name, n in counts.items())
    warnings.warn(f"no pixel of the {what} map has a value: {why}", UserWarning, stacklevel=3)
