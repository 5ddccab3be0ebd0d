"""What the scatter and other plots draw: points, a trend, limits, and what is emphasized."""

from __future__ import annotations

from typing import Any

import bqplot
import numpy as np

from socwidgets.model.names import STATUS
from socwidgets.session import Session

POINT, MARK = "#2f86d2", "#d55e00"
_TREND_BINS = 12
_TAIL = 0.1


def trend(x: np.ndarray, y: np.ndarray, bins: int = _TREND_BINS) -> tuple[np.ndarray, np.ndarray]:
    """Means of x and y in bins of equally many points along x; none of too few points."""
    if x.size < 5 * bins:
        return np.zeros(0), np.zeros(0)
    parts = np.array_split(np.argsort(x, kind="stable"), bins)
    return np.array([x[p].mean() for p in parts]), np.array([y[p].mean() for p in parts])


def make_scatter(scales: dict[str, Any], color: str, size: int, opacity: float) -> bqplot.Scatter:
    """Scatter mark without points yet."""
    return bqplot.Scatter(
        x=np.zeros(0), y=np.zeros(0), scales=scales, colors=[color], default_size=size,
        opacities=[opacity], stroke_width=0,
    )  # fmt: skip


def map_choices(session: Session) -> list[str]:
    """Names of the maps whose values can be plotted."""
    return [n for n in session.map_names if n != STATUS]


def usual_pair(session: Session) -> tuple[str | None, str | None]:
    """Maps to start with: thickness, which should not go with it, and the quantity."""
    names, quantity = map_choices(session), session.quantity
    if not names:
        return None, None
    y = quantity or names[0]
    others = [n for n in ("thickness", *names) if n in names and n != y]
    return next(iter(others), y), y


def emphasized(session: Session) -> tuple[np.ndarray | None, str, str]:
    """Pixels to emphasize, what they are, and their color."""
    state = session.state
    mask = session.highlight()
    if mask is not None:
        name = "Highlighted" if state.particle is None or state.brush or state.box else (
            f"Particle {state.particle}"
        )  # fmt: skip
        return mask, name, MARK
    roi = next((r for r in state.rois if r.name == state.selected), None)
    if roi is None:
        return None, "", MARK
    return session.roi_mask(roi).values, roi.name, roi.color


def axis_limits(values: np.ndarray) -> tuple[float, float]:
    """Range of all but the outermost values, with a margin; 0 to 1 without any."""
    if not values.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, [_TAIL, 100 - _TAIL]))
    pad = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    return low - pad, high + pad
