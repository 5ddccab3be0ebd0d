"""Whether neighbors are alike: Moran's I and Geary's C, with the noise taken out."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.bootstrap import (
    NO_INTERVAL,
    Interval,
    Units,
    draw_counts,
    interval_of,
)
from socwidgets.heterogeneity.pairs import PairSums, sum_pairs
from socwidgets.heterogeneity.possible import within
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.heterogeneity.space.shuffles import likeness_p
from socwidgets.model.errors import ParameterError

#: Offsets to half of a pixel's neighbors; the others are their opposites.
NEIGHBORS = {
    "rook": ((0, 1), (1, 0)),
    "queen": ((0, 1), (1, 0), (1, 1), (1, -1)),
}
NEIGHBORS_OF_VOXELS = {
    "rook": ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
    "queen": (
        *((0, dy, dx) for dy, dx in NEIGHBORS["queen"]),
        *((1, dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)),
    ),
}


@dataclass(frozen=True, slots=True)
class Autocorrelation:
    """Moran's I and Geary's C of a map.

    Attributes
    ----------
    moran, geary : float
        As measured.
    moran_true, geary_true : float
        With the noise taken out; NaN where the noise is not known or explains everything. An I
        clearly above 1 tells of noise that is stated too large.
    expected : float
        I of values without order, ``-1/(n - 1)`` (C: 1).
    p, p_geary : float
        One-sided probability of so much likeness without any order.
    p_method : str
        How p was found, with the seed.
    moran_interval : Interval
        Of `moran_true` (of `moran` where that is NaN), from a bootstrap; NaN without units.
    n_pixels, n_pairs : int
        What went in.
    neighbors : str
        Key of `NEIGHBORS`.
    """

    moran: float
    geary: float
    moran_true: float
    geary_true: float
    expected: float
    p: float
    p_geary: float
    p_method: str
    moran_interval: Interval
    n_pixels: int
    n_pairs: int
    neighbors: str


def autocorrelation(
    maps: xr.Dataset,
    *,
    variable: str = "soc",
    labels: xr.DataArray | None = None,
    weights: str | xr.DataArray | None = "thickness",
    neighbors: str = "rook",
    permutations: int = 999,
    seed: int = 0,
) -> Autocorrelation:
    """Moran's I and Geary's C within the mask.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)`` or ``(z, y, x)``.
    variable : str
        The map.
    labels : xarray.DataArray, optional
        Particles: pixels outside do not count.
    weights : str, xarray.DataArray or None
        Pixels of positive weight count, all alike.
    neighbors : {"rook", "queen"}
        Pixels that share a side, or a side or a corner; in a volume the six voxels that share a
        face, or all 26 around, whatever the distance of the layers.
    permutations : int
        Shuffles for p; 0 takes p from the moments (Cliff and Ord 1981, ch. 2), as is done for more
        than 100,000 pixels.
    seed : int
        Of the shuffles.

    Returns
    -------
    Autocorrelation
        Both numbers with and without noise, and the chance of such a likeness by accident.

    Raises
    ------
    DataError, KindError, ParameterError
        As `take_sample`; an unknown neighborhood.

    Notes
    -----
    ``I = (n/W) sum_ij w_ij z_i z_j / sum z^2`` (Moran 1950), ``C = (n - 1)/(2 W) sum_ij w_ij
    (v_i - v_j)^2 / sum z^2`` (Geary 1954). White noise adds to ``sum z^2`` but not to the
    products: ``I_true = I s_obs^2/s_true^2``. Registration makes the noise of neighbors alike; what
    it says of that (`NoiseShape`) is taken from the products. The p value is that of the map with
    its noise. Golden G-60a.
    """
    sample = take_sample(maps, variable, labels=labels, weights=weights)
    return autocorrelation_of(sample, neighbors=neighbors, permutations=permutations, seed=seed)


def autocorrelation_of(
    sample: Sample,
    units: Units | None = None,
    *,
    neighbors: str = "rook",
    permutations: int = 999,
    draws: int = 0,
    seed: int = 0,
    cancel: threading.Event | None = None,
) -> Autocorrelation:
    """`autocorrelation` of a sample; with `units` and `draws` also its interval."""
    if neighbors not in NEIGHBORS:
        raise ParameterError(
            "unknown neighborhood", expected=f"one of {', '.join(NEIGHBORS)}", found=repr(neighbors)
        )
    sums = sum_pairs(sample, _offsets(sample, neighbors), units, cancel=cancel)
    per_unit = _unit_sums(sample, sums, units, neighbors)
    moran, geary, moran_true, geary_true = (float(a[0]) for a in _both(per_unit.sum(1)[:, None]))
    z = sample.values - sample.values.mean()
    p, p_geary, method = likeness_p(
        sample, z, moran, geary, _offsets(sample, neighbors), permutations, seed
    )
    interval = NO_INTERVAL
    if units is not None and draws:
        own = _by_own_pixels(sample, per_unit, units, neighbors)
        drawn = [_both(own @ c.T) for c in draw_counts(units, draws, seed, cancel=cancel)]
        which = 0 if np.isnan(moran_true) else 2
        estimate = moran if which == 0 else moran_true
        # A draw with next to no variance left divides by it: I lies between -1 and 1, and beyond 1
        # only where too much noise was taken out.
        possible = estimate < 1.0
        unlike = np.concatenate([1.0 - d[which] for d in drawn])
        unlike = np.clip(unlike, 0.0 if possible else -1.0, 2.0)
        # I compares next neighbors: blocks longer than the correlation miss nothing of that.
        found = interval_of(
            1.0 - estimate, unlike, replace(units, stretch=units.few), positive=possible
        )
        interval = Interval(found.std, 1.0 - found.high, 1.0 - found.low)
        interval = within(interval, estimate, -1.0, 1.0 if possible else np.inf)
    n = sample.size
    return Autocorrelation(
        moran, geary, moran_true, geary_true, -1.0 / (n - 1) if n > 1 else float("nan"),
        p, p_geary, method, interval, n, int(sums.pairs.sum()), neighbors,
    )  # fmt: skip


def _unit_sums(sample: Sample, sums: PairSums, units: Units | None, neighbors: str) -> np.ndarray:
    """``(10, units)``: pairs, half squares, products, sums, pair noise; n, v, v^2, noise; shared.

    The last is the noise that the two pixels of a pair have in common.
    """
    names = ("pairs", "half_square", "product", "sum", "noise")
    pair = np.stack([sums.column(name).sum(axis=0) for name in names])
    v = sample.values - np.average(sample.values, weights=sample.weights)
    rows = (np.ones_like(v), v, v**2, sample.noise_variance)
    single = np.stack([np.array([r.sum()]) if units is None else units.sums(r) for r in rows])
    shape = [_alike(sample, offset) for offset in _offsets(sample, neighbors)]
    shared = np.tensordot(shape, sums.column("noise"), axes=1)
    return np.concatenate([pair, single, shared[None]])


def _by_own_pixels(
    sample: Sample, per_unit: np.ndarray, units: Units, neighbors: str
) -> np.ndarray:
    """`_unit_sums` with the pixels of every pair counted in their own unit.

    A pair across two blocks belongs to the first one. Summed over all units that is no matter, but
    in a draw ``sum z_i z_j`` then runs over other pixels than ``sum z^2``, whose small difference
    is wanted. Here ``z_i z_j`` is ``(z_i^2 + z_j^2)/2`` of the pixels' own units less the half
    square of the pair.
    """
    seen = np.pad(sample.seen(), 1)
    degree, alike = np.zeros(sample.size), np.zeros(sample.size)
    for offset in _offsets(sample, neighbors):
        for sign in (1, -1):
            window = tuple(
                slice(1 + sign * d, 1 + sign * d + size)
                for d, size in zip(offset, sample.shape, strict=True)
            )
            partner = seen[window][sample.position]
            degree += partner
            alike += _alike(sample, offset) * partner
    v = sample.values - np.average(sample.values, weights=sample.weights)
    half = 0.5 * degree
    quiet = 0.5 * sample.noise_variance
    rows = (half, half * v**2, degree * v, degree * quiet, alike * quiet)
    pairs, square, total, noise, shared = (units.sums(row) for row in rows)
    own = per_unit.copy()
    own[[0, 2, 3, 4, 9]] = pairs, square - own[1], total, noise, shared
    return own


def _offsets(sample: Sample, neighbors: str) -> tuple[tuple[int, ...], ...]:
    return (NEIGHBORS if len(sample.shape) == 2 else NEIGHBORS_OF_VOXELS)[neighbors]


def _alike(sample: Sample, offset: tuple[int, ...]) -> float:
    """What the noise of two neighbors has in common: registration works layer by layer."""
    *deep, dy, dx = offset
    return 0.0 if any(deep) else sample.noise_shape.at(dy, dx)


def _both(s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """I and C as measured and without noise, from sums ``(10, draws)``."""
    pairs, half, product, total, pair_noise, n, first, second, noise, shared = s
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = first / n
        products = product - mean * total + mean**2 * pairs
        # What rounding leaves of a constant map is no variance.
        floor = 1e-20 * np.abs(second) + 1e-28
        squares = np.where(second - n * mean**2 > floor, second - n * mean**2, 0.0)
        quiet = squares - noise
        quiet = np.where(quiet > 0, quiet, np.nan)
        squares = np.where(squares > 0, squares, np.nan)
        moran, geary = n * products / pairs / squares, (n - 1) * half / pairs / squares
        return (
            moran,
            geary,
            n * (products - shared) / pairs / quiet,
            np.maximum((n - 1) * (half - (pair_noise - shared)) / pairs / quiet, 0.0),
        )
