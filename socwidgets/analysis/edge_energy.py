"""Maps of edge energies and of white lines (science: edge energy definitions, white-line peak)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.edge_parameters import EdgeEnergyParameters, WhiteLineParameters
from socwidgets.analysis.edge_plans import edge_plan, white_line_plan
from socwidgets.analysis.edge_trace import trace
from socwidgets.analysis.methods import BlockFit, FillBlock, Method, register_method
from socwidgets.analysis.normalization import window_attrs
from socwidgets.analysis.xanes_parameters import DEFINITIONS, normalization_plan, span
from socwidgets.kernels.edge_plan import EdgePlan
from socwidgets.kernels.edge_tables import QUANTITIES
from socwidgets.model.errors import DataError
from socwidgets.model.mapset import MapSpec
from socwidgets.model.names import std_name

_WORDS = {
    "edge_jump": "Edge jump",
    "white_line_energy": "White-line energy",
    "white_line_height": "White-line height",
    "half_energy": "Energy at half of the edge jump",
    "half_wl_energy": "Energy at half of the white line's height",
    "integral_energy": "Mean energy of the edge between the levels 0.15 and 1",
    "centroid_energy": "Centroid of the edge",
    "derivative_energy": "Energy of the largest slope",
}

#: How a window that is not fixed is placed; a calibration must share it.
_FOLLOWS = "follows each pixel's own peak"

_DERIVATIVE_CAVEAT = (
    "the largest slope jumps between two inflections where a spectrum has two: in Ni layered "
    "oxides this makes a shift of 4.5 eV out of one of 2 eV; where noise can make it jump there is "
    "no uncertainty"
)


def prepare_edge_energy(
    coord: xr.DataArray,
    params: EdgeEnergyParameters,
    references: xr.DataArray | None,
    typical_std: np.ndarray | None,
) -> BlockFit:
    """Make edge-energy maps ready for a spectral axis; see `fit_map`.

    Parameters
    ----------
    coord : xarray.DataArray
        The stack's spectral coordinate, increasing.
    params : EdgeEnergyParameters
        With E0, and the white line's center where the definition needs it.
    references, typical_std
        Not used.

    Raises
    ------
    DataError
        If a window holds too few points.

    Notes
    -----
    Maps: ``edge_energy`` by the chosen definition (or with ``definition="all"`` one map of each),
    ``edge_jump``, and where the definition leads through it the white line. Energies are absolute;
    ``white_line_height`` is in units of the jump.
    """
    energies = np.asarray(coord.values, float)
    plan = edge_plan(energies, None, params)
    wanted, names = _edge_maps(params)
    height_unit = {"white_line_height": "1"}
    specs = _specs(wanted, names, coord, plan.origin, height_unit)
    options = {
        "rows": _rows(wanted),
        "min_signal": params.min_jump,
        "signal_sigma": params.jump_sigma,
        "saturation": np.inf if params.saturation is None else params.saturation,
    }
    normalization = normalization_plan(energies, params)
    attrs: dict[str, Any] = {
        "method": "edge_energy",
        "definition": params.definition,
        **window_attrs(energies, normalization),
        "search_window": span(energies, plan.rows[slice(*plan.search)]),
        "grid": [float(e) for e in energies[plan.rows[slice(*plan.search)]]],
        **(_white_line_attrs(plan, params) if params.needs_white_line else {}),
        **_noise_attrs(plan, typical_std),
    }
    if params.definition in ("centroid", "all"):
        attrs["centroid_window"] = span(energies, plan.rows[plan.centroid.rows])
    if params.definition in ("derivative", "all"):
        attrs.update(derivative_points=params.derivative_points, caveat=_DERIVATIVE_CAVEAT)
    return _block_fit(energies, plan, partial(edge_plan, params=params), specs, options, attrs)


def prepare_white_line(
    coord: xr.DataArray,
    params: WhiteLineParameters,
    references: xr.DataArray | None,
    typical_std: np.ndarray | None,
) -> BlockFit:
    """Make white-line maps of raw spectra ready for a spectral axis; see `fit_map`.

    Parameters
    ----------
    coord, references, typical_std
        As for `prepare_edge_energy`.
    params : WhiteLineParameters
        With the center.

    Notes
    -----
    Maps: ``white_line_energy`` and ``white_line_height``, above the baseline's mean, in units of
    the signal. A sloping background of g per eV moves the peak by g over its curvature; use
    ``edge_energy`` with ``definition="white_line"`` where that matters.
    """
    energies = np.asarray(coord.values, float)
    plan = white_line_plan(energies, None, params)
    wanted = ("white_line_energy", "white_line_height")
    specs = _specs(wanted, wanted, coord, plan.origin, {})
    options = {
        "rows": _rows(wanted),
        "signal_sigma": params.peak_sigma,
        "saturation": np.inf if params.saturation is None else params.saturation,
    }
    attrs = {
        "method": "white_line",
        "definition": "white_line",
        **_white_line_attrs(plan, params),
        "baseline_window": span(energies, plan.rows[plan.windows.pre]),
        **_noise_attrs(plan, typical_std),
    }
    return _block_fit(
        energies, plan, partial(white_line_plan, params=params), specs, options, attrs
    )


def _block_fit(
    energies: np.ndarray,
    plan: EdgePlan,
    make: Callable[[np.ndarray, np.ndarray], EdgePlan],
    specs: tuple[MapSpec, ...],
    options: dict[str, Any],
    attrs: dict[str, Any],
) -> BlockFit:
    from socwidgets.kernels.edge import edge_block

    points = np.zeros(energies.size, bool)
    points[plan.rows] = True
    kept = np.flatnonzero(points)
    own = replace(plan.on(kept), origin=0.0)

    def narrow(seen: np.ndarray) -> FillBlock | None:
        available = np.zeros(energies.size, bool)
        available[kept[seen]] = True
        try:
            part = make(energies, available).on(kept[seen])
            part = replace(part, origin=part.origin - plan.origin)
            return partial(edge_block, part, **options)
        except DataError:
            return None

    return BlockFit(
        specs,
        partial(edge_block, own, **options),
        points,
        narrow,
        lambda column: {},
        attrs,
        partial(trace, own),
    )


def _edge_maps(params: EdgeEnergyParameters) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Quantities of the kernel, and the names of their maps."""
    if params.definition == "all":
        every = tuple(QUANTITIES)
        return every, every
    chosen = DEFINITIONS[params.definition]
    others = ["edge_jump"]
    if params.needs_white_line:
        others += [q for q in ("white_line_energy", "white_line_height") if q != chosen]
    return (chosen, *others), ("edge_energy", *others)


def _rows(wanted: tuple[str, ...]) -> np.ndarray:
    """Row of the result for each quantity of the kernel and its uncertainty; -1 for none."""
    rows = np.full(2 * len(QUANTITIES) + 1, -1, dtype=np.intp)
    for place, quantity in enumerate(wanted):
        at = QUANTITIES.index(quantity)
        rows[2 * at : 2 * at + 2] = 2 * place, 2 * place + 1
    return rows


def _specs(
    wanted: tuple[str, ...],
    names: tuple[str, ...],
    coord: xr.DataArray,
    origin: float,
    own_units: dict[str, str],
) -> tuple[MapSpec, ...]:
    specs, units = [], str(coord.attrs.get("units", "eV"))
    for quantity, name in zip(wanted, names, strict=True):
        is_energy = quantity.endswith("_energy")
        unit = units if is_energy else own_units.get(quantity, "1")
        words = _WORDS[quantity]
        kind, zero = ("energy", origin) if is_energy else ("", 0.0)
        specs.append(MapSpec(name, words, unit, kind, zero))
        specs.append(MapSpec(std_name(name), f"Standard uncertainty: {words}", unit))
    return tuple(specs)


def _white_line_attrs(
    plan: EdgePlan, params: EdgeEnergyParameters | WhiteLineParameters
) -> dict[str, Any]:
    """What a calibration must share with these maps: the window and the grid in it."""
    line = plan.white_line
    rows = slice(int(line.first[0]), int(line.first[-1] + line.samples[-1]))
    return {
        "white_line_center": float(params.center),  # type: ignore[arg-type]
        "white_line_half_width": params.half_width,
        "white_line_degree": params.degree,
        "white_line_recentered": _FOLLOWS if params.recenter else False,
        "white_line_grid": [float(plan.origin + plan.scale * x) for x in plan.x[rows]],
    }


def _noise_attrs(plan: EdgePlan, typical_std: np.ndarray | None) -> dict[str, Any]:
    if typical_std is not None:
        return {}
    words = ("pre-edge", "post-edge", "white line")
    used = [word for word, is_used in zip(words, plan.noise_of, strict=True) if is_used]
    return {
        "sigma_source": f"residual of each pixel: {', '.join(used)}",
        "noise_degrees_of_freedom": plan.freedom,
    }


for _method in (
    Method(
        "edge_energy",
        EdgeEnergyParameters,
        prepare_edge_energy,
        complete=lambda params, coord, mean: params.completed(coord, mean),
    ),
    Method(
        "white_line",
        WhiteLineParameters,
        prepare_white_line,
        complete=lambda params, coord, mean: params.completed(coord, mean),
    ),
):
    register_method(_method)
