"""How two maps go together: correlation of the pixels, with the noise taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import fft, special

from socwidgets.heterogeneity.fitting import like_map, map_of
from socwidgets.model.errors import DataError
from socwidgets.model.names import STATUS, std_name
from socwidgets.model.status import usable

#: Below this share of true variance the correction would blow up the noise of r itself.
MIN_RELIABILITY = 0.2
#: Fewer independent pixels than this give no interval.
MIN_INDEPENDENT = 5.0


@dataclass(frozen=True, slots=True)
class Association:
    """Correlation of two maps.

    Attributes
    ----------
    r : float
        Pearson's coefficient of the pixels as measured.
    low, high : float
        95 % interval of `r`, from as many pixels as are independent; NaN below five.
    r_true : float
        `r` without the attenuation by noise; NaN where a map carries no sigma or is mostly noise.
        It may exceed 1 where a sigma is too large; that is a finding, so it is not clipped.
    reliability_x, reliability_y : float
        Share of the variance that is not noise.
    n_pixels : int
        Pixels with both values.
    n_eff : float
        How many of them are independent.
    """

    r: float
    low: float
    high: float
    r_true: float
    reliability_x: float
    reliability_y: float
    n_pixels: int
    n_eff: float


def correlate_maps(
    maps: xr.Dataset, x: str, y: str, mask: xr.DataArray | np.ndarray | None = None
) -> Association:
    """Correlate two maps pixel by pixel.

    Neighboring pixels are alike, so the interval counts independent pixels only (Clifford,
    Richardson and Hemon, Biometrics 45, 123 (1989); Dutilleul, Biometrics 49, 305 (1993)):
    ``n_eff = 1 + n^2 / sum_h N(h) rho_x(h) rho_y(h)``. Noise lowers a correlation: with the
    reliability ``1 - <sigma^2>/variance`` of each map, ``r_true = r / sqrt(rel_x rel_y)`` (Spearman
    1904), which takes the noise of the two maps to be independent. Two results of one fit share
    their noise; their `r_true` is then too large in size or even has the wrong sign.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `x` and `y`, ``(y, x)`` or ``(z, y, x)``, their ``_std`` where known, and
        ``status``.
    x, y : str
        The two maps.
    mask : xarray.DataArray or ndarray, optional
        bool, of the maps' shape: pixels to use; all usable ones if left out. NaN in either map
        leaves a pixel out.

    Returns
    -------
    Association
        NaN where there are fewer than three pixels or a map is flat.

    Raises
    ------
    DataError
        If a map is missing or a series, maps or mask do not fit, or a sigma is negative.
    """
    fields = [map_of(maps, name) for name in (x, y)]
    dims = fields[0].dims
    if fields[1].dims != dims:
        raise DataError(
            "the two maps do not fit", expected=str(fields[0].shape), found=str(fields[1].shape)
        )
    first, second = (field.values.astype(np.float64) for field in fields)
    good = like_map(usable(maps), STATUS, fields[0]) & np.isfinite(first) & np.isfinite(second)
    if mask is not None:
        chosen = mask.transpose(*dims).values if isinstance(mask, xr.DataArray) else mask
        chosen = np.asarray(chosen, bool)
        if chosen.shape != good.shape:
            raise DataError(
                "the mask does not fit the maps", expected=str(good.shape), found=str(chosen.shape)
            )
        good &= chosen
    n = int(good.sum())
    a, b = first[good], second[good]
    if n < 3 or not (a.std() > 0 and b.std() > 0):
        nan = float("nan")
        return Association(nan, nan, nan, nan, nan, nan, n, nan)
    r = float(np.corrcoef(a, b)[0, 1])
    n_eff = _independent(first, second, good)
    low, high = _interval(r, n_eff)
    rel_x, rel_y = (_reliability(maps, name, good) for name in (x, y))
    known = rel_x > MIN_RELIABILITY and rel_y > MIN_RELIABILITY
    r_true = r / float(np.sqrt(rel_x * rel_y)) if known else float("nan")
    return Association(r, low, high, r_true, rel_x, rel_y, n, n_eff)


def _reliability(maps: xr.Dataset, name: str, good: np.ndarray) -> float:
    sigma = std_name(name)
    if sigma not in maps:
        return float("nan")
    dims = map_of(maps, name).dims
    std = like_map(maps[sigma], sigma, map_of(maps, name))[good].astype(np.float64)
    if (std < 0).any():
        raise DataError(
            f"{sigma!r} holds negative standard uncertainties",
            expected="numbers from 0, NaN where unknown",
            found=f"down to {np.nanmin(std):.3g}",
        )
    noise = np.where(np.isfinite(std), std, np.nan) ** 2
    values = maps[name].transpose(*dims).values[good].astype(np.float64)
    return float(1.0 - np.nanmean(noise) / values.var()) if np.isfinite(noise).any() else np.nan


def _interval(r: float, n_eff: float) -> tuple[float, float]:
    """95 % interval by Fisher's transform."""
    if not n_eff >= MIN_INDEPENDENT or abs(r) >= 1.0:
        return float("nan"), float("nan")
    half = float(special.ndtri(0.975)) / np.sqrt(n_eff - 3.0)
    low, high = np.tanh(np.arctanh(r) + np.array([-half, half]))
    return float(low), float(high)


def _independent(first: np.ndarray, second: np.ndarray, good: np.ndarray) -> float:
    """Effective number of pixels for a correlation of two fields with gaps."""
    n = int(good.sum())
    shape = tuple(fft.next_fast_len(2 * size) for size in good.shape)
    seen = fft.rfftn(good.astype(np.float64), shape)
    pairs = fft.irfftn(np.abs(seen) ** 2, shape)
    product = np.ones(shape)
    for field in (first, second):
        centered = np.where(good, field - field[good].mean(), 0.0)
        power = fft.irfftn(np.abs(fft.rfftn(centered, shape)) ** 2, shape)
        with np.errstate(invalid="ignore", divide="ignore"):
            product *= np.where(pairs > 0.5, power / pairs, 0.0) / field[good].var()
    # Far lags rest on few pairs and on the mean being taken out: they only bring noise.
    near = [
        np.minimum(np.arange(padded), padded - np.arange(padded)) <= size // 3
        for padded, size in zip(shape, good.shape, strict=True)
    ]
    total = float((pairs * product)[np.ix_(*near)].sum())
    return float(min(1.0 + n**2 / max(total, float(n)), n))


def group_spearman(index: np.ndarray, one: np.ndarray, other: np.ndarray, count: int) -> np.ndarray:
    """Rank correlation of two quantities within each group.

    Parameters
    ----------
    index : ndarray
        ``(n,)`` int, the group of each value.
    one, other : ndarray
        ``(n,)``; equal values share a rank.
    count : int
        Number of groups.

    Returns
    -------
    ndarray
        ``(count,)``; NaN where a group has no variance.
    """
    n = np.bincount(index, minlength=count)
    ranks = []
    for column in (one, other):
        order = np.lexsort((column, index))
        sorted_column, sorted_index = column[order], index[order]
        first = np.cumsum(n) - n
        rank = np.arange(order.size, dtype=float) - first[sorted_index]
        new = np.ones(order.size, dtype=bool)
        new[1:] = (np.diff(sorted_column) != 0) | (np.diff(sorted_index) != 0)
        tie = np.cumsum(new) - 1
        mean_rank = np.bincount(tie, rank) / np.bincount(tie)
        back = np.empty(order.size)
        back[order] = mean_rank[tie]
        ranks.append(back - (n[index] - 1) / 2)
    a, b = ranks
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt(np.bincount(index, a**2) * np.bincount(index, b**2))
        return np.where(scale > 0, np.bincount(index, a * b) / scale, np.nan)
