"""Three phases in one picture: color is the mixture, brightness the thickness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from socwidgets.model.errors import DataError, ParameterError
from socwidgets.model.names import X, Y
from socwidgets.plotting.panel import MARGIN, Panel, add_map_axes, panel_for
from socwidgets.plotting.scalebar import add_scale_bar, extent
from socwidgets.plotting.style import INK, MUTED, NO_VALUE, describe, new_figure, styled

#: Corners of the triangle. ``"rgb"`` is the convention of the field (Kuppan et al. 2017, Komatsu et
#: al. 2015: the most lithiated phase red); ``"safe"`` can also be told apart by the color-blind.
PALETTES = {
    "rgb": ("#ff0000", "#00ff00", "#0000ff"),
    "safe": ("#d55e00", "#f0e442", "#0072b2"),
}

_TRIANGLE = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3.0) / 2.0]])


def composite_rgb(
    fractions: Sequence[xr.DataArray],
    thickness: xr.DataArray | None = None,
    *,
    palette: str | Sequence[str] = "rgb",
    full_at: float | None = None,
    thin: float = 0.15,
) -> np.ndarray:
    """Colors of a map of two or three phases.

    Parameters
    ----------
    fractions : sequence of xarray.DataArray
        ``(y, x)`` each, two or three phases. For the picture only, negative ones count as zero and
        the others are made to add up to one.
    thickness : xarray.DataArray, optional
        ``(y, x)``; the brightness. All pixels are bright without it.
    palette : str or sequence of str
        Name in `PALETTES`, or one color per phase.
    full_at : float, optional
        Thickness of full brightness; its 99th percentile if left out.
    thin : float
        Brightness of a pixel without thickness, so that its color can be guessed still.

    Returns
    -------
    numpy.ndarray
        ``(y, x, 3)``, 0 to 1; pixels without a value are gray.

    Raises
    ------
    DataError, ParameterError
        If the maps do not fit each other or the palette.
    """
    stacked = _checked(fractions, thickness)
    colors = _colors(palette, len(stacked))
    shown = np.clip(stacked, 0.0, None)
    with np.errstate(invalid="ignore", divide="ignore"):
        shown = shown / shown.sum(axis=0)
    light = np.ones(shown.shape[1:])
    if thickness is not None:
        values = np.asarray(thickness.transpose(Y, X).values, float)
        full = full_at if full_at is not None else float(np.nanpercentile(values, 99))
        light = thin + (1.0 - thin) * np.clip(values / max(full, 1e-300), 0.0, 1.0)
    picture = np.einsum("kyx,kc->yxc", shown, colors) * light[..., None]
    picture[~np.isfinite(picture).all(axis=-1)] = to_rgb(NO_VALUE)
    return picture


@styled
def composite_figure(
    fractions: Sequence[xr.DataArray],
    names: Sequence[str],
    thickness: xr.DataArray | None = None,
    *,
    title: str | None = None,
    palette: str | Sequence[str] = "rgb",
    width: float = 6.2,
) -> Figure:
    """Draw a map of two or three phases with its legend (a triangle for three).

    Parameters
    ----------
    fractions, thickness, palette
        As in `composite_rgb`.
    names : sequence of str
        Of the phases, for the corners of the legend.
    title : str, optional
        Above the map.
    width : float
        Width of the figure, inches; the legend takes 1.7 of them.

    Returns
    -------
    matplotlib.figure.Figure
        With a text alternative that gives the mean fractions.
    """
    picture = composite_rgb(fractions, thickness, palette=palette)
    if len(names) != len(fractions):
        raise ParameterError(
            "the phases and their names do not pair up",
            expected=f"{len(fractions)} names",
            found=", ".join(names),
        )
    first = fractions[0].transpose(Y, X)
    legend = 1.7
    panel = panel_for(first, width - legend, title=bool(title), words=False, colorbar=False)
    figure = new_figure(width, max(panel.height, 1.9), layout=None)
    axes = _draw_map(figure, panel, first, picture)
    if title:
        axes.set_title(title)
    _draw_legend(figure, width - legend, legend, names, palette, thickness is not None)
    mean = [float(np.nanmean(f.values)) for f in fractions]
    told = ", ".join(f"{n} {m:.2f}" for n, m in zip(names, mean, strict=True))
    return describe(figure, f"Map of {len(names)} phases by color; mean fractions {told}.")


def _checked(fractions: Sequence[xr.DataArray], thickness: xr.DataArray | None) -> np.ndarray:
    if not 2 <= len(fractions) <= 3:
        raise DataError(
            "colors tell two or three phases apart",
            expected="two or three fractions",
            found=str(len(fractions)),
        )
    places = [f"fraction {k}" for k in range(1, len(fractions) + 1)] + ["thickness"]
    for place, one in zip(places, (*fractions, thickness), strict=True):
        if one is None and place == "thickness":
            continue
        if not isinstance(one, xr.DataArray):
            raise DataError(
                f"{place} is no map",
                expected="an xarray.DataArray (y, x)",
                found=type(one).__name__,
                fix="wrap an array: xarray.DataArray(values, dims=('y', 'x'))",
            )
        if set(one.dims) != {Y, X} or one.sizes != fractions[0].sizes:
            raise DataError(
                f"{place} is no map like the first one",
                expected=f"dims (y, x) of {fractions[0].shape}",
                found=f"{one.dims} of {one.shape}",
                fix="select one state, frame or layer first",
            )
    return np.stack([np.asarray(f.transpose(Y, X).values, float) for f in fractions])


def _colors(palette: str | Sequence[str], count: int) -> np.ndarray:
    if isinstance(palette, str) and palette not in PALETTES:
        raise ParameterError(
            f"there is no palette {palette!r}", expected=f"one of {', '.join(PALETTES)}"
        )
    found = PALETTES[palette] if isinstance(palette, str) else tuple(palette)
    if isinstance(palette, str) and count == 2:
        found = (found[0], found[2])
    if len(found) < count:
        raise ParameterError(
            "the palette has too few colors", expected=str(count), found=str(len(found))
        )
    return np.array([to_rgb(c) for c in found[:count]])


def _draw_map(figure: Figure, panel: Panel, values: xr.DataArray, picture: np.ndarray) -> Axes:
    axes = add_map_axes(figure, panel)
    axes.imshow(picture, extent=extent(values), origin="upper", interpolation="nearest")
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
    add_scale_bar(axes, values)
    return axes


def _draw_legend(
    figure: Figure,
    left: float,
    width: float,
    names: Sequence[str],
    palette: str | Sequence[str],
    dims_with_thickness: bool,
) -> None:
    """Triangle (or bar) of all mixtures with the names at its corners."""
    total_width, total_height = figure.get_size_inches()
    side = width - 2 * MARGIN - 0.3
    height = side * (np.sqrt(3) / 2 if len(names) == 3 else 0.16)
    bottom = (total_height - height) / 2
    box = (left + MARGIN + 0.15, bottom, side, height)
    axes = figure.add_axes(
        (box[0] / total_width, box[1] / total_height, box[2] / total_width, box[3] / total_height)
    )
    axes.set_label("legend")
    axes.axis("off")
    colors = _colors(palette, len(names))
    if len(names) == 3:
        composite_legend(axes, names, palette)
    else:
        ramp = np.linspace(colors[0], colors[1], 64)[None]
        axes.imshow(ramp, extent=(0, 1, 0, 0.16), aspect="auto")
        for x, name, side_of in ((0.0, names[0], "left"), (1.0, names[1], "right")):
            axes.annotate(
                name, (x, 0.0), xytext=(0, -4), textcoords="offset points", ha=side_of, va="top",
                fontsize=8.5, color=INK, annotation_clip=False,
            )  # fmt: skip
    if dims_with_thickness:
        axes.annotate(
            "darker: thinner", (0.5, 0.0), xytext=(0, -22), textcoords="offset points",
            ha="center", va="top", fontsize=8, color=MUTED, annotation_clip=False,
        )  # fmt: skip


def composite_legend(
    axes: Axes, names: Sequence[str], palette: str | Sequence[str] = "rgb"
) -> None:
    """Draw the triangle of all mixtures of three phases, a name at each corner.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Its frame is taken off.
    names : sequence of str
        Of the three phases: left, right and top corner.
    palette : str or sequence of str
        As in `composite_rgb`.

    Raises
    ------
    ParameterError
        If there are not three phases, or the palette has not as many colors.
    """
    if len(names) != 3:
        raise ParameterError(
            "a legend triangle has three corners", expected="3 names", found=", ".join(names)
        )
    colors = _colors(palette, 3)
    axes.set_axis_off()
    size = 160
    x, y = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, np.sqrt(3) / 2, size))
    lifted = np.linalg.inv(np.vstack([np.ones(3), _TRIANGLE.T]))
    place = np.einsum("kc,cyx->kyx", lifted, np.stack([np.ones_like(x), x, y]))
    picture = np.ones((size, size, 4))
    picture[..., :3] = np.clip(np.einsum("kyx,kc->yxc", np.clip(place, 0, 1), colors), 0, 1)
    picture[..., 3] = (place >= -1e-9).all(axis=0)
    axes.imshow(picture, extent=(0, 1, 0, np.sqrt(3) / 2), origin="lower", aspect="equal")
    axes.plot(*np.vstack([_TRIANGLE, _TRIANGLE[:1]]).T, color=MUTED, lw=0.8, clip_on=False)
    for (px, py), name, offset, side, level in zip(
        _TRIANGLE, names, ((0, -4), (0, -4), (0, 4)), ("center",) * 3, ("top", "top", "bottom"),
        strict=True,
    ):  # fmt: skip
        axes.annotate(
            name, (px, py), xytext=offset, textcoords="offset points", ha=side, va=level,
            fontsize=8.5, color=INK, annotation_clip=False,
        )  # fmt: skip
