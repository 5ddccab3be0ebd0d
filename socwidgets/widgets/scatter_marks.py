"""What the scatter and other plots draw: points, a trend, limits, and what is emphasized."""

from __future__ import annotations

from typing import Any

import bqplot
import numpy as np

from socwidgets.heterogeneity.association import Association
from socwidgets.model.names import STATUS
from socwidgets.session import Session
from socwidgets.widgets import plots

POINT, MARK = plots.BLUE, plots.ORANGE
_TRUE_HELP = (
    "r divided by the root of the reliabilities of both maps; takes their noise to be independent, "
    "which two results of one fit are not"
)
_TREND_BINS = 12
_STEPS = (1, 2, 3, 5, 7, 11, 13, 17, 23, 37, 53, 71, 97)
_TAIL = 0.1
#: Trends and limits are taken from an even sample of at most (about) so many points.
_SAMPLE = 60_000


def trend(x: np.ndarray, y: np.ndarray, bins: int = _TREND_BINS) -> tuple[np.ndarray, np.ndarray]:
    """Means of x and y in bins of equally many points along x; none of too few points."""
    if x.size < 5 * bins:
        return np.zeros(0), np.zeros(0)
    x, y = _thinned(x), _thinned(y)
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


def association_html(found: Association) -> str:
    """A correlation in one line."""
    if np.isnan(found.r):
        return '<div class="socwidgets-note">No correlation: too few values.</div>'
    parts = [f"<b>r = {found.r:.3f}</b>"]
    if np.isfinite(found.low):
        parts.append(f"95 %: {found.low:.3f} to {found.high:.3f}")
    if np.isfinite(found.r_true):
        parts.append(
            f'<span title="{_TRUE_HELP}">without the noise <b>{found.r_true:.3f}</b></span>'
        )
    spans = "".join(f"<span>{part.replace(' -', ' −')}</span>" for part in parts)
    spans += (
        f'<span class="soft">{found.n_pixels:,} pixels, about {found.n_eff:,.0f} independent</span>'
    )
    return f'<div class="socwidgets-numbers" role="status">{spans}</div>'


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
    low, high = (float(v) for v in np.percentile(_thinned(values), [_TAIL, 100 - _TAIL]))
    pad = 0.06 * (high - low) or 0.05 * abs(high) or 0.5
    return low - pad, high + pad


def _thinned(values: np.ndarray) -> np.ndarray:
    # A prime step does not fall into step with the rows of the image.
    step = next((p for p in _STEPS if values.size <= p * _SAMPLE), _STEPS[-1])
    return values[::step]
