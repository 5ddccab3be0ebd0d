"""Two states of the same map: how far apart, in what way, and whether it is more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.heterogeneity.card_parts import CardEntry
from socwidgets.heterogeneity.change.distances import (
    histograms,
    jensen_shannon,
    kolmogorov_smirnov,
    overlap,
    wasserstein,
)
from socwidgets.heterogeneity.change.permutation import permutation_test
from socwidgets.heterogeneity.fitting import map_of
from socwidgets.heterogeneity.sample import Sample, take_sample
from socwidgets.model.errors import DataError, KindError


@dataclass(frozen=True, slots=True)
class StateChange:
    """Change from a first to a second state.

    Attributes
    ----------
    wasserstein, shift, shape : float
        Distance and its parts, in `units` (see `Wasserstein`); the noise of both states made equal.
    shift_std, shift_low, shift_high : float
        Standard error and 95 % interval of the shift, from resampling particles.
    ks, js, overlap : float
        Kolmogorov-Smirnov distance, Jensen-Shannon divergence (nats) and overlap on `bins` bins.
    p_value, p_shape : float
        Chance of a distance as large, and of a shape part as large, if the states were the same:
        from exchanging whole particles.
    paired : bool
        Whether the same particles are in both states (then each is exchanged with itself).
    n_first, n_second : int
        Particles.
    added_noise : float
        Standard deviation of the noise that was added to the quieter state.
    units : str
        Of the values.
    bins, draws, seed : int
        As called.
    """

    wasserstein: float
    shift: float
    shape: float
    shift_std: float
    shift_low: float
    shift_high: float
    ks: float
    js: float
    overlap: float
    p_value: float
    p_shape: float
    paired: bool
    n_first: int
    n_second: int
    added_noise: float
    units: str
    bins: int
    draws: int
    seed: int

    def entries(self) -> list[CardEntry]:
        """Numbers for a card."""
        pairs = "the same particles in both states" if self.paired else "different particles"
        test = f"exchanging whole particles, {pairs}"
        return [
            CardEntry(
                "shift", "Shift of the mean", self.shift, self.shift_std, self.shift_low,
                self.shift_high, self.units, f"resampling particles; {pairs}",
            ),
            CardEntry(
                "wasserstein", "Distance of the states", self.wasserstein, units=self.units,
                note=f"p = {self.p_value:.3g}, {test}",
            ),
            CardEntry(
                "shape_change", "Change of shape", self.shape, units=self.units,
                note=f"p = {self.p_shape:.3g}, {test}",
            ),
            CardEntry("js", "Jensen-Shannon divergence", self.js, note=f"nats, {self.bins} bins"),
        ]  # fmt: skip


def compare_states(
    first: xr.Dataset,
    second: xr.Dataset,
    first_labels: xr.DataArray,
    second_labels: xr.DataArray | None = None,
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
    paired: bool | None = None,
    match_noise: bool = True,
    bins: int = 20,
    draws: int = 999,
    seed: int = 0,
) -> StateChange:
    """Compare two states of one quantity.

    Parameters
    ----------
    first, second : xarray.Dataset
        Map sets with `variable` and where possible its ``_std``, ``(y, x)``; the fields of view
        may differ.
    first_labels, second_labels : xarray.DataArray
        Particles of each state; the second's are those of the first if left out. Without particles
        use `block_labels`.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights, see `take_sample`.
    paired : bool, optional
        Whether equal labels mean the same particle; found from the labels if left out (paired if
        the two states share at least nine of ten).
    match_noise : bool
        Add noise to the pixels of the quieter state until both have the same noise: a noisier scan
        is no change of shape.
    bins : int
        For the Jensen-Shannon divergence and the overlap.
    draws, seed : int
        Permutations, bootstrap draws and their seed.

    Returns
    -------
    StateChange

    Raises
    ------
    KindError
        If the states are of different kinds.
    DataError
        If a state has no usable pixel in a particle, or shapes do not fit.
    """
    a = take_sample(first, variable, labels=first_labels, weights=weights)
    other = first_labels if second_labels is None else second_labels
    b = take_sample(second, variable, labels=other, weights=weights)
    if a.kind != b.kind:
        raise KindError(
            "two states of different quantities cannot be compared",
            expected=a.kind.name,
            found=b.kind.name,
        )
    rng = np.random.default_rng(seed)
    va, vb, added = _matched(a, b, rng) if match_noise else (a.values, b.values, 0.0)
    la, lb = _labels(a), _labels(b)
    same = _are_paired(la, lb) if paired is None else paired
    if same:
        both = np.intersect1d(la, lb)
        if not both.size:
            raise DataError("no particle is in both states", fix="use paired=False")
        keep_a, keep_b = np.isin(la, both), np.isin(lb, both)
    else:
        keep_a, keep_b = np.ones(la.size, bool), np.ones(lb.size, bool)
    va, la, wa = va[keep_a], la[keep_a], a.weights[keep_a]
    vb, lb, wb = vb[keep_b], lb[keep_b], b.weights[keep_b]
    distance = wasserstein(va, vb, wa, wb)
    p, q, _ = histograms(va, vb, wa, wb, bins=bins)
    test = permutation_test((va, wa, la), (vb, wb, lb), paired=same, draws=draws, seed=seed)
    shift = _shift_interval((va, wa, la), (vb, wb, lb), same, draws, rng)
    return StateChange(
        distance.total, distance.shift, distance.shape, *shift,
        kolmogorov_smirnov(va, vb, wa, wb), jensen_shannon(p, q), overlap(p, q),
        test.p_total, test.p_shape, same, np.unique(la).size, np.unique(lb).size, added,
        a.kind.units, bins, draws, seed,
    )  # fmt: skip


def block_labels(maps: xr.Dataset, variable: str, edge_px: int) -> xr.DataArray:
    """Square blocks in the place of particles, for maps without them.

    Parameters
    ----------
    maps : xarray.Dataset
        Holds `variable`, ``(y, x)`` or ``(z, y, x)``.
    variable : str
        The map.
    edge_px : int
        Edge of a block, at least two correlation lengths.

    Returns
    -------
    xarray.DataArray
        Of the map's shape, int32 from 1.

    Raises
    ------
    DataError
        If there is no such map, it is a series, or the edge is below one pixel.
    """
    if edge_px < 1:
        raise DataError("a block has an edge of a pixel or more", found=str(edge_px))
    field = map_of(maps, variable)
    parts = [np.arange(size) // edge_px for size in field.shape]
    counts = [int(part[-1]) + 1 for part in parts]
    labels = np.ravel_multi_index(np.ix_(*parts), counts) + 1
    return field.copy(data=labels.astype(np.int32)).rename("labels")


def _labels(sample: Sample) -> np.ndarray:
    if sample.labels is None:
        raise DataError("states are compared particle by particle", fix="pass labels")
    return sample.labels


def _are_paired(a: np.ndarray, b: np.ndarray) -> bool:
    one, two = np.unique(a), np.unique(b)
    return np.intersect1d(one, two).size >= 0.9 * max(one.size, two.size)


def _matched(
    a: Sample, b: Sample, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, float]:
    """Values of both, the quieter one with the missing noise added."""
    na, nb = (
        float(np.average(s.noise_variance, weights=s.weights))
        if np.all(np.isfinite(s.noise_variance))
        else float("nan")
        for s in (a, b)
    )
    if not np.isfinite(na - nb) or na == nb:
        return a.values, b.values, 0.0
    added = float(np.sqrt(abs(na - nb)))
    if na < nb:
        return a.values + rng.normal(0, added, a.size), b.values, added
    return a.values, b.values + rng.normal(0, added, b.size), added


_State = tuple[np.ndarray, np.ndarray, np.ndarray]


def _shift_interval(
    a: _State, b: _State, paired: bool, draws: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    """Standard error and interval of the difference of the means, by resampling particles."""
    sums = []
    for v, w, labels in (a, b):
        _, unit = np.unique(labels, return_inverse=True)
        sums.append(np.stack([np.bincount(unit, w), np.bincount(unit, w * v)]))
    sizes = [s.shape[1] for s in sums]
    if min(sizes) < 3 or not draws:
        return float("nan"), float("nan"), float("nan")
    counts = [rng.multinomial(n, np.full(n, 1 / n), size=draws) for n in sizes]
    if paired:
        counts[1] = counts[0]
    means = [(s[1] @ c.T) / (s[0] @ c.T) for s, c in zip(sums, counts, strict=True)]
    found = means[1] - means[0]
    center = sums[1][1].sum() / sums[1][0].sum() - sums[0][1].sum() / sums[0][0].sum()
    # Resampling n units sees (n-1)/n of their variance.
    found = center + (found - center) * np.sqrt(min(sizes) / (min(sizes) - 1))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(found.std()), float(low), float(high)
