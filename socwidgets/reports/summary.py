"""Gather the numbers, warnings and provenance of a report into one `Results`."""

from __future__ import annotations

import dataclasses

import pandas as pd
import xarray as xr

from socwidgets.analysis.energy_scale import EnergyScale
from socwidgets.analysis.quality import POOR_FITS, fit_quality, fit_warnings
from socwidgets.analysis.recovery import Recovery
from socwidgets.heterogeneity.card_model import HeterogeneityCard
from socwidgets.heterogeneity.card_parts import CardEntry
from socwidgets.model import provenance
from socwidgets.model.mapset import notes_of
from socwidgets.model.names import STATUS
from socwidgets.model.stack import pixel_size_um
from socwidgets.model.status import status_counts
from socwidgets.reports.balance import balance_numbers, balance_of
from socwidgets.reports.factors import factors, missing_words
from socwidgets.reports.inputs import Inputs
from socwidgets.reports.parameters import SocMapReport
from socwidgets.reports.prepare import largest_drift
from socwidgets.reports.results import Number, Results

#: Numbers at the top of the page, where they exist.
HEADLINE = (
    "mean", "mean_all_pixels", "mean_energy_std", "charge_soc", "mass_balance",
    "sigma_true", "sigma_observed", "sigma_noise", "hsn", "share_between", "correlation_length",
    "n_particles", "n_pixels",
)  # fmt: skip
TRUTH_HEADLINE = ("truth_bias", "truth_ratio", "truth_pull_sd")

#: Part of the residual that a shift must explain before the page speaks of it.
MIN_GAIN = 0.05

_FIT_WORDS = {
    "n_fitted": ("Pixels with enough signal", "edge-jump mask"),
    "n_usable": ("Pixels in the statistics", "status ok or at a bound"),
    "share_at_bound": ("Share of pixels at a bound", "constrained fit"),
    "redchi": ("Reduced chi-square, median", "over the pixels in the statistics"),
    "r_factor": ("R-factor, median", "background taken out"),
    "residual_rms": ("Rms residual, median", "optical density"),
}


def gather(
    params: SocMapReport,
    inputs: Inputs,
    maps: xr.Dataset,
    card: HeterogeneityCard,
    *,
    whole: HeterogeneityCard | None = None,
    particles: pd.DataFrame | None = None,
    drift: xr.Dataset | None = None,
    prepared: xr.Dataset | None = None,
    recovery: Recovery | None = None,
    scale: EnergyScale | None = None,
    labels: xr.DataArray | None = None,
) -> Results:
    """Collect what a report states.

    Parameters
    ----------
    params : SocMapReport
        Parameters of the run.
    inputs : Inputs
        What was read.
    maps : xarray.Dataset
        Final map set.
    card : HeterogeneityCard
        Card inside the particles, or of all pixels where there are none.
    whole : HeterogeneityCard, optional
        Card of all usable pixels, for the mean with an interval by blocks.
    particles : pandas.DataFrame, optional
        From `particle_table`.
    drift : xarray.Dataset, optional
        From `align`.
    prepared : xarray.Dataset, optional
        The stack of optical density, for its I0 offset.
    recovery : Recovery, optional
        Comparison with the truth, for a phantom.
    scale : EnergyScale, optional
        Dependence of the mean on the energy scale.
    labels : xarray.DataArray, optional
        Particles, for the mass balance.
    """
    numbers = {entry.name: _from_card(entry, card, maps) for entry in card.entries}
    if whole is not None:
        mean = _from_card(whole["mean"], whole, maps)
        numbers["mean_all_pixels"] = _relabel(mean, "Mean of all usable pixels")
        numbers["mean"] = _relabel(numbers["mean"], "Mean inside particles")
        numbers["n_pixels"] = _relabel(numbers["n_pixels"], "Pixels inside particles")
    numbers |= _fit_numbers(maps)
    numbers |= _preparation_numbers(drift, prepared, maps)
    if scale is not None:
        numbers |= _scale_numbers(scale, params)
    energy_std = numbers["mean_energy_std"].value if scale is not None else 0.0
    balance = balance_of(params, inputs.stack, maps, labels, systematic_std=energy_std)
    numbers |= balance_numbers(balance)
    broken = balance.verdict if balance is not None and balance.mismatch else ""
    if recovery is not None:
        numbers |= _truth_numbers(recovery)
    found = factors(params, inputs.stack, particles)
    unstated = missing_words(found) if inputs.phantom is None else ""
    rows = [] if particles is None else particles.reset_index().to_dict("records")
    return Results(
        report="soc_map",
        title=title_of(params, inputs.stack),
        parameters=params.to_dict(),
        numbers=numbers,
        inputs=inputs.record,
        particles=rows,
        factors=[dataclasses.asdict(factor) for factor in found],
        status=status_counts(maps[STATUS]),
        verdict=card.verdict,
        warnings=tuple(
            filter(None, [broken, *_warnings(inputs, maps, card, drift, prepared, scale), unstated])
        ),
        provenance=provenance.steps(maps),
    )


def title_of(params: SocMapReport, stack: xr.Dataset) -> str:
    """Title of the page: the user's, else the quantity and the sample."""
    if params.title:
        return params.title
    name = params.quantity_name or "State of charge"
    sample = str(stack.attrs.get("sample") or stack.attrs.get("title") or "").strip()
    return f"{name} – {sample}" if sample else name


def headline_names(results: Results) -> list[str]:
    """Names of the numbers for the top of the page, those of the truth last."""
    return [name for name in (*HEADLINE, *TRUTH_HEADLINE) if name in results.numbers]


def _from_card(entry: CardEntry, card: HeterogeneityCard, maps: xr.Dataset) -> Number:
    weighted = card.record.get("weights") == "thickness" and "thickness" in maps
    method = entry.note
    if entry.name in ("mean", "median", "sigma_observed") and weighted:
        method = "; ".join(filter(None, ("thickness-weighted", method)))
    return Number(
        entry.value, entry.long_name, entry.units, entry.std, entry.low, entry.high, method
    )


def _relabel(number: Number, label: str) -> Number:
    return Number(
        number.value, label, number.unit, number.std, number.low, number.high, number.method
    )


def _fit_numbers(maps: xr.Dataset) -> dict[str, Number]:
    found = {
        name: Number(value, _FIT_WORDS[name][0], method=_FIT_WORDS[name][1])
        for name, value in fit_quality(maps).items()
    }
    if "condition_number" in maps.attrs:
        value = float(maps.attrs["condition_number"])
        found["condition_number"] = Number(value, "Condition number of the references")
    poor = Number(float(maps.attrs.get(POOR_FITS, 0)), "Pixels left out for their R-factor")
    return {**found, "n_poor_fits": poor}


def _preparation_numbers(
    drift: xr.Dataset | None, prepared: xr.Dataset | None, maps: xr.Dataset
) -> dict[str, Number]:
    size_y, size_x = pixel_size_um(maps)
    found = {
        "pixel_size_y": Number(size_y, "Pixel size along y", "um"),
        "pixel_size_x": Number(size_x, "Pixel size along x", "um"),
    }
    if drift is not None:
        how = "aligned" if drift.attrs.get("corrected") else "too small to align"
        text = "Largest drift of a frame"
        found["largest_drift"] = Number(largest_drift(drift), text, "px", method=how)
    if prepared is not None and "i0_offset" in prepared.attrs:
        value, std = (float(prepared.attrs[f"i0_offset{end}"]) for end in ("", "_std"))
        found["i0_offset"] = Number(
            value, "Optical-density offset of the I0", std=std, method="object-free pixels"
        )
    return found


def _scale_numbers(scale: EnergyScale, params: SocMapReport) -> dict[str, Number]:
    """Systematic uncertainty of the mean; no number of pixels averages it out."""
    error = abs(scale.slope) * params.energy_std
    how = f"energy scale of the references uncertain by {params.energy_std:g} eV"
    return {
        "mean_energy_std": Number(error, "Systematic uncertainty of the mean", method=how),
        "mean_energy_slope": Number(
            scale.slope, "Change of the mean per eV of shift", "1/eV", method="mean spectrum"
        ),
        "best_energy_shift": Number(
            scale.best_shift, "Shift of the references that fits best", "eV",
            method="smallest residual of the mean spectrum",
        ),
        "mean_at_best_shift": Number(scale.best_fraction, "Mean at that shift"),
    }  # fmt: skip


def _scale_warnings(scale: EnergyScale | None) -> list[str]:
    """Say so where shifted references fit much better: their energy scale is another one."""
    if scale is None or scale.best_rms > (1.0 - MIN_GAIN) * scale.rms:
        return []
    end = " or more" if scale.at_end else ""
    return [
        f"The references fit better when they are shifted by {scale.best_shift:+.2f} eV{end}: the "
        f"residual falls by {1 - scale.best_rms / scale.rms:.0%} and the mean becomes "
        f"{scale.best_fraction:.2f} instead of {scale.fraction:.2f}. Check the energy calibration; "
        "the parameter energy_shift applies a shift."
    ]


def _truth_numbers(recovery: Recovery) -> dict[str, Number]:
    how = f"{recovery.n_pixels} pixels of the phantom"
    return {
        "truth_bias": Number(
            recovery.bias, "Mean error against the truth", std=recovery.bias_std, method=how
        ),
        "truth_rms": Number(recovery.rms, "Rms error against the truth", method=how),
        "truth_theory": Number(recovery.theory, "Rms error that the uncertainties predict"),
        "truth_ratio": Number(recovery.ratio, "Rms error over the predicted one", method=how),
        "truth_pull_mean": Number(recovery.pull_mean, "Mean of (estimate − truth)/sigma"),
        "truth_pull_sd": Number(
            recovery.pull_sd, "Standard deviation of (estimate − truth)/sigma",
            method="1 for honest uncertainties",
        ),
    }  # fmt: skip


def _warnings(
    inputs: Inputs,
    maps: xr.Dataset,
    card: HeterogeneityCard,
    drift: xr.Dataset | None,
    prepared: xr.Dataset | None,
    scale: EnergyScale | None,
) -> list[str]:
    found = [f"On reading: {note}" for note in inputs.notes]
    found += _scale_warnings(scale)
    if inputs.phantom is not None:
        found.append("These data are simulated; the sample is a phantom with a known truth.")
    offset = float(prepared.attrs.get("i0_offset", 0.0)) if prepared is not None else 0.0
    if offset:
        found.append(
            f"The I0 is on another scale than the images: an optical density of {offset:.3f}, seen "
            "in object-free pixels before the edge, was subtracted everywhere."
        )
    if drift is not None and drift.attrs.get("corrected"):
        found.append(
            f"Frames had drifted by up to {largest_drift(drift):.2f} px and were aligned; what is "
            "left of it shows first as rims around particles."
        )
    if drift is None:
        found.append("Drift between the frames was not measured.")
    return [*found, *notes_of(maps), *card.warnings, *fit_warnings(maps)]
