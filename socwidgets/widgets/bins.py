"""Histogram bins of a map, looked up once per pixel so that every region is a count of codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.model.names import STATUS
from socwidgets.model.status import Status

BINS = 64
#: Share of values left out of the axis at each end, so that one outlier does not squeeze the rest.
_TAIL = 0.1
#: A few wild pixels are more than that: nothing further out than half the width of the inner 96 %
#: is on the axis, which a Gaussian never reaches.
_INNER, _REACH = 2.0, 0.5
#: Values that the ends of a slider are taken from.
_SAMPLE = 40_000
#: Codes of pixels beyond the edges, which count in the total, and of those without a value.
_BEYOND, _UNUSED = 254, 255


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins of the values of a map.

    Attributes
    ----------
    edges : ndarray
        ``(bins + 1,)``, evenly spaced, in the unit of the map.
    codes : ndarray
        ``(y, x)`` uint8, bin of each pixel.
    """

    edges: np.ndarray
    codes: np.ndarray

    def share(self, inside: np.ndarray | None = None) -> np.ndarray:
        """Percent of the values in each bin, ``(bins,)``; of a ``(y, x)`` bool region if given."""
        codes = self.codes.ravel() if inside is None else self.codes[inside]
        counts = np.bincount(codes, minlength=256)
        total = int(counts[:_UNUSED].sum())
        return 100.0 * counts[: self.edges.size - 1] / max(total, 1)

    def beyond(self) -> float:
        """Percent of the values that lie beyond the edges."""
        counts = np.bincount(self.codes.ravel(), minlength=256)
        return 100.0 * int(counts[_BEYOND]) / max(int(counts[:_UNUSED].sum()), 1)

    def steps(self, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Outline of a histogram as points, from the axis up and back down."""
        return np.repeat(self.edges, 2), np.concatenate([[0.0], np.repeat(share, 2), [0.0]])


def bins_of(shown: xr.DataArray, good: np.ndarray) -> Bins:
    """Bins over all but the outermost values; status codes have one each.

    Parameters
    ----------
    shown : xarray.DataArray
        ``(y, x)``, any unit.
    good : ndarray
        ``(y, x)`` bool, pixels that count.
    """
    values = shown.values
    edges = _edges(str(shown.name), values[good])
    count = edges.size - 1
    scaled = (values.astype(np.float64) - edges[0]) * (count / (edges[-1] - edges[0]))
    within = good & (scaled >= 0) & (scaled <= count)
    codes = np.full(values.shape, _UNUSED, np.uint8)
    codes[good] = _BEYOND
    # The last bin is closed at its upper end.
    codes[within] = np.minimum(scaled[within], count - 1).astype(np.uint8)
    return Bins(edges, codes)


def usual_ends(values: np.ndarray) -> tuple[float, float]:
    """Ends of an axis that is not squeezed by outliers; of a sample of a large map.

    Parameters
    ----------
    values : ndarray
        Any shape and unit; NaN is left out.
    """
    some = values.ravel()[:: max(1, values.size // _SAMPLE)]
    edges = _edges("", some[np.isfinite(some)])
    return float(edges[0]), float(edges[-1])


def _edges(name: str, values: np.ndarray) -> np.ndarray:
    if name == STATUS:
        return np.arange(len(Status) + 1) - 0.5
    if not values.size:
        return np.linspace(0.0, 1.0, BINS + 1)
    low, inner_low, inner_high, high = (
        float(v) for v in np.percentile(values, [_TAIL, _INNER, 100 - _INNER, 100 - _TAIL])
    )
    reach = _REACH * (inner_high - inner_low)
    if reach > 0:
        low, high = max(low, inner_low - reach), min(high, inner_high + reach)
    pad = 0.04 * (high - low) or 0.05 * abs(high) or 0.5
    return np.linspace(low - pad, high + pad, BINS + 1)
