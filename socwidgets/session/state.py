"""What a session knows, as one immutable value."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import xarray as xr

from socwidgets.model.roi import ROI

if TYPE_CHECKING:
    from socwidgets.analysis.calibration import Calibration

#: Fields whose values are compared by identity: comparing arrays would be slow and ambiguous.
_BY_IDENTITY = ("stack", "maps", "preview", "references", "labels", "series", "before")


@dataclass(frozen=True, slots=True)
class ValueBox:
    """Pixels by the values of two maps: ``x_low <= x <= x_high`` and the same for y.

    Attributes
    ----------
    x, y : str
        Variables of the map set.
    x_range, y_range : (float, float)
        In the units of the maps; NaN never belongs.
    """

    x: str
    y: str
    x_range: tuple[float, float]
    y_range: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Maps of several states, times or depths on the same pixels.

    Attributes
    ----------
    maps : xarray.Dataset
        Map set with the dim `dim` in front: ``(<dim>, y, x)``.
    dim : str
        ``state``, ``z``, ``frame``, ...
    stack : xarray.Dataset or None
        ``signal`` ``(<dim>, <spectral>, y, x)``; None where only the maps are known.
    """

    maps: xr.Dataset
    dim: str
    stack: xr.Dataset | None = None

    @property
    def size(self) -> int:
        """Number of states."""
        return int(self.maps.sizes[self.dim])


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Everything that views of one explorer share; replaced as a whole, never mutated.

    Attributes
    ----------
    stack : xarray.Dataset
        ``signal`` ``(<spectral>, y, x)``.
    maps : xarray.Dataset or None
        The map set; None before the first fit.
    preview : xarray.Dataset or None
        Coarse maps of a fit whose parameters are being dragged.
    references : xarray.DataArray or None
        ``(component, <spectral>)``.
    map_name : str or None
        Variable of `maps` that is chosen.
    limits : mapping of str to (float, float)
        Color limits by the key of what is shown (`Session.display_key`).
    cmap : str
        Color map.
    phases : tuple of str
        Two or three maps of fractions that the map view mixes as colors; empty for one map.
    fade : bool
        Whether uncertain pixels of the map are transparent.
    overlay : {"", "labels", "mask"}
        What is drawn over the map: outlines of the particles, or pixels without a usable value.
    energy_index : int
        Position on the spectral axis.
    show_frame : bool
        Whether the frame at `energy_index` is shown instead of the map.
    rois : tuple of ROI
        In the order of their making.
    selected : str or None
        Name of the selected region.
    draft : ROI or None
        The region as it looks while it is being drawn or dragged.
    brush : (float, float) or None
        Range of values that is highlighted.
    pixel : (int, int) or None
        Row and column of the chosen pixel.
    labels : xarray.DataArray or None
        ``(y, x)`` particles, 0 = background.
    particle : int or None
        Label of the chosen particle.
    box : ValueBox or None
        Range of two maps at once that is highlighted.
    line : (float, float, float, float) or None
        ``x0, y0, x1, y1`` in um of the line that a profile is taken along.
    series : Series or None
        Maps of several states; `maps` (and `stack`) are those of the state at `state_index`.
    state_index : int
        Position in `series`.
    before : xarray.Dataset or None
        The stack before it was registered.
    focus : {"roi", "pixel"}
        Whose fit is shown: the selected region's or the chosen pixel's, whichever was touched last.
    fit_method, fit_params
        How spectra of regions and pixels are fitted; those of the last fit that was started.
    calibration : Calibration or None
        From a fitted quantity to a state of charge; None for fractions of references.
    message, error : str
        What views should tell the user; empty for nothing.
    """

    stack: xr.Dataset
    maps: xr.Dataset | None = None
    preview: xr.Dataset | None = None
    references: xr.DataArray | None = None
    map_name: str | None = None
    limits: Mapping[str, tuple[float, float]] = field(default_factory=lambda: MappingProxyType({}))
    cmap: str = "viridis"
    phases: tuple[str, ...] = ()
    fade: bool = False
    overlay: str = ""
    energy_index: int = 0
    show_frame: bool = False
    rois: tuple[ROI, ...] = ()
    selected: str | None = None
    draft: ROI | None = None
    brush: tuple[float, float] | None = None
    pixel: tuple[int, int] | None = None
    labels: xr.DataArray | None = None
    particle: int | None = None
    box: ValueBox | None = None
    line: tuple[float, float, float, float] | None = None
    series: Series | None = None
    state_index: int = 0
    before: xr.Dataset | None = None
    focus: str = "roi"
    fit_method: str = "lcf"
    calibration: Calibration | None = None
    fit_params: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    message: str = ""
    error: str = ""


FIELDS = frozenset(spec.name for spec in dataclasses.fields(State))


def changed_fields(old: State, new: State) -> frozenset[str]:
    """Names of the fields in which two states differ."""
    if old is new:
        return frozenset()
    return frozenset(name for name in FIELDS if _differs(name, old, new))


def _differs(name: str, old: State, new: State) -> bool:
    before, after = getattr(old, name), getattr(new, name)
    return before is not after and (name in _BY_IDENTITY or before != after)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Numbers of one region.

    Attributes
    ----------
    name : str
        The region.
    variable : str
        The map that `mean` and `std` are of.
    count : int
        Pixels in the region.
    used : int
        Those with a usable, finite value.
    mean, std : float
        Plain mean and population standard deviation of the current map; NaN without pixels.
    weighted_mean, weighted_std : float
        Mean and standard deviation of the SOC map (of the current map where there is none),
        weighted by thickness where it is known.
    weighted_sigma : float
        Standard uncertainty of `weighted_mean` from the map's own sigma, pixels independent; NaN
        where no sigma is known.
    weighted_variable : str
        The map that the weighted numbers are of.
    """

    name: str
    variable: str
    count: int
    used: int
    mean: float
    std: float
    weighted_mean: float
    weighted_std: float
    weighted_sigma: float
    weighted_variable: str
