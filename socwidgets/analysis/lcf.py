"""Linear combination fitting of reference spectra (science: OD-space form with background)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr

from socwidgets.analysis.frame_sums import FrameStream
from socwidgets.analysis.lcf_design import (
    BACKGROUND_POWERS,
    background_rows,
    covered_points,
    window_points,
)
from socwidgets.analysis.methods import BlockFit, FillBlock, Method, register_method
from socwidgets.analysis.sum_rule import doubt_of
from socwidgets.kernels.lcf_plan import CONSTRAINTS, LcfPlan, make_plan
from socwidgets.model.errors import DataError, ReferenceSpectraError
from socwidgets.model.mapset import MapSpec
from socwidgets.model.names import std_name
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.references import align_references, component_names, shift_references
from socwidgets.model.windows import require_fit_window


@dataclass(frozen=True, slots=True, kw_only=True)
class LcfParameters(Parameters):
    """Parameters of a linear combination fit."""

    constraint: str = param(
        "non_negative",
        "Constraint on the weights: 'none', 'non_negative', 'sum_to_one' (normalized spectra only) "
        "or 'simplex' (both).",
        choices=CONSTRAINTS,
    )
    background_degree: int = param(
        1,
        "Degree of the polynomial background fitted with the references; -1 for none.",
        low=-1,
        high=1,
    )
    background_law: str = param(
        "line",
        "How the background of degree 1 runs: along a straight line, or as E^-3, as the absorption "
        "of everything beside the edge falls (Victoreen).",
        choices=tuple(BACKGROUND_POWERS),
    )
    low: float | None = param(
        None, "Lowest spectral value of the fit; empty for the stack's first.", unit="axis units"
    )
    high: float | None = param(
        None, "Highest spectral value of the fit; empty for the stack's last.", unit="axis units"
    )
    weighting: str = param(
        "none",
        "'noise' weights each energy by the inverse of the mean variance over the image.",
        choices=("none", "noise"),
    )
    energy_shift: float = param(
        0.0,
        "Added to the spectral axis of the references, one for the whole image; `image_shift` "
        "finds it.",
        unit="axis units",
        low=-5.0,
        high=5.0,
    )
    coverage: str = param(
        "refuse",
        "Points of the window outside the references' range: 'refuse' the fit, or 'cut' them off "
        "and say so. Nothing is ever extrapolated.",
        choices=("refuse", "cut"),
    )
    max_condition: float = param(
        100.0, "References with a larger condition number are refused as collinear.", low=1.0
    )

    def check(self) -> None:
        """Check the window's order."""
        require_fit_window(self.low, self.high)


def lcf_specs(components: list[str], background_degree: int) -> tuple[MapSpec, ...]:
    """Maps of a linear combination fit, in the row order of the kernel."""
    specs: list[MapSpec] = []
    for name in components:
        values = (
            (f"coefficient_{name}", f"Weight of {name}", ""),
            (f"fraction_{name}", f"Fraction of {name}", "fraction"),
            (f"fraction_{name}_free", f"Fraction of {name}, unconstrained", "fraction"),
        )
        for variable, long_name, kind in values:
            specs.append(MapSpec(variable, long_name, kind=kind))
            specs.append(MapSpec(std_name(variable), f"Standard uncertainty: {long_name}"))
    words = ("Background at mid-range", "Half the background's change over the range")
    specs += [MapSpec(f"background_{i}", words[i]) for i in range(background_degree + 1)]
    specs += [
        MapSpec("thickness", "Sum of the weights (thickness in units of the references)"),
        MapSpec(std_name("thickness"), "Standard uncertainty: sum of the weights"),
        MapSpec("r_factor", "R-factor (after background)"),
        MapSpec("redchi", "Reduced chi-square"),
        MapSpec("residual_rms", "Root-mean-square residual"),
    ]
    return tuple(specs)


def prepare_lcf(
    coord: xr.DataArray,
    params: LcfParameters,
    references: xr.DataArray | None,
    typical_std: np.ndarray | None,
) -> BlockFit:
    """Make a linear combination fit ready for a spectral axis.

    Parameters
    ----------
    coord : xarray.DataArray
        The stack's spectral coordinate.
    params : LcfParameters
        Constraint, background, window.
    references : xarray.DataArray
        ``(component, <spectral>)``; put on the grid without extrapolation.
    typical_std : ndarray or None
        ``(E,)``, mean standard uncertainty over the image, for ``weighting='noise'``.

    Raises
    ------
    ReferenceSpectraError
        No references, references that do not cover the window or are collinear.
    DataError
        Fewer points in the window than unknowns plus one.
    """
    from socwidgets.kernels.lcf import fit_block

    if references is None:
        raise ReferenceSpectraError(
            "a linear combination fit needs reference spectra",
            fix="pass references=open_references(...)",
        )
    references = shift_references(references, params.energy_shift)
    points = window_points(coord, params.low, params.high)
    points, cut = covered_points(coord, points, references, params.coverage)
    window = coord[points]
    aligned = align_references(references, window)
    names = [str(name) for name in component_names(aligned)]
    _refuse_few_points(window.values, len(names), params.background_degree)
    condition = _check_condition(aligned.values, names, params.max_condition)
    weights = _weights(params, typical_std, points)
    background = background_rows(window.values, params.background_degree, params.background_law)
    planned = partial(make_plan, constraint=params.constraint)
    try:
        plan = planned(aligned.values, background, weights=weights)
    except np.linalg.LinAlgError:
        raise ReferenceSpectraError(
            "the references cannot be told from each other or from the background",
            found=f"background of degree {params.background_degree} on {window.size} points",
            fix="lower background_degree or add points before the edge",
        ) from None

    def narrow(seen: np.ndarray) -> FillBlock | None:
        if np.count_nonzero(seen) <= len(names) + background.shape[0]:
            return None
        part = None if weights is None else weights[seen]
        try:
            return partial(
                fit_block, planned(aligned.values[:, seen], background[:, seen], weights=part)
            )
        except np.linalg.LinAlgError:
            return None

    attrs = {
        "method": "lcf",
        "components": names,
        "condition_number": round(condition, 3),
        "constraint": params.constraint,
        "window": [float(window.values.min()), float(window.values.max())],
        "n_points": int(window.size),
        "energy_shift": params.energy_shift,
        "interpolation": aligned.attrs["interpolation"],
        **cut,
    }
    return BlockFit(
        lcf_specs(names, params.background_degree),
        partial(fit_block, plan),
        points,
        narrow,
        partial(_curves, names, plan.references, background),
        attrs,
        stream=partial(_stream, plan),
        doubt=doubt_of(aligned.values, background, params.constraint),
    )


def _curves(
    names: list[str], references: np.ndarray, background: np.ndarray, column: np.ndarray
) -> dict[str, np.ndarray]:
    """Fit, background and parts ``(E,)`` of one pixel, whose results are `column`."""
    count = len(names)
    weight, poly = column[: 6 * count : 6], column[6 * count : 6 * count + background.shape[0]]
    base = poly @ background
    parts = {f"component_{n}": w * s for n, w, s in zip(names, weight, references, strict=True)}
    return {"fit": base + sum(parts.values()), "background": base, **parts}


def _refuse_few_points(window: np.ndarray, n_references: int, background_degree: int) -> None:
    unknowns = n_references + background_degree + 1
    if window.size <= unknowns:
        raise DataError(
            "too few spectral points for this fit",
            expected=f"more than {unknowns} points ({n_references} references, background of "
            f"degree {background_degree})",
            found=f"{window.size} between {window.min():g} and {window.max():g}",
            fix="widen the window, measure more energies or lower background_degree; two energies "
            "are enough for two_energy_soc of socwidgets.techniques.stxm_soc",
        )


def _stream(plan: LcfPlan, has_std: bool) -> FrameStream:
    """The fit frame by frame; loaded only where there is a stack that is read so."""
    from socwidgets.kernels.lcf_stream import LcfStream

    return LcfStream.of(plan, has_std)


def _check_condition(spectra: np.ndarray, names: list[str], limit: float) -> float:
    """Condition number of the references inside the window; refuse collinear ones."""
    empty = [name for name, row in zip(names, spectra, strict=True) if not row.any()]
    if empty:
        raise ReferenceSpectraError(
            f"reference {', '.join(empty)} is zero in the whole fit window",
            fix="leave it out: a background is fitted anyway (background_degree)",
        )
    condition = float(np.linalg.cond(spectra.T))
    if not condition <= limit:
        raise ReferenceSpectraError(
            "the references are collinear: their weights cannot be told apart",
            expected=f"condition number up to {limit:g}",
            found=f"{condition:.4g} for {', '.join(names)}",
            fix="drop or exchange a reference, or widen the window to where they differ",
        )
    return condition


def _weights(
    params: LcfParameters, typical_std: np.ndarray | None, points: np.ndarray
) -> np.ndarray | None:
    if params.weighting == "none":
        return None
    if typical_std is None:
        raise DataError(
            "weighting='noise' needs the noise of the stack",
            expected="a variable signal_std",
            fix="make the optical density from counts, or use weighting='none'",
        )
    return 1.0 / np.maximum(typical_std[points], 1e-12) ** 2


register_method(Method("lcf", LcfParameters, prepare_lcf, needs_references=True))
