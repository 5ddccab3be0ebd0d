"""Curves through bulk standards and the uncertainty that they hand on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: A scatter that noise would reach in fewer cases than this is called a misfit of the line.
_MISFIT = 0.01


@dataclass(frozen=True, slots=True)
class CurveFit:
    """A curve from values to compositions.

    Attributes
    ----------
    shape : str
        ``line``, ``spline`` or ``table``.
    values, compositions : ndarray
        ``(n,)``, the standards, by rising value.
    sigma : ndarray
        ``(n, 2)``, standard uncertainties of values and of compositions.
    line : (float, float)
        Offset and slope of ``value = a + b composition``; NaN for other shapes.
    covariance : ndarray
        ``(2, 2)`` of these two.
    redchi : float
        Reduced chi-square of the line; NaN without uncertainties or degrees of freedom.
    """

    shape: str
    values: np.ndarray
    compositions: np.ndarray
    sigma: np.ndarray
    line: tuple[float, float]
    covariance: np.ndarray
    redchi: float

    def apply(self, values: np.ndarray, std: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Composition of `values` and its standard uncertainty, same shape."""
        found = self.curve(values, self.values, self.compositions)
        if self.shape == "line":
            b = self.line[1]
            c = self.covariance
            spread = c[0, 0] + 2 * found * c[0, 1] + found**2 * c[1, 1]
            return found, np.sqrt(std**2 + spread) / abs(b)
        variance = (self.slope(values) * std) ** 2
        for i in range(self.values.size):
            for which, sigma in enumerate(self.sigma[i]):
                if sigma > 0:
                    variance = variance + (self._response(values, i, which, sigma) * sigma) ** 2
        return found, np.sqrt(variance)

    def curve(self, values: np.ndarray, nodes: np.ndarray, compositions: np.ndarray) -> np.ndarray:
        """Composition of `values` on the curve through some nodes (for a line: the fitted one)."""
        if self.shape == "line":
            return (values - self.line[0]) / self.line[1]
        low, high = nodes[0], nodes[-1]
        inside = np.clip(values, low, high)
        below, above = np.minimum(values - low, 0.0), np.maximum(values - high, 0.0)
        if self.shape == "spline" and nodes.size > 2:
            from scipy.interpolate import PchipInterpolator

            spline = PchipInterpolator(nodes, compositions)
            first, last = spline(nodes[[0, -1]], nu=1)
            return spline(inside) + below * first + above * last
        steps = np.diff(compositions) / np.diff(nodes)
        return np.interp(inside, nodes, compositions) + below * steps[0] + above * steps[-1]

    def slope(self, values: np.ndarray) -> np.ndarray:
        """Change of the composition per unit of the value."""
        if self.shape == "line":
            return np.full_like(values, 1.0 / self.line[1])
        step = 1e-4 * float(np.ptp(self.values))
        up = self.curve(values + step, self.values, self.compositions)
        return (up - self.curve(values - step, self.values, self.compositions)) / (2 * step)

    def _response(self, values: np.ndarray, i: int, which: int, sigma: float) -> np.ndarray:
        """Change of the result per unit of one standard's value or composition."""
        room = float(np.diff(self.values).min()) if which == 0 else np.inf
        step = min(0.5 * sigma, 0.25 * room)
        ends = []
        for sign in (1.0, -1.0):
            nodes, compositions = self.values.copy(), self.compositions.copy()
            (nodes, compositions)[which][i] += sign * step
            ends.append(self.curve(values, nodes, compositions))
        return (ends[0] - ends[1]) / (2 * step)


def fit_curve(
    shape: str,
    values: np.ndarray,
    compositions: np.ndarray,
    values_std: np.ndarray,
    compositions_std: np.ndarray,
) -> CurveFit:
    """Fit a curve through standards; all arrays ``(n,)``, sorted here by value.

    The line is fitted with effective variances, ``sigma_v^2 + b^2 sigma_c^2`` (Orear 1982, Am. J.
    Phys. 50, 912), so with two standards it is the line through both.
    """
    order = np.argsort(values, kind="stable")
    values, compositions = values[order], compositions[order]
    sigma = np.column_stack([values_std[order], compositions_std[order]])
    if shape != "line":
        nothing = (float("nan"), float("nan"))
        return CurveFit(
            shape, values, compositions, sigma, nothing, np.full((2, 2), np.nan), float("nan")
        )
    line, covariance, redchi = _weighted_line(values, compositions, sigma)
    return CurveFit(shape, values, compositions, sigma, line, covariance, redchi)


def _weighted_line(
    values: np.ndarray, compositions: np.ndarray, sigma: np.ndarray
) -> tuple[tuple[float, float], np.ndarray, float]:
    from scipy.stats import chi2

    design = np.column_stack([np.ones_like(compositions), compositions])
    free = values.size - 2
    known = bool((sigma > 0).any(axis=1).all())
    slope = float(np.polyfit(compositions, values, 1)[0])
    for _ in range(8):
        variance = sigma[:, 0] ** 2 + (slope * sigma[:, 1]) ** 2 if known else np.ones(values.size)
        covariance = np.linalg.inv(design.T @ (design / variance[:, None]))
        offset, slope = covariance @ (design.T @ (values / variance))
    chi_square = float(np.sum((values - offset - slope * compositions) ** 2 / variance))
    line = (float(offset), float(slope))
    if not known:
        # The scatter is all there is to tell the uncertainty from; two standards have none.
        return line, covariance * (chi_square / free if free else 0.0), float("nan")
    redchi = chi_square / free if free else float("nan")
    if free and chi2.sf(chi_square, free) < _MISFIT:
        covariance = covariance * redchi
    return line, covariance, redchi
