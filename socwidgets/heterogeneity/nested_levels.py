"""Variance at every level of a nesting the user names: layer, particle, pixel (science E.4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import t as student

from socwidgets.heterogeneity.sample import (
    Sample,
    compact,
    fitting_labels,
    image_dims,
    take_sample,
)
from socwidgets.model.errors import DataError, ParameterError

#: The innermost level, whose members are the values themselves.
PIXEL = "pixel"
#: Outer groups are left out in at most this many portions.
MAX_JACKKNIFE = 200
#: Sums per innermost group: count, value, square, weight, weighted value, weighted square,
#: squared weight x noise, weight x noise, noise.
_N, _V, _VV, _W, _WV, _WVV, _WWN, _WN, _NOISE = range(9)


@dataclass(frozen=True, slots=True)
class NestedVariance:
    """Variance at each level, outermost first, ending with the pixels.

    Attributes
    ----------
    levels : tuple of str
        Names; the last is ``"pixel"``.
    n_groups : tuple of int
        Groups at each level (pixels at the last).
    population : ndarray
        ``(levels,)`` weighted variance of the group means about their parent's mean, ddof 0,
        noise included; adds up to the total variance.
    true : ndarray
        The same with the noise taken out; NaN where the noise is not known.
    component : ndarray
        Variance components of the random-effects ANOVA (unweighted), noise taken from the pixels
        where it is known: what the population that the groups were drawn from would show.
    component_low, component_high : ndarray
        95 % jackknife intervals over the outermost groups.
    icc : ndarray
        Share of all components at or above each level but the last: the correlation of two pixels
        of the same group.
    icc_low, icc_high : ndarray
        95 % jackknife intervals.
    """

    levels: tuple[str, ...]
    n_groups: tuple[int, ...]
    population: np.ndarray
    true: np.ndarray
    component: np.ndarray
    component_low: np.ndarray
    component_high: np.ndarray
    icc: np.ndarray
    icc_low: np.ndarray
    icc_high: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """``(levels,)`` share of the noise-free variance at each level, else of the observed."""
        chosen = self.population if np.isnan(self.true).any() else self.true
        total = chosen.sum()
        return chosen / total if total > 0 else np.full(chosen.size, np.nan)

    def to_frame(self) -> pd.DataFrame:
        """One row per level."""
        columns = {
            "n_groups": self.n_groups,
            "population": self.population,
            "true": self.true,
            "share": self.shares,
            "component": self.component,
            "component_low": self.component_low,
            "component_high": self.component_high,
            "icc": np.append(self.icc, np.nan),
            "icc_low": np.append(self.icc_low, np.nan),
            "icc_high": np.append(self.icc_high, np.nan),
        }
        return pd.DataFrame(columns, index=pd.Index(self.levels, name="level"))


def nested_variance(
    maps: xr.Dataset,
    levels: Mapping[str, xr.DataArray | str],
    *,
    variable: str = "soc",
    weights: str | xr.DataArray | None = "thickness",
) -> NestedVariance:
    """Split the variance of a map over a nesting.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)`` or ``(z, y, x)``, with `variable`, its ``_std`` and ``status``.
    levels : mapping of str to xarray.DataArray or str
        Outermost first. Labels of the map's shape (0 = not part of it), or the name of one of the
        map's dimensions, for instance ``{"layer": "z", "particle": labels}``. The same label in
        two parents means two groups.
    variable : str
        The map.
    weights : str, xarray.DataArray or None
        Thickness weights, for the population form.

    Returns
    -------
    NestedVariance

    Raises
    ------
    DataError, KindError
        As `take_sample`.
    ParameterError
        If no level, or a level with the reserved name ``"pixel"``, is given.
    """
    if not levels or PIXEL in levels:
        raise ParameterError(
            "a nesting needs named levels",
            expected=f"one or more, none of them called {PIXEL!r}",
            found=", ".join(levels) or "none",
        )
    if variable not in maps:
        raise DataError(f"there is no map {variable!r}", found=", ".join(map(str, maps.data_vars)))
    dims = image_dims(maps[variable])
    field = maps[variable].transpose(*dims)
    images = {name: _as_labels(level, field) for name, level in levels.items()}
    inside = np.all([image > 0 for image in images.values()], axis=0).astype(np.int32)
    sample = take_sample(maps, variable, labels=field.copy(data=inside), weights=weights)
    groups = {name: image[sample.position] for name, image in images.items()}
    return split_variance(sample.values, groups, sample.weights, sample.noise_variance)


def _as_labels(level: xr.DataArray | str, field: xr.DataArray) -> np.ndarray:
    if isinstance(level, str):
        if level not in field.dims:
            raise DataError(
                f"the map has no dimension {level!r}", expected=str(field.dims), found=level
            )
        axis = field.dims.index(level)
        place = np.arange(1, field.sizes[level] + 1, dtype=np.int32)
        place = place.reshape([-1 if i == axis else 1 for i in range(field.ndim)])
        return np.broadcast_to(place, field.shape)
    return fitting_labels(level, field)


def split_variance(
    values: np.ndarray,
    groups: Mapping[str, np.ndarray],
    weights: np.ndarray | None = None,
    noise_variance: np.ndarray | None = None,
) -> NestedVariance:
    """Split the variance of values ``(n,)``; `groups` outermost first (see `nested_variance`)."""
    w = np.ones(values.size) if weights is None else weights
    noise = np.full(values.size, np.nan) if noise_variance is None else noise_variance
    parents: list[np.ndarray] = []
    index = np.zeros(values.size, np.int64)
    for labels in groups.values():
        local = compact(labels)
        joint = index * (int(local.max()) + 1) + local
        inner = compact(joint)
        parent = np.zeros(int(inner.max()) + 1, np.int64)
        parent[inner] = index
        parents = [*parents, parent]
        index = inner
    v = values - values.mean()
    rows = (np.ones_like(v), v, v**2, w, w * v, w * v**2, w**2 * noise, w * noise, noise)
    count = int(index.max()) + 1
    sums = np.stack([np.bincount(index, row, minlength=count) for row in rows])
    chains = _chains(parents, count)
    population, true = _population(sums, chains)
    component = _components(sums, chains)
    low, high = _jackknife(sums, chains, component)
    n = len(groups)
    icc, icc_low, icc_high = _icc(component), low[n + 1 :], high[n + 1 :]
    numbers = tuple(int(c.max()) + 1 for c in chains[1:])
    return NestedVariance(
        (*groups, PIXEL), (*numbers, values.size), population, true, component,
        low[: n + 1], high[: n + 1], icc, icc_low, icc_high,
    )  # fmt: skip


def _chains(parents: list[np.ndarray], count: int) -> list[np.ndarray]:
    """Group at each level (the whole first) of each innermost group."""
    chains = [np.arange(count)]
    for parent in reversed(parents):
        chains.insert(0, parent[chains[0]])
    return chains


def _population(sums: np.ndarray, chains: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Weighted variance between the groups of each level, and the same without the noise."""
    means, noises = [], []
    weight = sums[_W]
    for chain in chains:
        mass, first, squared = (np.bincount(chain, sums[i]) for i in (_W, _WV, _WWN))
        means.append((first / mass)[chain])
        noises.append(float(np.average((squared / mass**2)[chain], weights=weight)))
    between = [
        float(np.average((inner - outer) ** 2, weights=weight)) for outer, inner in pairwise(means)
    ]
    total = sums[_WVV].sum() / weight.sum()
    within = float(total - np.average(means[-1] ** 2, weights=weight))
    observed = np.array([*between, max(within, 0.0)])
    noise = np.diff([*noises, sums[_WN].sum() / weight.sum()])
    return observed, np.maximum(observed - noise, 0.0)


def _components(sums: np.ndarray, chains: list[np.ndarray]) -> np.ndarray:
    """Variance components by equating sums of squares to their expectations (Searle 1992, ch. 3).

    ``E[T_l] = sum_m k_lm sigma_m^2`` with ``T_l = sum_g n_g mean_g^2``; differences of consecutive
    levels make a triangular system.
    """
    n, total = sums[_N], sums[_N].sum()
    depth = len(chains)
    sizes = [np.bincount(chain, n) for chain in chains]
    squares = [
        np.sum(np.bincount(c, sums[_V]) ** 2 / s) for c, s in zip(chains, sizes, strict=True)
    ]
    squares.append(sums[_VV].sum())
    # k[l, m]: weight of component m (levels below the whole, then pixels) in T_l.
    k = np.full((depth + 1, depth), total)
    for level in range(depth):
        for inner in range(level + 1, depth):
            members = np.zeros(sizes[inner].size, np.int64)
            members[chains[inner]] = chains[level]
            k[level, inner - 1] = np.sum(sizes[inner] ** 2 / sizes[level][members])
        k[level, depth - 1] = sizes[level].size
    system, known = np.diff(k, axis=0), np.diff(squares)
    found = np.full(depth, np.nan)
    for m in reversed(range(depth)):
        rest = known[m] - system[m, m + 1 :] @ found[m + 1 :]
        found[m] = rest / system[m, m] if system[m, m] > 1e-9 * total else np.nan
    noise = sums[_NOISE].sum() / total
    found[-1] -= noise if np.isfinite(noise) else 0.0
    return found


def _icc(component: np.ndarray) -> np.ndarray:
    # What noise leaves below zero counts as none, or a correlation would exceed one.
    component = np.maximum(component, 0.0)
    total = component.sum()
    return np.cumsum(component)[:-1] / total if total > 0 else np.full(component.size - 1, np.nan)


def _jackknife(
    sums: np.ndarray, chains: list[np.ndarray], component: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """95 % limits of components and correlations, leaving out outer groups in turn.

    Components are taken in logarithm and correlations in logit, where they are nearly normal
    (Arvesen 1969, Ann. Math. Stat. 40, 2076); a component that is not above zero keeps its scale.
    """
    outer = chains[1]
    portions = min(int(outer.max()) + 1, MAX_JACKKNIFE)
    whole = np.concatenate([component, _icc(component)])
    if portions < 4:
        return np.full(whole.size, np.nan), np.full(whole.size, np.nan)
    portion = outer % portions
    left_out = np.empty((portions, whole.size))
    for i in range(portions):
        kept = portion != i
        inner = [_renumbered(chain[kept]) for chain in chains]
        found = _components(sums[:, kept], inner)
        left_out[i] = np.concatenate([found, _icc(found)])
    levels = component.size
    low, high = np.empty(whole.size), np.empty(whole.size)
    for j, value in enumerate(whole):
        low[j], high[j] = _limits(value, left_out[:, j], bounded=j >= levels)
    return low, high


def _limits(value: float, others: np.ndarray, *, bounded: bool) -> tuple[float, float]:
    n = others.size
    quantile = student.ppf(0.975, n - 1) * np.sqrt((n - 1) ** 2 / n)
    inside = (others > 0) & (others < 1) if bounded else others > 0
    if value > 0 and inside.all() and (not bounded or value < 1):
        forward = (lambda p: np.log(p / (1 - p))) if bounded else np.log
        back = (lambda q: 1 / (1 + np.exp(-q))) if bounded else np.exp
        middle, width = forward(value), quantile * forward(others).std(ddof=1)
        return float(back(middle - width)), float(back(middle + width))
    width = quantile * others.std(ddof=1)
    low, high = float(value - width), float(value + width)
    return (max(low, 0.0), min(high, 1.0)) if bounded else (low, high)


def _renumbered(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1]


def sample_levels(sample: Sample) -> NestedVariance | None:
    """Particle and pixel level of a sample with labels; None without them."""
    if sample.labels is None:
        return None
    return split_variance(
        sample.values, {"particle": sample.labels}, sample.weights, sample.noise_variance
    )
