"""Steps of the template `quality`: whether the data can support a claim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets import plotting
from socwidgets.analysis.energy_scale import EnergyScale
from socwidgets.analysis.quality import fit_quality
from socwidgets.heterogeneity.limits.mass_balance import MassBalance
from socwidgets.heterogeneity.noise_floor import NoiseFloor, noise_floor
from socwidgets.model.names import SIGNAL, STATUS, spectral_dim
from socwidgets.model.status import Status, usable
from socwidgets.reports.balance import balance_of
from socwidgets.reports.parameter_classes import QualityReport
from socwidgets.reports.prepare import largest_drift
from socwidgets.reports.publish import show_figures, show_list, show_table
from socwidgets.reports.results import Number
from socwidgets.reports.scan import Scan, cluster_address

#: Part of a pixel that drift may leave, share of saturated or unfit pixels, and the noise of a
#: pixel over the smallest spread, up to which nothing is said.
MAX_DRIFT_PX, MAX_SHARE, MAX_REDCHI = 0.5, 0.05, 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One question to the data.

    Attributes
    ----------
    name, question : str
        Short name, and what was asked.
    passed : bool or None
        None where the data do not say.
    found, wanted : str
        What was measured and what would be good enough.
    """

    name: str
    question: str
    passed: bool | None
    found: str
    wanted: str


def null_test(scan: Scan) -> NoiseFloor:
    """Noise from the propagated uncertainties, the two halves of the energies, and the variogram.

    Odd and even energies are fitted apart: what differs between the two maps is noise, whatever
    the uncertainties say.
    """
    odd, even = (_half(scan, start) for start in (0, 1))
    return noise_floor(scan.maps, odd_even=(odd, even), labels=scan.labels)


def _half(scan: Scan, start: int) -> xr.Dataset:
    from socwidgets.analysis.calibration import soc_map
    from socwidgets.analysis.fit import fit_map

    dim = spectral_dim(scan.od[SIGNAL])
    half = scan.od.isel({dim: slice(start, None, 2)})
    fit = fit_map(
        half, "lcf", references=scan.inputs.references, mask=scan.jumps["mask"],
        cluster=cluster_address(), **scan.params.fit_options(),
    )  # fmt: skip
    return soc_map(fit, charged=scan.params.charged)


def check_quality(
    scan: Scan, noise: NoiseFloor, scale: EnergyScale | None, params: QualityReport
) -> list[Check]:
    """Ask the data everything that could spoil the claim."""
    checks = [
        _registration(scan),
        _noise(noise, params),
        _agreement(noise),
        _saturation(scan),
        _fit(scan),
        _calibration(scale, params),
        _spread(scan, params),
    ]
    balance = balance_of(scan.params, scan.inputs.stack, scan.maps, scan.labels)
    return checks if balance is None else [*checks, _balance(balance)]


def _registration(scan: Scan) -> Check:
    question = "Are the frames on top of each other?"
    wanted = f"drift measured, and below {MAX_DRIFT_PX} px or corrected"
    if scan.drift is None:
        return Check("registration", question, None, "not measured", wanted)
    drift, done = largest_drift(scan.drift), bool(scan.drift.attrs.get("corrected"))
    found = f"largest drift {drift:.2f} px, {'corrected' if done else 'not corrected'}"
    return Check("registration", question, done or drift < MAX_DRIFT_PX, found, wanted)


def _noise(noise: NoiseFloor, params: QualityReport) -> Check:
    best = noise.best
    return Check(
        "noise",
        "Is the noise of a pixel below the spread that the claim is about?",
        best.sigma < params.smallest_spread,
        f"noise {best.sigma:.3g} ({best.source.replace('_', ' ')})",
        f"below {params.smallest_spread:g}",
    )


def _balance(balance: MassBalance) -> Check:
    return Check(
        "mass balance",
        "Does the mean of the map agree with the charge that has passed?",
        None if np.isnan(balance.z) else not balance.mismatch,
        f"map minus coulometry {balance.delta:+.3f} ({abs(balance.z):.1f} sigma)",
        "within 2 sigma",
    )


def _agreement(noise: NoiseFloor) -> Check:
    found = ", ".join(f"{e.source.replace('_', ' ')} {e.sigma:.3g}" for e in noise.estimates)
    return Check(
        "null test",
        "Do independent estimates of the noise agree (odd against even energies)?",
        noise.agree if len(noise.estimates) > 1 else None,
        found,
        "within 20 % of each other or three standard errors",
    )


def _saturation(scan: Scan) -> Check:
    status = scan.maps[STATUS].values
    fitted = ~np.isin(status, [Status.MASKED, Status.LOW_SIGNAL])
    share = float(np.mean(status[fitted] == Status.SATURATED)) if fitted.any() else np.nan
    return Check(
        "saturation",
        "Is the optical density in the linear range?",
        bool(share <= MAX_SHARE),
        f"{share:.1%} of the pixels with sample above {scan.params.max_od:g}",
        f"at most {MAX_SHARE:.0%}",
    )


def _fit(scan: Scan) -> Check:
    redchi = fit_quality(scan.maps).get("redchi", np.nan)
    return Check(
        "fit",
        "Do the references describe the spectra within the noise?",
        bool(redchi <= MAX_REDCHI) if np.isfinite(redchi) else None,
        f"median reduced chi-square {redchi:.2f}" if np.isfinite(redchi) else "noise not known",
        f"at most {MAX_REDCHI:g}",
    )


def _calibration(scale: EnergyScale | None, params: QualityReport) -> Check:
    question = "Is the energy scale of the references good enough for the mean?"
    wanted = f"below {params.smallest_spread:g}"
    if scale is None:
        return Check("calibration", question, None, "not measured", wanted)
    error = abs(scale.slope) * params.energy_std
    found = (
        f"systematic uncertainty of the mean {error:.3g} for {params.energy_std:g} eV; best shift "
        f"{scale.best_shift:+.2f} eV"
    )
    return Check("calibration", question, error < params.smallest_spread, found, wanted)


def _spread(scan: Scan, params: QualityReport) -> Check:
    entry = scan.card["sigma_true"]
    low = entry.low if np.isfinite(entry.low) else entry.value
    return Check(
        "spread",
        "Is the spread without the noise larger than the smallest that matters?",
        bool(low > params.smallest_spread),
        f"{entry.value:.3g}, at least {low:.3g} (95 %)",
        f"above {params.smallest_spread:g}",
    )


def quality_numbers(checks: list[Check], noise: NoiseFloor) -> dict[str, Number]:
    """Every noise estimate, and how many checks were passed."""
    found = {
        "checks_passed": Number(sum(c.passed is True for c in checks), "Checks passed"),
        "checks_failed": Number(sum(c.passed is False for c in checks), "Checks failed"),
        "checks_open": Number(sum(c.passed is None for c in checks), "Checks without an answer"),
    }
    for e in noise.estimates:
        label = f"Noise of a pixel, {e.source.replace('_', ' ')}"
        found[f"noise_{e.source}"] = Number(e.sigma, label, noise.units, e.std, method=e.note)
    return found


def quality_verdict(checks: list[Check], claim: str) -> str:
    """One sentence: whether the data support the claim, and what stands against it."""
    failed = [c.name for c in checks if c.passed is False]
    unknown = [c.name for c in checks if c.passed is None]
    text = claim.strip().rstrip(".")
    if failed:
        return f"These data do not support “{text}” as they are: {', '.join(failed)}."
    if unknown:
        return f"These data support “{text}” unless {', '.join(unknown)} spoils it: not known."
    return f"These data can support “{text}”: all {len(checks)} checks are passed."


def show_checks(checks: list[Check], noise: NoiseFloor) -> None:
    """Table of the checks, and of the noise from every source."""
    words = {True: "✓ passed", False: "✗ failed", None: "? not known"}
    rows = {
        c.question: {"answer": words[c.passed], "found": c.found, "wanted": c.wanted}
        for c in checks
    }
    table = pd.DataFrame(rows).T
    table.index.name = "question"
    show_table(table, "checks")
    frame = noise.to_frame()
    shown = pd.DataFrame(
        {
            "noise of a pixel": [f"{v:.3g}" for v in frame["sigma"]],
            "standard error": [f"{v:.2g}" for v in frame["std"]],
            "spread without it": [f"{v:.3g}" for v in frame["true_spread"]],
            "assumes": [str(note) for note in frame["note"]],
        },
        index=pd.Index([str(n).replace("_", " ") for n in frame.index], name="source"),
    )
    show_table(shown, "checks", "Noise from independent sources")


def show_quality_maps(scan: Scan) -> None:
    """The map and its uncertainty, drift of the frames, and why pixels were left out."""
    keep = usable(scan.maps)
    figures = [
        plotting.map_figure(scan.maps["soc"].where(keep), None, scan.labels, width=4.6),
        plotting.map_figure(scan.maps["soc_std"].where(keep), width=4.6),
    ]
    show_figures(figures, "map", ["The map.", "Standard uncertainty of each pixel."])
    if scan.drift is None:
        show_list(["The drift of the frames was not measured."], "quality")
    else:
        drift = plotting.drift_figure(scan.drift)
        show_figures(drift, "quality", "Drift of the frames, as measured.")
