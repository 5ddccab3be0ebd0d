"""From counts to optical density in one look: flat, frame, result, and what was flagged."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from socwidgets.analysis.detector import PIXEL_FLAGS, PixelFlag
from socwidgets.model.errors import DataError
from socwidgets.model.names import FLAT, I0, SIGNAL, X, Y, spectral_dim
from socwidgets.plotting.limits import default_limits
from socwidgets.plotting.maps import draw_map
from socwidgets.plotting.panel import MARGIN, panel_for
from socwidgets.plotting.style import (
    ACCENT,
    CONTRAST,
    MUTED,
    SEQUENTIAL,
    describe,
    new_figure,
    styled,
)
from socwidgets.plotting.text import grouped

#: Marker of each flag on the map, and its word.
_MARKS = {
    PixelFlag.DEAD: ("x", "dead"),
    PixelFlag.HOT: ("+", "hot"),
    PixelFlag.FULL_SCALE: ("s", "at full scale"),
    PixelFlag.CLIPPED: ("D", "clipped"),
    PixelFlag.TOO_DENSE: ("o", "too dense"),
}
#: More flagged pixels than this are not marked one by one.
_MARKED = 400
_BINS = 120


@styled
def density_figure(
    counts: xr.Dataset,
    od: xr.Dataset,
    *,
    flat: xr.DataArray | None = None,
    energy: float | None = None,
    width: float = 10.0,
) -> Figure:
    """Draw a flat, a frame, its optical density with flagged pixels, and all optical densities.

    Parameters
    ----------
    counts : xarray.Dataset
        Stack of counts, ``signal`` ``(spectral, y, x)``.
    od : xarray.Dataset
        What `socwidgets.optical_density` made of it, with ``pixel_flags`` ``(y, x)``.
    flat : xarray.DataArray, optional
        What it was divided by: any dims, averaged but for y and x. The stack's own ``flat`` if left
        out; without an image there is no such panel.
    energy : float, optional
        Of the frame that is shown, in the unit of the axis; the one that absorbs most if left out.
    width : float
        Of the figure, inches.

    Returns
    -------
    matplotlib.figure.Figure
        With a text alternative that counts the flagged pixels.

    Raises
    ------
    DataError
        If the two are not of the same size, or have leading dims.
    """
    dim = spectral_dim(od[SIGNAL])
    if od[SIGNAL].ndim != 3 or dict(counts[SIGNAL].sizes) != dict(od[SIGNAL].sizes):
        raise DataError(
            "these are not counts and their optical density",
            expected=f"both with the dims ({dim}, {Y}, {X}) and the same sizes",
            found=f"{dict(counts[SIGNAL].sizes)} and {dict(od[SIGNAL].sizes)}",
            fix="take one state at a time, for instance stack.isel(state=0)",
        )
    density = od[SIGNAL].transpose(dim, Y, X)
    row = _row(density, dim, energy)
    at = f"{round(float(od[dim][row]), 2)} {od[dim].attrs.get('units', '')}".strip()
    source = flat if flat is not None else counts.get(FLAT, counts.get(I0))
    shown = [_named(counts[SIGNAL].isel({dim: row}), "Counts"), _named(density[row], "OD", "1")]
    titles = [f"Frame at {at}", "Optical density"]
    if source is not None and {Y, X} <= set(source.dims):
        mean = source.mean([d for d in source.dims if d not in (Y, X)])
        # The flat is of the same detector, whatever places its pixels were given.
        places = {d: density[d] for d in (Y, X) if mean.sizes[d] == density.sizes[d]}
        shown.insert(0, _named(mean.assign_coords(places), "Counts"))
        titles.insert(0, "Flat")
    part = width / (len(shown) + 1.25)
    panel = panel_for(shown[-1], part, title=True, words=False)
    figure = new_figure(width, panel.height, layout=None)
    for number, (values, title) in enumerate(zip(shown, titles, strict=True)):
        low, high = default_limits(values)
        axes = draw_map(figure, panel, number * part, values, SEQUENTIAL, low, high)
        axes.set_title(title)
    said = _mark_flags(axes, od, shown[-1])
    left = (len(shown) * part + 0.62) / width
    bottom = 0.52 / panel.height
    height = 1.0 - bottom - (MARGIN + panel.title) / panel.height
    histogram = figure.add_axes((left, bottom, 1.0 - left - MARGIN / width, height))
    words = _draw_densities(histogram, density.values, said)
    return describe(figure, f"Counts and optical density at {at}. {words}")


def _row(density: xr.DataArray, dim: str, energy: float | None) -> int:
    """Number of the frame nearest to an energy, else of the one that absorbs most."""
    if energy is None:
        return int(np.nanargmax(density.mean((Y, X)).values))
    return int(np.abs(density[dim].values - energy).argmin())


def _named(image: xr.DataArray, words: str, units: str = "") -> xr.DataArray:
    """Image ``(y, x)`` with the words of its color bar."""
    plain = image.transpose(Y, X).drop_attrs(deep=False).astype(float)
    return plain.assign_attrs(long_name=words, units=units or "1")


def _mark_flags(axes: Axes, od: xr.Dataset, image: xr.DataArray) -> list[tuple[str, int, str]]:
    """Mark flagged pixels on a map; return word, number and marker of each flag that occurs."""
    if PIXEL_FLAGS not in od:
        return []
    flags = od[PIXEL_FLAGS].transpose(Y, X).values
    found = []
    for flag, (marker, word) in _MARKS.items():
        rows, columns = np.nonzero(flags & np.uint8(flag))
        if not rows.size:
            continue
        found.append((word, rows.size, marker))
        if rows.size <= _MARKED:
            axes.plot(
                image[X].values[columns], image[Y].values[rows], marker, color=CONTRAST,
                markerfacecolor="none", markersize=5.0 if rows.size < 30 else 3.0,
                markeredgewidth=1.1,
            )  # fmt: skip
    return found


def _draw_densities(axes: Axes, values: np.ndarray, said: list[tuple[str, int, str]]) -> str:
    """Histogram of all samples, on a logarithmic scale; returns the words of it."""
    data = values[np.isfinite(values)]
    axes.set_title("All samples")
    axes.set_xlabel("Optical density")
    axes.set_ylabel("Number")
    if data.size:
        heights, _, _ = axes.hist(data, _BINS, color=ACCENT, alpha=0.8, linewidth=0)
        axes.set_yscale("log")
        # Room for the legend above the bars.
        axes.set_ylim(0.5, float(np.max(heights)) * 10.0 ** (0.3 + 0.5 * len(said)))
        axes.axvline(0.0, color=MUTED, linewidth=0.8)
    for word, count, marker in said:
        axes.plot(
            [], [], marker, color=CONTRAST, markerfacecolor="none", markersize=5,
            label=f"{word}: {grouped(count)} px",
        )  # fmt: skip
    if said:
        axes.legend(loc="upper right", fontsize=8.5, frameon=True, framealpha=0.85)
    flagged = ", ".join(f"{count} {word}" for word, count, _ in said) or "none"
    ends = f"from {data.min():.2f} to {data.max():.2f}" if data.size else "nowhere"
    return f"Optical density {ends}; flagged pixels: {flagged}."
