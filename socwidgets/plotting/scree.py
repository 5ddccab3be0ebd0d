"""How many components a stack holds: eigenvalues against the noise, and the first loadings."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from socwidgets.model.errors import DataError
from socwidgets.model.names import axis_label
from socwidgets.plotting.style import ACCENT, CONTRAST, GRID, MUTED, describe, new_figure, styled


@styled
def scree_figure(
    components: xr.Dataset, *, most: int = 15, title: str | None = None, width: float = 7.2
) -> Figure:
    """Draw the scree of a principal component analysis beside its loadings.

    Parameters
    ----------
    components : xarray.Dataset
        Result of `socwidgets.analysis.decomposition.pca`.
    most : int
        Number of eigenvalues to show.
    title : str, optional
        Above the scree.
    width : float
        Inches.

    Returns
    -------
    matplotlib.figure.Figure
        Left: standard deviation along each component (root of the eigenvalue), filled where it is
        above the noise, with the noise of one sample as a line; the dotted line stands behind the
        number that Malinowski's indicator tells. Right: the loadings kept, one below the other.

    Raises
    ------
    DataError
        If `components` is no result of `pca`.

    Notes
    -----
    Noise that differs between pixels or energies (thick samples, counts) puts far too many
    components above the noise: where the numbers disagree, look for the bend and at the loadings.
    """
    if "eigenvalue" not in components or "loadings" not in components:
        raise DataError(
            "this is no principal component analysis",
            expected="the result of pca",
            found=", ".join(map(str, components.data_vars)),
        )
    figure = new_figure(width, 3.0)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.15])
    above, noise = int(components.attrs["n_above_noise"]), float(components.attrs["noise_std"])
    values = np.sqrt(components["eigenvalue"].values[:most])
    number = np.arange(1, values.size + 1)
    left.semilogy(number, values, color=MUTED, lw=0.8, zorder=1)
    for some, fill, words in (
        (number <= above, ACCENT, f"above the noise: {above}"),
        (number > above, "white", "noise"),
    ):
        if not some.any():
            continue
        left.semilogy(
            number[some], values[some], ls="none", marker="o", ms=5, mfc=fill, mec=ACCENT,
            label=words,
        )  # fmt: skip
    left.axhline(noise, color=CONTRAST, lw=1.0, ls="--", label=f"noise of one sample: {noise:.3g}")
    fewest = int(components["number"].values[np.nanargmin(components["indicator"].values)])
    if fewest <= values.size:
        left.axvline(
            fewest + 0.5, color=MUTED, lw=1.0, ls=":", label=f"Malinowski's indicator: {fewest}"
        )
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.set_xlabel("Component")
    left.set_ylabel("Standard deviation along it")
    left.grid(color=GRID, lw=0.6, axis="y")
    left.legend(loc="upper right")
    if title:
        left.set_title(title)
    _loadings(right, components)
    return describe(
        figure, f"Scree of {components['eigenvalue'].size} components: {above} above the noise."
    )


def _loadings(axes: Axes, components: xr.Dataset) -> None:
    loadings = components["loadings"]
    dim = str(loadings.dims[1])
    grid, kept = loadings[dim].values, min(loadings.sizes["component"], 6)
    step = 1.15 * float(np.ptp(loadings.values[:kept], axis=1).max())
    for k in range(kept):
        axes.plot(grid, loadings.values[k] - k * step)
        axes.axhline(-k * step, color=GRID, lw=0.6, zorder=0)
    axes.set_yticks([-k * step for k in range(kept)], [str(k + 1) for k in range(kept)])
    axes.set_ylabel("Loading of component")
    axes.set_xlabel(axis_label(loadings[dim]))
    axes.set_xlim(grid.min(), grid.max())
