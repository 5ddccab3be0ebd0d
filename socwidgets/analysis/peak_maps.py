"""What a fit of peaks leaves behind: its maps, and its curves drawn from them."""

from __future__ import annotations

import numpy as np

from socwidgets.analysis.peak_fit import PeakFit
from socwidgets.analysis.peak_models import PEAKS
from socwidgets.analysis.peak_shape import DERIVED
from socwidgets.model.mapset import MapSpec
from socwidgets.model.names import std_name

#: Kind of a peak's position by the units of the axis.
_KINDS = {"eV": "energy", "cm-1": "shift", "angstrom": "d_spacing"}


def peak_specs(fit: PeakFit, units: str) -> tuple[MapSpec, ...]:
    """Maps of the fit, in the row order of `PeakFit.fill`."""
    specs: list[MapSpec] = []

    def add(
        name: str, long_name: str, unit: str = "1", kind: str = "", origin: float = 0.0
    ) -> None:
        specs.append(MapSpec(name, long_name, unit, kind, origin))
        specs.append(MapSpec(std_name(name), f"Standard uncertainty: {long_name}", unit))

    on_axis = ("center", "fwhm", "step_center", "step_width")
    for name, origin in zip(fit.names, fit.offset, strict=True):
        word = name.replace("_", " ").capitalize()
        along = fit.spec is not None and name.startswith(on_axis)
        position = along and "center" in name
        kind = _KINDS.get(units, "") if position else ""
        add(name, word, units if along else "1", kind, float(origin))
    for term in fit.spec.of(PEAKS) if fit.spec else []:
        for name in DERIVED[term.kind]:
            full = f"{name}{term.suffix}"
            add(full, full.replace("_", " ").capitalize(), units if name == "fwhm" else "1")
    specs.append(MapSpec("redchi", "Reduced chi-square"))
    specs.append(MapSpec("n_iterations", "Evaluations of the model"))
    return tuple(specs)


def peak_curves(fit: PeakFit, column: np.ndarray) -> dict[str, np.ndarray]:
    """Fit, background and peaks of one result column."""
    from socwidgets.kernels.lm_evaluate import evaluate_model

    user = np.asarray(column[0 : 2 * len(fit.names) : 2], dtype=np.float64)
    values = user / fit.factor
    total = evaluate_model(fit.plan.model, values)
    if fit.spec is None:
        return {"fit": total, "background": np.zeros_like(total)}
    parts, background = {}, total.copy()
    for term in fit.spec.of(PEAKS):
        alone = values.copy()
        alone[[t.first for t in fit.spec.terms if t is not term]] = 0.0  # all heights but this
        alone[len(values) - fit.spec.degree - 1 :] = 0.0
        parts[f"component_{term.kind}{term.suffix}"] = evaluate_model(fit.plan.model, alone)
        background = background - parts[f"component_{term.kind}{term.suffix}"]
    return {"fit": total, "background": background, **parts}
