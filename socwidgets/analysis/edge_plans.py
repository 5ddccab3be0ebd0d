"""Tables of edge-energy and white-line maps from their parameters, with clear refusals."""

from __future__ import annotations

import numpy as np

from socwidgets.analysis.edge_parameters import EdgeEnergyParameters, WhiteLineParameters
from socwidgets.analysis.xanes_parameters import normalization_plan
from socwidgets.kernels.edge_plan import EdgePlan, make_plan, without_normalization
from socwidgets.kernels.normalization_plan import window_rows
from socwidgets.model.errors import DataError

#: Half widths around the common center where a pixel may have its own.
_RECENTER_REACH = 4.0


def edge_plan(
    energies: np.ndarray, available: np.ndarray | None, params: EdgeEnergyParameters
) -> EdgePlan:
    """Tables of an edge-energy map for one axis, or for the points of it that are `available`.

    Raises
    ------
    DataError
        If a window holds too few points.
    """
    seen = np.ones(energies.size, bool) if available is None else available
    normalization = normalization_plan(energies, params, available=available)
    e0 = float(params.e0)  # type: ignore[arg-type]
    low, high = params.search_window(energies)
    search = _held(energies, e0 + low, e0 + high, seen)
    if search.size < 2:
        raise DataError(
            "the search window holds too few points",
            expected="at least two",
            found=f"{search.size} between {e0 + low:g} and {e0 + high:g}",
            fix="give search=(low, high) relative to E0",
        )
    body = params.definition in ("centroid", "all")
    low, high = params.centroid or (low, high)
    slope = params.definition in ("derivative", "all")
    if slope and search.size < params.derivative_points + 2:
        raise DataError(
            "the search window holds too few points for a derivative and its maximum",
            expected=f"at least {params.derivative_points + 2}",
            found=str(search.size),
            fix="lower derivative_points or widen the search window",
        )
    return make_plan(
        energies,
        normalization,
        search=search,
        white_line=_centers(energies, seen, params) if params.needs_white_line else None,
        half_width=params.half_width,
        degree=params.degree,
        centroid=_held(energies, e0 + low, e0 + high, seen) if body else None,
        derivative_points=params.derivative_points if slope else 0,
        available=available,
    )


def white_line_plan(
    energies: np.ndarray, available: np.ndarray | None, params: WhiteLineParameters
) -> EdgePlan:
    """Tables of a white-line map for one axis, or for the points of it that are `available`.

    Raises
    ------
    DataError
        If a window holds too few points.
    """
    seen = np.ones(energies.size, bool) if available is None else available
    centers = _centers(energies, seen, params)
    before = np.empty(0, dtype=np.intp)
    if params.baseline is not None:
        before = _held(energies, *params.baseline, seen)
        if before.size < 2:
            raise DataError(
                "the baseline window holds too few points",
                expected="at least two",
                found=f"{before.size} between {params.baseline[0]:g} and {params.baseline[1]:g}",
            )
    return make_plan(
        energies,
        without_normalization(energies, before, int(centers[centers.size // 2])),
        search=centers,
        white_line=centers,
        half_width=params.half_width,
        degree=params.degree,
        available=available,
    )


def _centers(
    energies: np.ndarray,
    seen: np.ndarray,
    params: EdgeEnergyParameters | WhiteLineParameters,
) -> np.ndarray:
    """Rows that can be the center of the white-line window."""
    center = float(params.center)  # type: ignore[arg-type]
    nearest = int(np.argmin(np.where(seen, np.abs(energies - center), np.inf)))
    if abs(energies[nearest] - center) > params.half_width:
        raise DataError(
            "there is no point near the white line",
            expected=f"one within {params.half_width:g} of {center:g}",
            found=f"the nearest is {energies[nearest]:g}",
            fix="give center= near a measured energy, or widen half_width",
        )
    reach = _RECENTER_REACH * params.half_width if params.recenter else 0.0
    near = np.abs(energies - energies[nearest]) <= reach + 1e-6
    held = np.abs(energies[:, None] - energies[None, seen]) <= params.half_width + 1e-6
    count = np.count_nonzero(held, axis=1)
    enough = seen & (count > params.degree)
    if not enough[nearest]:
        raise DataError(
            "the white-line window holds too few points",
            expected=f"more than {params.degree} for a polynomial of degree {params.degree}",
            found=f"{count[nearest]} within {params.half_width:g} of {energies[nearest]:g}",
            fix="widen half_width, or measure more energies at the white line; if it does not lie "
            "there, give center=: a steep background or noise can rise higher than the edge",
        )
    return np.flatnonzero(near & enough)


def _held(energies: np.ndarray, low: float, high: float, seen: np.ndarray) -> np.ndarray:
    rows = window_rows(energies, low, high)
    return rows[seen[rows]]
