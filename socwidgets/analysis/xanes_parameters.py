"""Parameters of XANES normalization, their defaults from data, and the plan that they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import xarray as xr

from socwidgets.analysis import window_rules
from socwidgets.analysis.edge_position import default_e0
from socwidgets.kernels.normalization_plan import WINDOW_RULES, NormalizationPlan, window_rows
from socwidgets.kernels.normalization_plan import make_plan as make_normalization_plan
from socwidgets.model.errors import DataError
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.windows import require_edge_windows

#: A spectrum is smooth before an edge and waves beyond it. Where it is the other way round by this
#: factor, and its waves before are more than this share of the jump, it begins beyond the edge.
#: With fewer points in the windows noise alone would be refused now and then.
_BENT, _WAVES, _POINTS = 4.0, 0.02, (5, 8)

#: Definitions of the edge energy and the quantity of the kernel that each one is.
DEFINITIONS = {
    "half": "half_energy",
    "half_wl": "half_wl_energy",
    "integral": "integral_energy",
    "centroid": "centroid_energy",
    "derivative": "derivative_energy",
    "white_line": "white_line_energy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizationParameters(Parameters):
    """Parameters of a pre- and post-edge normalization."""

    e0: float | None = param(
        None,
        "Edge energy, one for the whole image; the jump is taken at the grid point nearest to it. "
        "Empty: where the mean spectrum has come up half of its largest rise; in a scan that "
        "begins within 40 and ends within 120 eV, and at an L edge that ends so, the largest "
        "slope, as Larch takes it.",
        unit="eV",
        label="E0",
    )
    pre: tuple[float, float] | None = param(
        None,
        "Pre-edge window relative to E0; empty: -100 to -20, or halfway to the edge where the scan "
        "begins between -40 and -20.",
        unit="eV",
    )
    post: tuple[float, float] | None = param(
        None,
        "Post-edge window relative to E0; empty: from +40 to the end, or where the scan ends "
        "within 120 eV from a third of the way, at most +25 (as Larch).",
        unit="eV",
    )
    pre_degree: int | None = param(
        None, "Degree of the pre-edge curve; empty: 1, or 0 with less than 3 points.", low=0, high=1
    )
    post_degree: int | None = param(
        None,
        "Degree of the post-edge curve (Larch: nnorm); empty: 1, or 0 with less than 4 points, "
        "over less than 30 eV of a short scan, and with an exponent that is not given either.",
        low=0,
        high=5,
    )
    post_exponent: float | None = param(
        None,
        "The post-edge polynomial is multiplied by E to this power, negative, as a shell's "
        "absorption falls; 0 is a plain polynomial (Larch). Empty: 0; 2.4 where degree and "
        "exponent are empty and the scan of a K edge begins 40 eV or more before E0 and ends "
        "within 120 eV.",
        low=0.0,
        high=5.0,
    )
    window_rule: str = param(
        "inclusive",
        "'inclusive' takes all points between both ends; 'larch' takes the ones that Larch takes "
        "(from the last point not above the lower end, without the one nearest to the upper end).",
        choices=WINDOW_RULES,
    )

    def check(self) -> None:
        """Check the order of the windows."""
        require_edge_windows(self.pre, self.post)

    def windows(self, energies: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
        """Pre- and post-edge window relative to E0, eV, for an axis; E0 is known."""
        start, end = energies[0] - self.e0, energies[-1] - self.e0
        pre = self.pre or window_rules.pre_window(start)
        return pre, self.post or window_rules.post_window(end)

    def post_curve(self, energies: np.ndarray, points: int) -> tuple[int, float]:
        """Degree and exponent of the post-edge curve through so many points; E0 is known."""
        start, end = energies[0] - self.e0, energies[-1] - self.e0
        exponent, degree = self.post_exponent, self.post_degree
        if exponent is None:
            # Whoever gives a degree means a plain polynomial.
            falls = degree is None and window_rules.follows_shell(energies[0], start, end)
            exponent = window_rules.SHELL_EXPONENT if falls else 0.0
        if degree is None:
            low = self.windows(energies)[1][0]
            degree = 0 if exponent else window_rules.post_degree(points, low, end)
        return degree, exponent

    def completed(self, coord: xr.DataArray, mean_spectrum: Callable[[], np.ndarray]) -> Self:
        """Fill E0 in."""
        if self.e0 is not None:
            return self
        spectrum = mean_spectrum()
        full = self.replace(e0=default_e0(coord.values, spectrum))
        _refuse_without_edge(coord.values, spectrum, full)
        return full


def _refuse_without_edge(
    energies: np.ndarray, spectrum: np.ndarray, params: NormalizationParameters
) -> None:
    """Refuse a scan beyond the edge, where E0 was taken from an oscillation that rises."""
    seen = np.isfinite(spectrum)
    mu = spectrum[seen]
    try:
        plan = normalization_plan(energies[seen], params)
    except DataError:
        return  # Windows that do not fit are told when the fit is made ready.
    if plan.pre_rows.size < _POINTS[0] or plan.post_rows.size < _POINTS[1]:
        return
    pre = plan.pre_weights @ mu[plan.pre_rows]
    rest = mu - pre @ plan.pre_basis
    post = plan.post_weights @ rest[plan.post_rows]
    before = float(np.std(rest[plan.pre_rows]))
    beyond = float(np.std((rest - post @ plan.post_basis)[plan.post_rows]))
    if before > max(_BENT * beyond, _WAVES * abs(float(post[0]))):
        raise DataError(
            "the mean spectrum shows no edge: it bends before its largest rise, and not beyond",
            expected="energies on both sides of the edge",
            found=f"{energies[0]:g} to {energies[-1]:g}, largest rise at {params.e0:g} eV",
            fix="without a pre-edge the methods 'lcf' and 'white_line' (on the optical density) "
            "still work; if this is the edge, give e0=",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreEdgeParameters(NormalizationParameters):
    """Parameters of the maps of pre- and post-edge coefficients."""

    nvict: int = param(
        0, "Victoreen exponent: the pre-edge line is fitted to mu E^nvict.", low=0, high=4
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StackNormalizationParameters(PreEdgeParameters):
    """Parameters of a normalized stack."""

    flatten: bool = param(
        True, "Take the slope and curvature of the post-edge curve off, from E0 on."
    )


def normalization_plan(
    energies: np.ndarray,
    params: NormalizationParameters,
    nvict: int = 0,
    available: np.ndarray | None = None,
) -> NormalizationPlan:
    """Windows and weights for one spectral axis, or for the points of it that are `available`.

    Raises
    ------
    DataError
        If E0 lies outside the axis or a window holds too few points for its curve.
    """
    e0 = params.e0
    if e0 is None or not energies[0] < e0 < energies[-1]:
        raise DataError(
            "E0 lies outside the measured energies",
            expected=f"between {energies[0]:g} and {energies[-1]:g}",
            found=str(e0),
            fix="give e0= in the unit of the axis, or use 'lcf' or 'white_line', which need none",
        )
    (pre_low, pre_high), (post_low, post_high) = params.windows(energies)
    pre = window_rows(energies, e0 + pre_low, e0 + pre_high, params.window_rule)
    post = window_rows(energies, e0 + post_low, e0 + post_high, params.window_rule)
    # By the whole window: a spectrum with a gap gets the curve that its neighbors get.
    post_degree, post_exponent = params.post_curve(energies, post.size)
    degrees = {
        "pre": (1 if pre.size >= 3 else 0) if params.pre_degree is None else params.pre_degree,
        "post": post_degree,
    }
    if available is not None:
        pre, post = pre[available[pre]], post[available[post]]
    for name, rows, (low, high) in (
        ("pre", pre, (pre_low, pre_high)),
        ("post", post, (post_low, post_high)),
    ):
        if rows.size <= degrees[name]:
            raise DataError(
                f"the {name}-edge window holds too few points",
                expected=f"at least {degrees[name] + 1} for degree {degrees[name]}",
                found=f"{rows.size} between {e0 + low:g} and {e0 + high:g} of "
                f"{energies[0]:g} to {energies[-1]:g}",
                fix=f"give {name}=(low, high) relative to E0 where the stack has points; without "
                f"a {name}-edge the methods 'lcf' and 'white_line' (on the optical density) still "
                "work, and normalize_mback of socwidgets.analysis.mback follows a table with few "
                "points on a side",
            )
    return make_normalization_plan(
        energies,
        e0,
        pre,
        post,
        pre_degree=degrees["pre"],
        post_degree=degrees["post"],
        nvict=nvict,
        post_exponent=post_exponent,
    )


def span(energies: np.ndarray, rows: np.ndarray) -> list[float]:
    """First and last energy of some rows, for attributes."""
    return [float(energies[rows[0]]), float(energies[rows[-1]])] if rows.size else []
