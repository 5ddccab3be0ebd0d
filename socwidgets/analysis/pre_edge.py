"""Maps of the coefficients of a pre- and post-edge normalization."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from socwidgets.analysis.methods import BlockFit, FillBlock, Method, register_method
from socwidgets.analysis.normalization import JUMP, window_attrs
from socwidgets.analysis.xanes_parameters import PreEdgeParameters, normalization_plan
from socwidgets.model.errors import DataError
from socwidgets.model.mapset import MapSpec
from socwidgets.model.names import std_name


def pre_edge_specs(post_degree: int, units: str) -> tuple[MapSpec, ...]:
    """Maps of the coefficients, in the row order of the kernel."""
    named = [
        ("pre_edge_0", "Pre-edge curve at E0", "1"),
        ("pre_edge_1", "Slope of the pre-edge curve", f"{units}-1"),
        (JUMP, "Edge jump", "1"),
    ]
    named += [
        (f"post_edge_{k}", f"Post-edge coefficient of (E - E0)^{k}", f"{units}-{k}")
        for k in range(1, post_degree + 1)
    ]
    specs = []
    for name, words, unit in named:
        specs.append(MapSpec(name, words, unit))
        specs.append(MapSpec(std_name(name), f"Standard uncertainty: {words}", unit))
    words = "Standard deviation of the samples about pre- and post-edge curve"
    return (*specs, MapSpec("residual_rms", words))


def prepare_pre_edge(
    coord: xr.DataArray,
    params: PreEdgeParameters,
    references: xr.DataArray | None,
    typical_std: np.ndarray | None,
) -> BlockFit:
    """Make the coefficient maps ready for a spectral axis; see `fit_map`."""
    from socwidgets.kernels.normalization import coefficients_block

    energies = np.asarray(coord.values, float)
    plan = normalization_plan(energies, params, params.nvict)
    points = np.zeros(energies.size, bool)
    points[plan.rows] = True

    kept = np.flatnonzero(points)

    def narrow(seen: np.ndarray) -> FillBlock | None:
        available = np.zeros(energies.size, bool)
        available[kept[seen]] = True
        try:
            own = normalization_plan(energies, params, params.nvict, available)
        except DataError:
            return None
        return partial(coefficients_block, own.on(kept[seen]))

    def curves(column: np.ndarray) -> dict[str, np.ndarray]:
        offset = energies[points] - energies[plan.edge]
        victoreen = (energies[points] / energies[plan.edge]) ** -params.nvict
        before = (column[0] + column[2] * offset) * victoreen
        fall = (energies[points] / energies[plan.edge]) ** -plan.post_exponent
        beyond = fall * sum(c * offset**k for k, c in enumerate(column[4:-1:2]))
        after = np.isin(np.flatnonzero(points), plan.post_rows)
        return {"fit": before + np.where(after, beyond, 0.0), "background": before}

    units = str(coord.attrs.get("units", "eV"))
    specs = pre_edge_specs(plan.post_weights.shape[0] - 1, units)
    attrs = {"method": "pre_edge", **window_attrs(energies, plan)}
    return BlockFit(
        specs, partial(coefficients_block, plan.on(kept)), points, narrow, curves, attrs
    )


register_method(
    Method(
        "pre_edge",
        PreEdgeParameters,
        prepare_pre_edge,
        complete=lambda params, coord, mean: params.completed(coord, mean),
    )
)
