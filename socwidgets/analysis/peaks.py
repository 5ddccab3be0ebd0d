"""Fit peaks, edges or any model of the user's to every spectrum: the method ``"peaks"``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import xarray as xr

from socwidgets.analysis.lcf_design import window_points
from socwidgets.analysis.methods import BlockFit, FillBlock, Method, register_method
from socwidgets.analysis.peak_constraints import Constraints, read_constraints
from socwidgets.analysis.peak_fit import PeakFit
from socwidgets.analysis.peak_maps import peak_curves, peak_specs
from socwidgets.analysis.peak_models import (
    FALLS,
    PEAKS,
    ModelSpec,
    UserModel,
    axis_gauge,
    default_bounds,
    find_model,
)
from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.windows import require_fit_window

#: What sigma and redchi mean for each weighting.
_MEANING = {
    "none": {
        "sigma_source": "residual of each pixel's own fit",
        "redchi_scale": "not scaled: sum(res^2)/(N - P)",
    },
    "std": {"sigma_source": "signal_std", "redchi_scale": "scaled by signal_std"},
    "poisson": {
        "sigma_source": "Poisson statistics of the counts",
        "redchi_scale": "scaled by the expected counts",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakParameters(Parameters):
    """Parameters of a fit of peaks or of a user's model."""

    model: str = param(
        "gaussian + linear",
        "Terms joined by +: gaussian, lorentzian, pseudo_voigt, voigt, arctan, erf, exponential, "
        "power_law, constant, linear, quadratic, cubic; '2*gaussian' for two; 'k_edge'; or the "
        "name of a registered function.",
    )
    low: float | None = param(
        None, "Lowest spectral value of the fit; empty for the stack's first.", unit="axis units"
    )
    high: float | None = param(
        None, "Highest spectral value of the fit; empty for the stack's last.", unit="axis units"
    )
    initial: tuple[str, ...] = param(
        (),
        "Starting values, such as 'center_1=708.2'. A center is looked for near its value; what is "
        "left out is read off each spectrum.",
    )
    bounds: tuple[str, ...] = param((), "Bounds, such as 'center_1=707:710' or 'height=0:'.")
    fixed: tuple[str, ...] = param(
        (), "Parameters that are not fitted, such as 'eta=0.5'; without a value, at their start."
    )
    tied: tuple[str, ...] = param(
        (), "Ties, such as 'fwhm_2=fwhm_1', 'height_2=0.5*height_1' or 'center_2=center_1+1.8'."
    )
    weighting: str = param(
        "auto",
        "'noise' weights each sample by its own inverse variance, 'poisson' fits counts by maximum "
        "likelihood, 'auto' uses the noise where the stack knows it.",
        choices=("auto", "none", "noise", "poisson"),
    )
    max_passes: int = param(
        200, "Evaluations of the model after which a fit has not converged.", low=5, high=10000
    )

    def check(self) -> None:
        """Check the window's order."""
        require_fit_window(self.low, self.high)


def prepare_peaks(
    coord: xr.DataArray,
    params: PeakParameters,
    references: xr.DataArray | None,
    typical_std: np.ndarray | None,
) -> BlockFit:
    """Make a fit of peaks ready for a spectral axis.

    Parameters
    ----------
    coord : xarray.DataArray
        The stack's spectral coordinate, on any axis.
    params : PeakParameters
        Model, window, constraints.
    references : None
        Not used.
    typical_std : ndarray or None
        ``(E,)`` where the noise of the stack is known.

    Raises
    ------
    ParameterError
        Unknown terms or parameters, bounds out of order, a tie to a parameter that is not free.
    DataError
        Fewer points in the window than unknowns plus one, or weights without noise.
    """
    points = window_points(coord, params.low, params.high)
    x = np.asarray(coord.values[points], dtype=np.float64)
    model = find_model(params.model)
    weighting = _weighting(params.weighting, typical_std)
    if isinstance(model, ModelSpec):
        fit = _composite_fit(model, x, params, weighting)
    else:
        fit = _user_fit(model, x, params, weighting)
    if x.size <= fit.plan.unknowns:
        raise DataError(
            "too few spectral points for this fit",
            expected=f"more than {fit.plan.unknowns} points, one per free parameter",
            found=f"{x.size} between {x.min():g} and {x.max():g}",
            fix="widen the window, or fix or tie parameters",
        )

    def narrow(seen: np.ndarray) -> FillBlock | None:
        part = fit.on(seen)
        return None if part is None else part.fill

    attrs = {
        "method": "peaks",
        "model": params.model,
        "fit_parameters": list(fit.names),
        "weighting": weighting,
        "window": [float(x.min()), float(x.max())],
        "n_points": int(x.size),
        **_MEANING[weighting],
    }
    specs = peak_specs(fit, str(coord.attrs.get("units", "1")))
    draw = partial(peak_curves, fit)
    return BlockFit(specs, fit.fill, points, narrow, draw, attrs, costly=True)


def _weighting(wanted: str, typical_std: np.ndarray | None) -> str:
    if wanted == "noise" and typical_std is None:
        raise DataError(
            "weighting='noise' needs the noise of the stack",
            expected="a variable signal_std",
            fix="make the optical density from counts, or use weighting='none' or 'poisson'",
        )
    if wanted == "auto":
        return "none" if typical_std is None else "std"
    return "std" if wanted == "noise" else wanted


def _composite_fit(
    spec: ModelSpec, x: np.ndarray, params: PeakParameters, weighting: str
) -> PeakFit:
    from socwidgets.kernels.lm_composite import composite
    from socwidgets.kernels.lm_plan import make_plan

    middle, half = 0.5 * (x[0] + x[-1]), 0.5 * abs(x[-1] - x[0])
    scaled = (x - middle) / (half or 1.0)
    factor, offset = axis_gauge(spec, middle, half or 1.0)
    limits = default_bounds(spec, float(np.median(np.abs(np.diff(scaled)))) if x.size > 1 else 1.0)
    rules = read_constraints(spec.names, params, factor, offset, limits)
    falls = {spec.terms.index(t): _fall_axis(t.kind, x, half or 1.0) for t in spec.of(FALLS)}
    kinds = tuple("exponential" if t.kind in FALLS else t.kind for t in spec.terms)
    plan = make_plan(
        composite(kinds, scaled, degree=spec.degree, own_axes=falls),
        lower=rules.lower,
        upper=rules.upper,
        fixed=rules.fixed,
        tied=rules.tied,
        weighting=weighting,
        max_passes=params.max_passes,
    )
    windows, initial, sort = _windows(spec, rules)
    return PeakFit(plan, spec.names, factor, offset, spec, scaled, falls, windows, sort, initial)


def _fall_axis(kind: str, x: np.ndarray, half: float) -> np.ndarray:
    """Axis on which a background falls exponentially: from the first point, or its logarithm."""
    if kind == "exponential":
        return (x - x[0]) / half
    if x.min() <= 0:
        raise ParameterError(
            "a power law needs a positive axis", found=f"{x.min():g} as the lowest value"
        )
    return np.log(x / x[0])


def _windows(spec: ModelSpec, rules: Constraints) -> tuple[np.ndarray, np.ndarray, bool]:
    """Where to look for each peak: inside its bounds, around the value that the user gave."""
    peaks = spec.of(PEAKS)
    initial = rules.initial.copy()
    centers = np.array([initial[t.first + 1] for t in peaks])
    windows = np.empty((len(peaks), 3))
    for k, term in enumerate(peaks):
        low, high = rules.lower[term.first + 1], rules.upper[term.first + 1]
        if np.isfinite(centers[k]):
            others = np.abs(np.delete(centers, k) - centers[k])
            near = np.nanmin(others, initial=np.inf) if np.isfinite(others).any() else np.inf
            reach = min(0.5 * near, 0.25)
            low, high = max(low, centers[k] - reach), min(high, centers[k] + reach)
            if term.first + 1 not in rules.fixed:
                initial[term.first + 1] = np.nan
        sign = -1.0 if rules.upper[term.first] <= 0 else 1.0
        windows[k] = low, high, sign
    asked = np.isfinite(centers).any() or any(t.names[1] in rules.bounded for t in peaks)
    return windows, initial, not asked


def _user_fit(model: UserModel, x: np.ndarray, params: PeakParameters, weighting: str) -> PeakFit:
    from socwidgets.kernels.lm_plan import make_plan
    from socwidgets.kernels.lm_user import compile_model
    from socwidgets.kernels.lm_user_check import check_derivatives, check_model

    try:
        check_model(model.function, model.jacobian)
    except ValueError as problem:
        raise ParameterError(
            f"the model {model.name!r} cannot be used: {problem}",
            expected="a function that returns a number for one x, of arithmetic, branches and "
            "functions of numpy or math; all it refers to are numbers, modules or such functions",
        ) from None
    count = len(model.names)
    one, zero = np.ones(count), np.zeros(count)
    rules = read_constraints(
        model.names, params, one, zero, (-np.inf * one, np.inf * one), model.initial
    )
    missing = [n for n, v in zip(model.names, rules.initial, strict=True) if not np.isfinite(v)]
    if missing:
        raise ParameterError(
            f"the model {model.name!r} needs starting values",
            expected="initial=('" + "=...', '".join(model.names) + "=...')",
            found=f"none for {', '.join(missing)}",
        )
    if model.jacobian is not None:
        try:
            check_derivatives(model.function, model.jacobian, x, rules.initial)
        except ValueError as problem:
            raise ParameterError(
                f"the derivatives of the model {model.name!r} are wrong: {problem}",
                fix="correct them, or leave jacobian out",
            ) from None
    compiled = compile_model(model.function, x, jacobian=model.jacobian, typical=rules.initial)
    plan = make_plan(
        compiled,
        lower=rules.lower,
        upper=rules.upper,
        fixed=rules.fixed,
        tied=rules.tied,
        weighting=weighting,
        double=True,
        max_passes=params.max_passes,
    )
    return PeakFit(
        plan, model.names, one, zero, None, x, {}, np.empty((0, 3)), False, rules.initial
    )


register_method(Method("peaks", PeakParameters, prepare_peaks))
