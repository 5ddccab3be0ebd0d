"""Valence classes of an edge-energy map, their shares over time, and how a reaction grows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage

from socwidgets.model.errors import DataError, KindError
from socwidgets.model.kinds import KIND
from socwidgets.model.names import X, Y
from socwidgets.model.stack import pixel_size_um

CLASSES = ("low", "intermediate", "high")
#: Class of a pixel without a value.
NO_VALUE = -1
#: No edge lies below, and no oxidation state or fraction above, eV.
_LEAST_EV = 20.0


def valence_classes(edge: xr.DataArray, thresholds: tuple[float, float]) -> xr.DataArray:
    """Class of each pixel by two thresholds.

    Parameters
    ----------
    edge : xarray.DataArray
        ``(..., y, x)``, edge energy (eV) or any measure of the valence; NaN has no class.
    thresholds : (float, float)
        Below the first is ``low``, from the second on ``high``, in the unit of `edge`.

    Returns
    -------
    xarray.DataArray
        ``(..., y, x)`` int8: 0 low, 1 intermediate, 2 high, -1 no value (CF flags).

    Raises
    ------
    DataError
        If the thresholds do not rise.
    KindError
        If they are energies and the map is something else.
    """
    low, high = thresholds
    if not low < high:
        raise DataError("the thresholds do not rise", expected="low < high", found=str(thresholds))
    kind = edge.attrs.get(KIND, "energy")
    if kind != "energy" and low > _LEAST_EV:
        raise KindError(
            f"these thresholds are energies, and the map is a {kind.replace('_', ' ')}",
            expected="thresholds in the unit of the map, or a map of edge energies",
            found=str(thresholds),
        )
    values = edge.values
    codes = (values >= low).astype(np.int8) + (values >= high).astype(np.int8)
    codes[~np.isfinite(values)] = NO_VALUE
    made = edge.copy(data=codes)
    made.attrs = {
        "long_name": "Valence class",
        "flag_values": np.array([NO_VALUE, 0, 1, 2], np.int8),
        "flag_meanings": " ".join(("no_value", *CLASSES)),
        "thresholds": [float(low), float(high)],
    }
    return made


def class_fractions(classes: xr.DataArray) -> pd.DataFrame:
    """Share of the pixels with a value in each class, one row per map.

    Parameters
    ----------
    classes : xarray.DataArray
        ``(y, x)`` or ``(<state or time>, y, x)``, from `valence_classes`.

    Returns
    -------
    pandas.DataFrame
        Indexed by the leading coordinate; columns ``low``, ``intermediate``, ``high`` (sum 1) and
        ``n``, the pixels with a value. Shares are NaN where no pixel has one.
    """
    rows = []
    for codes in _frames(classes):
        count = int(np.count_nonzero(codes != NO_VALUE))
        shares = [np.count_nonzero(codes == k) / count if count else np.nan for k in range(3)]
        rows.append((*shares, count))
    return pd.DataFrame(rows, columns=[*CLASSES, "n"], index=_index(classes))


def reaction_front(classes: xr.DataArray, *, reacted: str = "high") -> pd.DataFrame:
    """Where a reaction is and how far it has grown.

    Parameters
    ----------
    classes : xarray.DataArray
        ``(y, x)`` or ``(<state or time>, y, x)``, from `valence_classes`.
    reacted : {"high", "low"}
        The class that grows: ``high`` on charge.

    Returns
    -------
    pandas.DataFrame
        Indexed by the leading coordinate: ``center_y_um``, ``center_x_um``; ``radius_um`` of the
        disc of the same area; ``radius_rms_um``, ``sqrt(2)`` times the root-mean-square distance
        from the center, which is larger where the reaction has several centers; ``regions``, the
        number of connected regions. ``attrs["speed"]`` is the slope of the radius (um per unit of
        the coordinate; NaN for fewer than two maps with a reaction). NaN where nothing reacted.
    """
    if reacted not in ("high", "low"):
        raise DataError("unknown class", expected="'high' or 'low'", found=repr(reacted))
    step_y, step_x = pixel_size_um(classes)
    y, x = classes[Y].values, classes[X].values
    rows = []
    for codes in _frames(classes):
        inside = codes == CLASSES.index(reacted)
        at = np.nonzero(inside)
        if not at[0].size:
            rows.append((np.nan, np.nan, 0.0, np.nan, 0))
            continue
        center = (float(y[at[0]].mean()), float(x[at[1]].mean()))
        spread = np.mean((y[at[0]] - center[0]) ** 2 + (x[at[1]] - center[1]) ** 2)
        radius = np.sqrt(at[0].size * step_y * step_x / np.pi)
        rows.append((*center, radius, float(np.sqrt(2.0 * spread)), ndimage.label(inside)[1]))
    names = ["center_y_um", "center_x_um", "radius_um", "radius_rms_um", "regions"]
    table = pd.DataFrame(rows, columns=names, index=_index(classes))
    when = np.asarray(table.index, dtype=np.float64)
    grown = table["radius_um"].to_numpy() > 0
    enough = np.count_nonzero(grown) >= 2
    speed = (
        np.polyfit(when[grown], table["radius_um"].to_numpy()[grown], 1)[0] if enough else np.nan
    )
    table.attrs["speed"] = float(speed)
    return table


def _frames(classes: xr.DataArray) -> np.ndarray:
    """Maps as ``(frame, y, x)``."""
    if classes.ndim not in (2, 3) or not {Y, X} <= set(classes.dims):
        raise DataError(
            "these are no maps", expected="dims (y, x) or one more", found=str(classes.dims)
        )
    ordered = classes.transpose(..., Y, X).values
    return ordered.reshape(-1, *ordered.shape[-2:])


def _index(classes: xr.DataArray) -> pd.Index:
    lead = [str(d) for d in classes.dims if d not in (Y, X)]
    if not lead:
        return pd.Index([0], name="map")
    values = (
        classes[lead[0]].values if lead[0] in classes.coords else np.arange(classes.sizes[lead[0]])
    )
    return pd.Index(values, name=lead[0])
