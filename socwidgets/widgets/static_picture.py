"""A picture of the explorer as it stands, for places where no widget runs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from socwidgets.model.kinds import end_words
from socwidgets.model.names import axis_label
from socwidgets.plotting.maps import draw_image
from socwidgets.plotting.outlines import draw_rois
from socwidgets.plotting.style import INK, MUTED, describe, new_figure, png_bytes, styled
from socwidgets.session import Session
from socwidgets.session.derived import usable_mask

#: A notebook with a few explorers should still open quickly.
MAX_BYTES = 300_000
_BINS = 64


def picture_png(session: Session) -> bytes:
    """Map, spectra and histogram of a session as PNG of at most `MAX_BYTES`.

    Parameters
    ----------
    session : Session
        What to draw; it is only read.
    """
    figure = picture(session)
    png = b""
    for dpi in (110, 80, 55):
        png = png_bytes(figure, dpi)
        if len(png) <= MAX_BYTES:
            break
    return png


@styled
def picture(session: Session) -> Figure:
    """The same as a matplotlib figure, made without pyplot."""
    figure = new_figure(10.0, 4.6)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.15, 1.0), height_ratios=(1.3, 1.0))
    _draw_map(session, figure, figure.add_subplot(grid[:, 0]))
    _draw_spectra(session, figure.add_subplot(grid[0, 1]))
    _draw_histogram(session, figure.add_subplot(grid[1, 1]))
    shown = session.displayed().attrs.get("long_name", "")
    return describe(figure, f"Explorer: {shown}, spectra and histogram")


def _draw_map(session: Session, figure: Figure, axes: Axes) -> None:
    state, shown = session.state, session.displayed()
    low, high = session.displayed_limits()
    image = draw_image(axes, shown, state.cmap, low, high)
    draw_rois(axes, state.rois)
    axes.set_title(str(shown.attrs.get("long_name", shown.name)))
    bar = figure.colorbar(image, ax=axes, orientation="horizontal", shrink=0.8, aspect=30)
    words = " … ".join(word for word in end_words(shown) if word)
    bar.set_label(words or axis_label(shown))


def _draw_spectra(session: Session, axes: Axes) -> None:
    state, energies = session.state, session.energies
    shown = [(roi.name, roi.color, session.roi_spectrum(roi)) for roi in state.rois]
    if not shown:
        shown = [("All usable pixels", INK, session.overall_spectrum())]
    for name, color, spectrum in shown:
        mean, std = spectrum["mean"].values, spectrum["std"].values
        axes.fill_between(energies.values, mean - std, mean + std, color=color, alpha=0.2, lw=0)
        axes.plot(energies.values, mean, color=color, label=name)
    pixel = session.pixel_spectrum()
    if pixel is not None:
        axes.plot(energies.values, pixel.values, ".", color=MUTED, markersize=4, label="pixel")
    axes.axvline(float(energies[state.energy_index]), color=MUTED, linewidth=0.8, linestyle=":")
    axes.set_xlabel(axis_label(energies))
    axes.set_ylabel("Signal, mean ± sd")
    axes.legend(loc="best", fontsize=8)


def _draw_histogram(session: Session, axes: Axes) -> None:
    state, shown = session.state, session.displayed()
    good = usable_mask(state, shown)
    values = shown.values[good]
    if values.size:
        low, high = (float(v) for v in np.percentile(values, [0.1, 99.9]))
        edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
        _share(axes, values, edges, MUTED, filled=True)
        for roi in state.rois:
            inside = session.roi_mask(roi).values & good
            _share(axes, shown.values[inside], edges, roi.color, filled=False)
    if state.brush is not None:
        axes.axvspan(*state.brush, color="#0969da", alpha=0.12, linewidth=0)
    axes.set_xlabel(axis_label(shown))
    axes.set_ylabel("Share of pixels (%)")


def _share(axes: Axes, values: np.ndarray, edges: np.ndarray, color: str, *, filled: bool) -> None:
    counts, _ = np.histogram(values, edges)
    share = 100.0 * counts / max(values.size, 1)
    axes.stairs(share, edges, color=color, fill=filled, alpha=0.5 if filled else 1.0, lw=1.4)
