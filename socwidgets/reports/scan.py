"""From one stack to its map in one call, for the templates that go on from there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.card_model import HeterogeneityCard
from socwidgets.io.region_file import read_regions
from socwidgets.model.errors import DataError
from socwidgets.model.roi import ROI
from socwidgets.reports.factors import factors
from socwidgets.reports.inputs import Inputs, open_inputs
from socwidgets.reports.parameters import SocMapReport
from socwidgets.reports.particles import find_particles, tabulate
from socwidgets.reports.prepare import align, name_quantity, to_optical_density
from socwidgets.reports.results import Number, Results
from socwidgets.reports.summary import gather

#: What a page of each template is called, before quantity and sample.
TITLES = {
    "series": "Series of states", "particles": "Particles", "pathway": "Reaction pathway",
    "compare": "Comparison", "quality": "Quality of the data",
}  # fmt: skip


#: Environment variable with the address of a dask scheduler. Not a parameter: where a map was
#: computed is no part of what it is, and whoever gets the report has another cluster or none.
CLUSTER_VARIABLE = "SOCWIDGETS_DASK"


def cluster_address() -> str | None:
    """Scheduler whose workers fit the maps of this report (``--dask``); None for this machine."""
    return os.environ.get(CLUSTER_VARIABLE) or None


@dataclass(frozen=True, slots=True)
class Scan:
    """One stack with everything that was made of it.

    Attributes
    ----------
    params : SocMapReport
        How.
    inputs : Inputs
        What was read.
    od : xarray.Dataset
        Optical density on aligned frames.
    drift : xarray.Dataset or None
        Shift of each frame.
    jumps, fit, maps : xarray.Dataset
        Edge jump with its mask, fit, and state of charge, ``(y, x)``.
    labels : xarray.DataArray
        ``(y, x)`` int32; particles.
    table : pandas.DataFrame
        One row per particle.
    card : HeterogeneityCard
        Inside the particles.
    """

    params: SocMapReport
    inputs: Inputs
    od: xr.Dataset
    drift: xr.Dataset | None
    jumps: xr.Dataset
    fit: xr.Dataset
    maps: xr.Dataset
    labels: xr.DataArray
    table: pd.DataFrame
    card: HeterogeneityCard


def map_scan(params: SocMapReport) -> Scan:
    """Read a stack and map its state of charge, step by step as the template `soc_map` does.

    Raises
    ------
    ReadError, DataError, ParameterError
        As the steps do; also if there is no particle.
    """
    from socwidgets.analysis.calibration import soc_map
    from socwidgets.analysis.edge_jump import edge_jump
    from socwidgets.analysis.fit import fit_map
    from socwidgets.analysis.quality import reject_poor_fits
    from socwidgets.heterogeneity.card import heterogeneity_card
    from socwidgets.techniques.stxm import prepare_stxm

    inputs = open_inputs(params)
    od, drift = align(to_optical_density(inputs), params)
    od = prepare_stxm(
        od, offset=params.i0_offset, max_od=params.max_od, pre=params.pre, post=params.post
    )
    jumps = edge_jump(od, **params.edge_options())
    fit = fit_map(
        od,
        "lcf",
        references=inputs.references,
        mask=jumps["mask"],
        cluster=cluster_address(),
        **params.fit_options(),
    )
    maps = reject_poor_fits(soc_map(fit, charged=params.charged), params.r_max)
    maps = name_quantity(maps, params)
    labels = find_particles(jumps, maps, params)
    table = tabulate(maps, labels)
    if labels is None or table is None:
        raise DataError(
            f"no particle was found in {params.stack}",
            expected="particles whose edge jump stands out of the noise",
            fix="lower min_jump, jump_sigma or min_area_um2; the report soc_map needs no particle",
        )
    card = heterogeneity_card(
        maps, labels, projection=params.projection, draws=params.draws, seed=params.seed
    )
    return Scan(params, inputs, od, drift, jumps, fit, maps, labels, table, card)


def inputs_of(scans: Sequence[Scan]) -> Inputs:
    """Inputs of the last of several scans, with the record of all of them."""
    record: dict[str, Any] = {}
    for number, scan in enumerate(scans, start=1):
        record |= {f"{role}_{number}": item for role, item in scan.inputs.record.items()}
    return replace(scans[-1].inputs, record=record)


def numbers_of(scans: Sequence[Scan], names: Sequence[str]) -> dict[str, Number]:
    """Mean and spread of each scan: ``mean_1``, ``sigma_true_1``, ``mean_2`` and so on."""
    found: dict[str, Number] = {}
    for number, (name, scan) in enumerate(zip(names, scans, strict=True), start=1):
        for key, word in (("mean", "Mean"), ("sigma_true", "Spread without the noise")):
            e = scan.card[key]
            label = f"{word}, {name}"
            found[f"{key}_{number}"] = Number(e.value, label, e.units, e.std, e.low, e.high, e.note)
    return found


def conclude(
    scan: Scan,
    report: str,
    numbers: Mapping[str, Number],
    verdict: str,
    *,
    params: SocMapReport | None = None,
    inputs: Inputs | None = None,
    warnings: Sequence[str] = (),
    particles: pd.DataFrame | None = None,
) -> Results:
    """Results of a template: those of its map, and what the template adds.

    Parameters
    ----------
    scan : Scan
        The map (of a series or a comparison, the last).
    report : str
        Template.
    numbers : mapping
        What the template is about; comes first.
    verdict : str
        The sentence at the top.
    params : SocMapReport, optional
        Parameters of the template, if they are others than the scan's.
    inputs : Inputs, optional
        Record of everything that was read, if it is more than the scan's.
    warnings : sequence of str
        Beside those of the map.
    particles : pandas.DataFrame, optional
        Rows of ``results.json``; the scan's table if left out.
    """
    chosen = scan.params if params is None else params
    table = scan.table if particles is None else particles
    base = gather(
        chosen, inputs or scan.inputs, scan.maps, scan.card,
        particles=table, drift=scan.drift, prepared=scan.od, labels=scan.labels,
    )  # fmt: skip
    own = tuple(warnings)
    others = tuple(text for text in base.warnings if text not in own)
    title = base.title if chosen.title else f"{TITLES.get(report, report)}: {base.title}"
    found = factors(chosen, scan.inputs.stack, scan.table)
    return replace(
        base,
        report=report,
        title=title,
        numbers={**numbers, **base.numbers},
        factors=[asdict(factor) for factor in found],
        verdict=verdict,
        warnings=own + others,
    )


def read_rois(params: SocMapReport) -> list[ROI]:
    """Regions of the parameters: JSON text, or a file of it; empty without any.

    Raises
    ------
    ParameterError
        If this is no list of regions.
    """
    return read_regions(params.rois)
