"""What the bqplot views share: figures that fit their column, legible axes, lines, a legend."""

from __future__ import annotations

import html
import importlib.util
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import bqplot
import numpy as np
import xarray as xr

from socwidgets.model.names import QUANTITY, SIGNAL, axis_label

MUTED = "#6e7781"
GRID = "#e6e8eb"
FIT = "var(--jp-ui-font-color1, #24292f)"
CURSOR = "#8250df"
PIXEL = "#8c959f"
#: Two curves, points and what is emphasized among them: all readers tell these apart.
BLUE, ORANGE = "#2f86d2", "#d55e00"

#: Text follows the theme of the page, so that plots can be read on dark ground, too.
_TEXT = "var(--jp-ui-font-color1, #24292f)"
_MARGIN = {"top": 10, "bottom": 46, "left": 78, "right": 16}

GL_WARNING = (
    "The package bqplot-gl is installed beside bqplot: dragging in plots does not work then. "
    "Use the sliders, or remove bqplot-gl from this environment."
)


_SIGNAL_WORDS = {
    "counts": "Counts",
    "optical_density": "Optical density",
    "normalized": "Normalized signal",
}


def signal_words(stack: xr.Dataset) -> str:
    """What the signal of a stack is, for an axis."""
    if "long_name" in stack[SIGNAL].attrs:
        return axis_label(stack[SIGNAL])
    return _SIGNAL_WORDS.get(str(stack.attrs.get(QUANTITY)), "Signal")


def gl_installed() -> bool:
    """Whether bqplot-gl, which silently breaks every drag of bqplot, is installed."""
    return importlib.util.find_spec("bqplot_gl") is not None


def make_figure(height: str, axes: list[bqplot.Axis], **margin: int) -> bqplot.Figure:
    """Figure as wide as its column and `height` (CSS) high; `margin` in px by side."""
    return bqplot.Figure(
        marks=[],
        axes=axes,
        fig_margin={**_MARGIN, **margin},
        animation_duration=0,
        # Its buttons would take the place of the brush.
        display_toolbar=False,
        padding_x=0.0,
        padding_y=0.0,
        min_aspect_ratio=0.1,
        max_aspect_ratio=20.0,
        background_style={"fill": "transparent"},
        layout={"width": "100%", "height": height, "min_width": "0", "margin": "0"},
    )


def make_axis(scale: bqplot.Scale, label: str, *, vertical: bool = False, **options: Any) -> Any:
    """Axis with a label, few ticks and quiet grid lines."""
    look: dict[str, Any] = {
        "label": label,
        "label_color": _TEXT,
        "color": MUTED,
        "grid_lines": "solid",
        "grid_color": "var(--jp-border-color2, #e6e8eb)",
        "tick_style": {"font-size": "12px", "fill": _TEXT},
        "label_offset": "60px" if vertical else "34px",
    }
    if vertical:
        look |= {"orientation": "vertical"}
    return bqplot.Axis(scale=scale, **{**look, **options})


def make_lines(x_scale: bqplot.Scale, y_scale: bqplot.Scale, **options: Any) -> bqplot.Lines:
    """Line mark without points yet."""
    return bqplot.Lines(
        x=np.zeros(0), y=np.zeros(0), scales={"x": x_scale, "y": y_scale}, **options
    )


def make_cursor(x_scale: bqplot.Scale) -> bqplot.Lines:
    """Vertical line over the whole height, for ``set_points(cursor, [at, at], [0, 1])``."""
    height = bqplot.LinearScale(min=0.0, max=1.0)
    return make_lines(x_scale, height, colors=[CURSOR], stroke_width=1.4, opacities=[0.9])


def set_points(
    mark: bqplot.Lines, x: np.ndarray, y: np.ndarray, *, gaps: bool = False, **traits: Any
) -> None:
    """Move a line, in one message; points that are not finite are left out, or break the line."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    keep = np.isfinite(y) if y.ndim == 1 else np.isfinite(y).all(axis=0)
    if gaps:
        keep = np.ones_like(keep)
    new: dict[str, Any] = {"x": x[keep], "y": y[..., keep], **traits}
    same = (
        all(np.array_equal(getattr(mark, k), new[k], equal_nan=True) for k in ("x", "y"))
        and all(getattr(mark, k) == v for k, v in traits.items())
    )  # fmt: skip
    if same:
        return
    # Not hold_sync: a change of x alone would draw new x with old y once.
    with mark.hold_sync():
        for name, value in new.items():
            setattr(mark, name, value)


def set_domain(scale: bqplot.Scale, low: float, high: float) -> None:
    """Set both ends of a scale in one message."""
    if scale.min == low and scale.max == high:
        return
    with scale.hold_sync():
        scale.min, scale.max = float(low), float(high)


def holds(scale: bqplot.Scale, low: float, high: float) -> bool:
    """Whether a scale shows a range, and not much more than it."""
    if scale.min is None or scale.max is None:
        return False
    whole, wanted = scale.max - scale.min, high - low
    slack = 0.06 * wanted
    return bool(scale.min <= low + slack and scale.max >= high - slack and whole <= 2.0 * wanted)


def padded(arrays: Iterable[np.ndarray], share: float = 0.06) -> tuple[float, float]:
    """Range of all finite values with a margin; 0 to 1 without any."""
    flat = [np.asarray(a, np.float64).ravel() for a in arrays]
    values = np.concatenate(flat) if flat else np.zeros(0)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    pad = (high - low) * share or abs(high) * 0.05 or 0.5
    return low - pad, high + pad


def tick_format(low: float, high: float) -> str:
    """d3 format with as many decimals as half a dozen ticks need."""
    span = abs(high - low)
    return _decimals(span / 8) if span > 0 and np.isfinite(span) else ".3g"


def _decimals(step: float) -> str:
    digits = int(np.clip(np.ceil(-np.log10(step) - 1e-9), 0, 6))
    return f".{digits}f"


def round_ticks(low: float, high: float, count: int) -> tuple[np.ndarray, str]:
    """About `count` round numbers (1, 2 or 5 times a power of ten) in a range, and their format.

    bqplot itself divides a fixed range evenly, which gives ticks such as 14.3091.
    """
    raw = (high - low) / max(count, 1)
    if not (raw > 0 and np.isfinite(raw)):
        return np.array([low]), ".3g"
    decade = 10.0 ** np.floor(np.log10(raw))
    step = float(next(s for s in (1.0, 2.0, 5.0, 10.0) if s * decade >= raw * 0.7) * decade)
    first, last = np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9)
    # Adding zero turns -0 into 0, which would be printed with its sign.
    ticks = np.arange(first, last + 1) * step + 0.0
    largest = max(abs(low), abs(high))
    return ticks, _decimals(step) if largest < 1e5 else ".3s"


def set_axis(axis: bqplot.Axis, low: float, high: float, count: int, *, free: float = 0.0) -> None:
    """Set the range of an axis and round ticks for it; none in a share `free` at both ends."""
    set_domain(axis.scale, low, high)
    inset = free * (high - low)
    ticks, form = round_ticks(low + inset, high - inset, count)
    if axis.tick_format == form and np.array_equal(axis.tick_values, ticks):
        return
    # Two messages in this order: only new values make bqplot draw the tick labels again.
    axis.tick_format = form
    axis.tick_values = ticks


@dataclass(frozen=True)
class LegendEntry:
    """One line of a legend.

    `dash` is ``solid``, ``dashed``, ``dotted`` or ``band`` (a pale area); `strong` is bold.
    """

    label: str
    color: str
    dash: str = "solid"
    strong: bool = False


def short_label(words: str) -> str:
    """Label that fits along a plot: a long one loses its explanation in parentheses, no unit."""
    head, _, note = words.partition(" (")
    return head if len(words) > 44 and len(note) > 14 and "(" not in note else words


def legend_html(entries: Iterable[LegendEntry], note: str = "") -> str:
    """Legend beside the plot, where it hides no data; `note` stands in a line of its own."""
    items = "".join(
        f'<span class="socwidgets-legend-item"><i class="{e.dash}" style="border-top-color:'
        f'{html.escape(e.color)};border-top-style:{"solid" if e.dash == "band" else e.dash}"></i>'
        f"{'<b>' if e.strong else ''}{html.escape(e.label)}{'</b>' if e.strong else ''}</span>"
        for e in entries
    )
    line = f'<div class="socwidgets-note">{html.escape(note)}</div>' if note else ""
    return f'<div class="socwidgets-legend">{items}</div>{line}'


def with_error(value: float, error: float) -> str:
    """Number with its uncertainty, rounded to two digits of the latter, at most six decimals."""
    if math.isnan(value):
        return "no value"
    if math.isnan(error) or error <= 0:
        return f"{value:.4g}"
    digits = int(min(max(1 - math.floor(math.log10(error)), 0), 6))
    return f"{value:.{digits}f} ± {error:.{digits}f}"
