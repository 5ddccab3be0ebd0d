"""A picture of the explorer as it stands, for places where no widget runs."""

from __future__ import annotations

import math

import numpy as np

from socwidgets.model.kinds import end_words
from socwidgets.model.names import X, Y, axis_label
from socwidgets.model.roi import Area, Ellipse, Polygon, Rectangle, Shape
from socwidgets.session import Session
from socwidgets.session.derived import usable_mask
from socwidgets.widgets.bins import bins_of
from socwidgets.widgets.colormaps import CATEGORY_COLORS, COLORMAPS, lut
from socwidgets.widgets.map_binning import mean, pick
from socwidgets.widgets.plots import signal_words
from socwidgets.widgets.sketch import SOFT, Axes, Box, Sketch

#: A notebook with a few explorers should still open quickly.
MAX_BYTES = 300_000
WIDTH, HEIGHT = 1000, 500
_MAP_BOX: Box = (62.0, 34.0, 462.0, 400.0)
_SPECTRUM_BOX: Box = (580.0, 34.0, 984.0, 232.0)
_HISTOGRAM_BOX: Box = (580.0, 306.0, 984.0, 450.0)
_NO_VALUE = np.array([238, 240, 242], np.uint8)
_MUTED = "#6e7781"
#: Pixels of the map that the picture has room for, and those that its histogram counts.
_MOST = 480
_COUNTED = 512


def picture_png(session: Session) -> bytes:
    """Map, spectra and histogram of a session as PNG of at most `MAX_BYTES`.

    Parameters
    ----------
    session : Session
        What to draw; it is only read.
    """
    sketch = Sketch(WIDTH, HEIGHT)
    _draw_map(session, sketch)
    _draw_spectra(session, sketch)
    _draw_histogram(session, sketch)
    png = b""
    for scale in (1.0, 0.75, 0.5):
        png = sketch.png(scale)
        if len(png) <= MAX_BYTES:
            break
    return png


def _draw_map(session: Session, sketch: Sketch) -> None:
    shown, (low, high) = session.displayed(), session.displayed_limits()
    ny, nx = shown.shape
    (x0, x1), (y0, y1) = _edges(shown[X].values), _edges(shown[Y].values)
    left, top, right, bottom = _MAP_BOX
    scale = min((right - left) / abs(x1 - x0), (bottom - top) / abs(y1 - y0))
    box = (left, top, left + scale * abs(x1 - x0), top + scale * abs(y1 - y0))
    units = str(shown[X].attrs.get("units", "")).replace("um", "µm")
    words = [f"{name} ({units})" if units else name for name in "xy"]
    # Row 0 is at the top, whichever way the coordinates run.
    axes = Axes(sketch, box, (x0, x1), (y1, y0), *words)
    flags = "flag_values" in shown.attrs
    # Of a very large map at most two by two pixels make one of the picture.
    values = shown.values[:: max(1, ny // (2 * _MOST)), :: max(1, nx // (2 * _MOST))]
    factors = math.ceil(values.shape[0] / _MOST), math.ceil(values.shape[1] / _MOST)
    if factors != (1, 1):
        values = (pick if flags else mean)(values, factors)
    sketch.image(_colored(session, np.asarray(values), low, high, flags), box)
    for roi in session.state.rois:
        for outline in _outlines(roi.shape):
            at = axes.place(outline[:, 0], outline[:, 1])
            sketch.line(at, "#ffffff", 3.5)
            sketch.line(at, roi.color, 2.0)
    axes.frame()
    title = str(shown.attrs.get("long_name", shown.name))
    sketch.text(box[0], 12, title, size=14)
    if not flags:
        _draw_bar(session, sketch, box[3] + 46, (low, high), end_words(shown))


def _draw_bar(
    session: Session, sketch: Sketch, top: float, ends: tuple[float, float], words: tuple[str, str]
) -> None:
    left, right = _MAP_BOX[0], _MAP_BOX[2]
    row = _table(session)[None, :, :].repeat(4, 0)
    sketch.image(row, (left, top, right, top + 12))
    for at, anchor, value, word in zip((left, right), "lr", ends, words, strict=True):
        text = f"{value:.4g}".replace("-", "\u2212")
        sketch.text(at, top + 17, f"{text}  {word}".strip(), size=11, anchor=f"{anchor}a",
                    color=SOFT)  # fmt: skip


def _table(session: Session) -> np.ndarray:
    cmap = session.state.cmap
    return lut(cmap if cmap in COLORMAPS else COLORMAPS[0])


def _colored(
    session: Session, values: np.ndarray, low: float, high: float, flags: bool
) -> np.ndarray:
    """Values as ``(y, x, 3)`` uint8; gray where there is none."""
    if flags:
        table = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CATEGORY_COLORS])
        return table[values.astype(int) % len(table)].astype(np.uint8)
    known = np.isfinite(values)
    share = (np.where(known, values, low) - low) / ((high - low) or 1.0)
    colors = _table(session)[(256 * share).clip(0, 255).astype(np.uint8)]
    return np.where(known[..., None], colors, _NO_VALUE)


def _outlines(shape: Shape) -> list[np.ndarray]:
    """Closed outlines ``(n, 2)`` in um; a threshold has none."""
    match shape:
        case Rectangle(x0, y0, x1, y1):
            return [np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]], float)]
        case Ellipse(cx, cy, rx, ry):
            turn = np.linspace(0, 2 * np.pi, 73)
            return [np.stack([cx + rx * np.cos(turn), cy + ry * np.sin(turn)], axis=1)]
        case Polygon(vertices):
            return [np.array([*vertices, vertices[0]], float)]
        case Area(rings):
            return [np.array([*ring, ring[0]], float) for ring in rings]
    return []


def _edges(centers: np.ndarray) -> tuple[float, float]:
    half = (centers[-1] - centers[0]) / (2 * max(centers.size - 1, 1)) or 0.5
    return float(centers[0] - half), float(centers[-1] + half)


def _draw_spectra(session: Session, sketch: Sketch) -> None:
    state, energies = session.state, session.energies
    shown = [(roi.name, roi.color, session.roi_spectrum(roi)) for roi in state.rois]
    if not shown:
        shown = [("all usable pixels", "#24292f", session.overall_spectrum())]
    means = [(name, color, s["mean"].values, s["std"].values) for name, color, s in shown]
    parts = [np.concatenate([m - d, m + d]) for _, _, m, d in means]
    pixel = session.pixel_spectrum()
    if pixel is not None:
        parts.append(pixel.values)
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    pad = 0.06 * (high - low) or 0.5
    at = energies.values
    span = float(at[0]), float(at[-1])
    axes = Axes(sketch, _SPECTRUM_BOX, span, (low - pad, high + pad), axis_label(energies),
                f"{signal_words(state.stack)}, mean ± sd")  # fmt: skip
    for _, color, m, d in means:
        axes.band(at, m - d, m + d, color)
    for _, color, m, _ in means:
        axes.line(at, m, color, 2.0)
    if pixel is not None:
        axes.line(at, pixel.values, _MUTED, 1.0)
    cursor = float(at[state.energy_index])
    axes.line(np.array([cursor, cursor]), np.array([low - pad, high + pad]), "#8250df", 1.0)
    axes.frame()
    across = _SPECTRUM_BOX[0]
    for name, color, _, _ in means[:5]:
        sketch.line(np.array([[across, 20.0], [across + 18, 20.0]]), color, 2.5)
        sketch.text(across + 24, 20, name[:18], size=11, anchor="lm")
        across += 42 + 6.6 * min(len(name), 18)


def _draw_histogram(session: Session, sketch: Sketch) -> None:
    state, whole = session.state, session.displayed()
    thin = tuple(slice(None, None, max(1, n // _COUNTED)) for n in whole.shape)
    shown = whole[thin]
    bins = bins_of(shown, usable_mask(state, whole)[thin])
    everything = bins.share()
    regions = [(roi.color, bins.share(session.roi_mask(roi).values[thin])) for roi in state.rois]
    top = max([float(everything.max()), *(float(s.max(initial=0.0)) for _, s in regions)]) or 1.0
    span = float(bins.edges[0]), float(bins.edges[-1])
    axes = Axes(sketch, _HISTOGRAM_BOX, span, (0.0, 1.06 * top), axis_label(shown),
                "Share of pixels (%)")  # fmt: skip
    x, y = bins.steps(everything)
    sketch.polygon(axes.place(x, y), "#8fa3b8", 0.55)
    axes.line(x, y, _MUTED, 1.0)
    for color, share in regions:
        axes.line(*bins.steps(share), color, 1.8)
    if state.brush is not None:
        low, high = (float(np.clip(v, *span)) for v in state.brush)
        edge = np.array([low, low, high, high])
        sketch.polygon(axes.place(edge, 1.06 * top * np.array([0, 1, 1, 0])), "#0969da", 0.14)
    axes.frame()
