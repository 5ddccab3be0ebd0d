"""Parameters of edge-energy and white-line maps, completed from the mean spectrum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import xarray as xr

from socwidgets.analysis.edge_position import rise_of
from socwidgets.analysis.xanes_parameters import DEFINITIONS, NormalizationParameters
from socwidgets.model.errors import ParameterError
from socwidgets.model.parameters import Parameters, param

_CENTER_HELP = (
    "Center of the white-line window. Empty: the largest rise of the mean spectrum, found once for "
    "the whole image."
)
_WIDTH_HELP = "The polynomial is fitted to the points within this distance of the center."
_RECENTER_HELP = (
    "Let the window follow each pixel's own peak, within 4 half widths of the common center: the "
    "peak is where the slope of the local polynomial at its own center falls through zero. For "
    "shifts that are not small against the half width; somewhat more noise."
)
_SATURATION_HELP = (
    "A pixel with a sample at or above this is flagged as saturated; empty: none is. Clipped peaks "
    "cannot be told from sharp ones without it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeEnergyParameters(NormalizationParameters):
    """Parameters of maps of the edge energy."""

    definition: str = param(
        "half",
        "Definition of the edge energy: 'half' of the jump, 'half_wl' of the white line's height, "
        "'integral' (mean over the levels 0.15 to 1), 'centroid' of the edge's window, "
        "'derivative' (largest slope), 'white_line' (peak of a local polynomial), or 'all'.",
        choices=(*DEFINITIONS, "all"),
    )
    search: tuple[float, float] | None = param(
        None,
        "Window relative to E0 where levels are crossed and the slope is largest; empty: from the "
        "end of the pre-edge to the start of the post-edge window.",
        unit="eV",
    )
    centroid: tuple[float, float] | None = param(
        None, "Window of the centroid relative to E0; empty: as the search window.", unit="eV"
    )
    derivative_points: int = param(
        5, "Odd number of points of the parabola whose slope is the derivative.", low=3, high=15
    )
    center: float | None = param(None, _CENTER_HELP, unit="eV")
    half_width: float = param(2.0, _WIDTH_HELP, unit="eV", low=1e-3)
    degree: int = param(2, "Degree of the white line's polynomial.", low=2, high=4)
    recenter: bool = param(False, _RECENTER_HELP)
    min_jump: float = param(0.05, "Smallest edge jump of a pixel that gets a value.", low=0.0)
    jump_sigma: float = param(
        5.0, "Smallest edge jump in units of its own standard uncertainty.", low=0.0
    )
    saturation: float | None = param(None, _SATURATION_HELP)

    def check(self) -> None:
        """Check the windows and the number of points."""
        # Not super(): a slotted dataclass is made anew, and the bare form looks for the old one.
        NormalizationParameters.check(self)
        for name, window in (("search", self.search), ("centroid", self.centroid)):
            if window is not None and not window[0] < window[1]:
                raise ParameterError(
                    f"the {name} window is empty", expected="low < high", found=str(window)
                )
        if self.derivative_points % 2 == 0:
            raise ParameterError("derivative_points is even", expected="an odd number")

    @property
    def needs_white_line(self) -> bool:
        """Whether the definition leads through the white line."""
        return self.definition in ("half_wl", "white_line", "all")

    def search_window(self, energies: np.ndarray) -> tuple[float, float]:
        """Search window relative to E0, eV, for an axis; E0 is known."""
        if self.search is not None:
            return self.search
        pre, post = self.windows(energies)
        return pre[1], post[0]

    def completed(self, coord: xr.DataArray, mean_spectrum: Callable[[], np.ndarray]) -> Self:
        """Fill E0 and, where it is needed, the center of the white line in."""
        # Explicit for the same reason as in `check`.
        full = NormalizationParameters.completed(self, coord, mean_spectrum)
        if not self.needs_white_line or full.center is not None:
            return full
        spectrum = mean_spectrum().copy()
        low, high = (full.e0 + edge for edge in full.search_window(coord.values))  # type: ignore[operator]
        spectrum[(coord.values < low) | (coord.values > high)] = np.nan
        return full.replace(center=highest_rise(coord.values, spectrum))


@dataclass(frozen=True, slots=True, kw_only=True)
class WhiteLineParameters(Parameters):
    """Parameters of white-line maps on raw spectra, without normalization."""

    center: float | None = param(None, _CENTER_HELP, unit="eV")
    half_width: float = param(2.0, _WIDTH_HELP, unit="eV", low=1e-3)
    degree: int = param(2, "Degree of the polynomial.", low=2, high=4)
    recenter: bool = param(False, _RECENTER_HELP)
    baseline: tuple[float, float] | None = param(
        None,
        "Window before the edge (absolute): its mean is the zero of the height, its scatter the "
        "noise. Empty: all points before the mean spectrum rises, if there are three.",
        unit="eV",
    )
    peak_sigma: float = param(
        5.0,
        "Smallest height above the baseline (without one: curvature of the peak) in units of its "
        "standard uncertainty.",
        low=0.0,
    )
    saturation: float | None = param(None, _SATURATION_HELP)

    def check(self) -> None:
        """Check the order of the baseline's ends."""
        if self.baseline is not None and not self.baseline[0] < self.baseline[1]:
            raise ParameterError(
                "the baseline window is empty", expected="low < high", found=str(self.baseline)
            )

    def completed(self, coord: xr.DataArray, mean_spectrum: Callable[[], np.ndarray]) -> Self:
        """Fill the center and the baseline's window in."""
        if self.center is not None and self.baseline is not None:
            return self
        energies, spectrum = coord.values, mean_spectrum()
        center = highest_rise(energies, spectrum) if self.center is None else self.center
        baseline = self.baseline
        if baseline is None:
            quiet = before_rise(energies, spectrum, center - self.half_width)
            baseline = (float(energies[0]), float(energies[quiet - 1])) if quiet >= 3 else None
        return self.replace(center=center, baseline=baseline)


def highest_rise(energies: np.ndarray, spectrum: np.ndarray) -> float:
    """Grid point that lies highest above the lowest one before it."""
    rise = rise_of(spectrum)
    if not rise.max() > 0:
        raise ParameterError(
            "the white line cannot be found in the mean spectrum: it never rises",
            fix="give center",
        )
    return float(energies[int(np.argmax(rise))])


def before_rise(energies: np.ndarray, spectrum: np.ndarray, end: float) -> int:
    """Number of points, from the first on, before 5 % of the largest rise is reached."""
    rise = rise_of(spectrum)
    quiet = int(np.argmax(rise > 0.05 * rise.max()))
    return min(quiet, int(np.searchsorted(energies, end)))
