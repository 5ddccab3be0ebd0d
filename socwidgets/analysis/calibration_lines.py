"""Calibrations from a fitted quantity to a composition: two points, a line, a spline, a table."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from socwidgets.analysis.calibration_fit import CurveFit, fit_curve
from socwidgets.model.errors import ParameterError
from socwidgets.model.parameters import Parameters, param

#: Kinds that a calibration can lead to, in words.
COMPOSITION_WORDS = {
    "soc": "State of charge",
    "x_li": "Lithium content",
    "x_removed": "Lithium removed",
    "oxidation_state": "Oxidation state",
}
COMPOSITIONS = tuple(COMPOSITION_WORDS)
SHAPES = ("line", "spline", "table")

_MARGIN_HELP = (
    "How far outside the calibrated range values count as calibrated, in units of the range; "
    "beyond it (and beyond 3 sigma) a pixel is flagged out_of_range."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration(Parameters, ABC):
    """What all calibrations share; use `TwoPoint` or `StandardsCurve`."""

    variable: str = param("", "Map that the calibration belongs to; empty for any.")
    margin: float = param(0.1, _MARGIN_HELP, low=0.0)
    made_with: str = param(
        "",
        "How the standards were evaluated, as `measured_with` says it of their maps: applied to "
        "maps of another window or grid, the calibration warns. Empty: not known.",
    )
    confirm_extrapolation: bool = param(
        False, "Do not flag values beyond the calibrated range: you know that the curve goes on."
    )
    force: bool = param(
        False, "Use a quantity that is known to mislead, such as the largest slope at a Ni K edge."
    )

    def check(self) -> None:
        """Check that `made_with` is what `measured_with` writes."""
        try:
            known = isinstance(json.loads(self.made_with or "{}"), dict)
        except json.JSONDecodeError:
            known = False
        if not known:
            raise ParameterError(
                "made_with does not say how the standards were evaluated",
                expected="the text of measured_with(maps, variable), or nothing",
                found=repr(self.made_with),
            )

    @property
    def kind(self) -> str:
        """Kind of the calibrated map."""
        return "soc"

    def span(self) -> tuple[float, float]:
        """Ends of the calibrated range, in units of the result."""
        return 0.0, 1.0

    def points(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Values of the fitted quantity that it goes through, and their compositions."""
        return (), ()

    @abstractmethod
    def apply(self, values: Any, std: Any) -> tuple[Any, Any]:
        """Calibrated values and their standard uncertainties; NaN in, NaN out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoPoint(Calibration):
    """A straight line through the discharged and the charged end member.

    ``s = (v - v_dis)/(v_ch - v_dis)``; 0 is discharged, 1 is charged, and values outside are kept:
    they are local over-discharge or over-charge.
    """

    discharged: float = param(0.0, "Value of the quantity when discharged.")
    charged: float = param(1.0, "Value of the quantity when charged.")
    discharged_std: float = param(0.0, "Standard uncertainty of the discharged value.", low=0.0)
    charged_std: float = param(0.0, "Standard uncertainty of the charged value.", low=0.0)

    def check(self) -> None:
        """Check that the end members are numbers and differ."""
        Calibration.check(self)
        ends = (self.discharged, self.charged, self.discharged_std, self.charged_std)
        if not np.isfinite(ends).all():
            raise ParameterError(
                "an end member of the calibration is not a finite number",
                found=", ".join(f"{value:g}" for value in ends),
                fix="look at the status of the standards' fits: NaN is a fit without a value",
            )
        if self.discharged == self.charged:
            raise ParameterError(
                "the two end members of the calibration are the same",
                expected="different values when discharged and when charged",
                found=f"{self.discharged:g} and {self.charged:g}",
            )

    def points(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Both end members, at 0 and 1."""
        return (self.discharged, self.charged), (0.0, 1.0)

    def apply(self, values: Any, std: Any) -> tuple[Any, Any]:
        """State of charge and its standard uncertainty.

        ``sigma_s^2 = [sigma_v^2 + (1-s)^2 sigma_dis^2 + s^2 sigma_ch^2]/(v_ch - v_dis)^2``
        (golden G-24). Arrays or scalars; NaN in, NaN out.
        """
        span = self.charged - self.discharged
        soc = (values - self.discharged) / span
        ends = ((1 - soc) * self.discharged_std) ** 2 + (soc * self.charged_std) ** 2
        return soc, np.sqrt(std**2 + ends) / abs(span)


def two_point(discharged: float, charged: float, **options: Any) -> TwoPoint:
    """Calibration through two end members.

    Parameters
    ----------
    discharged, charged : float
        Value of the measure (an energy in eV, a ratio) at SOC 0 and at SOC 1.
    **options
        Other fields of `TwoPoint`, such as their uncertainties.

    Raises
    ------
    ParameterError
        If the end members are the same, or an option does not fit.
    """
    return TwoPoint.from_mapping({"discharged": discharged, "charged": charged, **options})


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardsCurve(Calibration):
    """A calibration through two or more bulk standards of known composition.

    ``"line"`` fits ``value = a + b composition`` with the weights of both uncertainties and reads
    it backwards; a scatter about it that the uncertainties do not explain (in less than one of a
    hundred cases) widens its uncertainty. ``"spline"`` (monotone cubic; Fritsch and Carlson 1980)
    and ``"table"`` (straight pieces) go through every standard; beyond the ends they go on
    straight. Read `residuals` before use.
    """

    values: tuple[float, ...] = param((), "Value of the fitted quantity of each standard.")
    compositions: tuple[float, ...] = param((), "Known composition of each standard.")
    values_std: tuple[float, ...] = param((), "Their standard uncertainties; empty for none.")
    compositions_std: tuple[float, ...] = param((), "Their standard uncertainties; empty for none.")
    shape: str = param("line", "Curve through the standards.", choices=SHAPES)
    composition: str = param("soc", "What the composition is.", choices=COMPOSITIONS)

    def check(self) -> None:
        """Check the number and the order of the standards."""
        Calibration.check(self)
        n = len(self.values)
        if n < 2 or len(self.compositions) != n:
            raise ParameterError(
                "the standards of the calibration do not pair up",
                expected="two or more values, and as many compositions",
                found=f"{n} values and {len(self.compositions)} compositions",
            )
        for name in ("values_std", "compositions_std"):
            given = getattr(self, name)
            if given and not (len(given) == n and np.isfinite(given).all() and min(given) >= 0):
                raise ParameterError(
                    f"{name} does not fit the standards",
                    expected=f"none, or {n} numbers of zero or more",
                    found=str(given),
                )
        if not np.isfinite([*self.values, *self.compositions]).all():
            pairs = zip(self.values, self.compositions, strict=True)
            raise ParameterError(
                "a standard of the calibration is not a finite number",
                found=", ".join(f"{value:g} -> {x:g}" for value, x in pairs),
                fix="look at the status of the standards' fits: NaN is a fit without a value",
            )
        order = np.argsort(self.values)
        steps = np.diff(np.asarray(self.compositions)[order])
        distinct = bool((np.diff(np.asarray(self.values)[order]) > 0).all())
        rising = bool((steps > 0).all() or (steps < 0).all())
        if self.shape != "line" and not (rising and distinct):
            raise ParameterError(
                f"a {self.shape} through these standards would not be monotonic",
                expected="compositions that rise or fall with the value throughout",
                found=", ".join(
                    f"{self.values[i]:g} -> {self.compositions[i]:g}" for i in order.tolist()
                ),
                fix="use shape='line', or drop the standard that turns back",
            )
        if np.ptp(self.compositions) == 0 or np.ptp(self.values) == 0:
            raise ParameterError("all standards of the calibration are the same")

    def points(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Every standard."""
        return self.values, self.compositions

    @property
    def kind(self) -> str:
        """Kind of the calibrated map."""
        return self.composition

    def span(self) -> tuple[float, float]:
        """Ends of the calibrated range, in units of the composition."""
        return min(self.compositions), max(self.compositions)

    def fit(self) -> CurveFit:
        """The curve itself."""
        n = len(self.values)
        return fit_curve(
            self.shape,
            np.array(self.values),
            np.array(self.compositions),
            np.array(self.values_std or (0.0,) * n),
            np.array(self.compositions_std or (0.0,) * n),
        )

    def apply(self, values: Any, std: Any) -> tuple[Any, Any]:
        """Composition and its standard uncertainty, that of the standards included.

        Arrays or scalars; NaN in, NaN out.
        """
        found, sigma = self.fit().apply(np.asarray(values, float), np.asarray(std, float))
        if hasattr(values, "copy") and hasattr(values, "dims"):
            return values.copy(data=found), values.copy(data=sigma)
        return found, sigma

    def residuals(self) -> list[dict[str, float]]:
        """How far each standard lies from the curve; one row each, for a table.

        ``residual`` is in units of the composition, ``sigma`` the standard's own uncertainty on
        that scale. All residuals of a spline or a table are zero: they are no check.
        """
        fit = self.fit()
        rows = []
        for value, known, sigma in zip(fit.values, fit.compositions, fit.sigma, strict=True):
            found = float(fit.curve(np.array(value), fit.values, fit.compositions))
            slope = float(fit.slope(np.array(value)))
            rows.append(
                {
                    "value": float(value),
                    "composition": float(known),
                    "from_curve": found,
                    "residual": found - float(known),
                    "sigma": float(np.hypot(slope * sigma[0], sigma[1])),
                }
            )
        return rows


def standards(values: Any, compositions: Any, **options: Any) -> StandardsCurve:
    """Calibration through bulk standards.

    Parameters
    ----------
    values, compositions : sequence of float
        ``(n,)`` value of the measure for each standard, and its composition.
    **options
        Other fields of `StandardsCurve`: the shape of the curve, uncertainties, the kind of
        composition.

    Raises
    ------
    ParameterError
        If the two are no numbers, not of one length, too few, or an option does not fit.
    """
    pairs = {"values": values, "compositions": compositions}
    made = {name: _numbers(name, given) for name, given in pairs.items()}
    return StandardsCurve.from_mapping({**made, **options})


def _numbers(name: str, given: Any) -> tuple[float, ...]:
    try:
        return tuple(map(float, given))
    except (TypeError, ValueError):
        raise ParameterError(
            f"the {name} of standards are no numbers", expected="one number per standard",
            found=repr(given)[:80],
        ) from None  # fmt: skip
