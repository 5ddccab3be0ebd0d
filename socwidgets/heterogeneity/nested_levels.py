"""Variance at every level of a nesting the user names: layer, particle, pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.heterogeneity.fitting import fitting_labels, map_of
from socwidgets.heterogeneity.sample import Sample, compact, take_sample
from socwidgets.heterogeneity.variance_components import (
    MEAN_NOISE,
    WEIGHT,
    WEIGHTED,
    WEIGHTED_NOISE,
    WEIGHTED_SQUARE,
    intraclass,
    jackknife,
    variance_components,
)
from socwidgets.model.errors import DataError, ParameterError

#: The innermost level, whose members are the values themselves.
PIXEL = "pixel"


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
    field = map_of(maps, variable)
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
    component = variance_components(sums, chains)
    low, high = jackknife(sums, chains, component)
    n = len(groups)
    icc, icc_low, icc_high = intraclass(component), low[n + 1 :], high[n + 1 :]
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
    weight = sums[WEIGHT]
    for chain in chains:
        mass, first, squared = (np.bincount(chain, sums[i]) for i in (WEIGHT, WEIGHTED, MEAN_NOISE))
        means.append((first / mass)[chain])
        noises.append(float(np.average((squared / mass**2)[chain], weights=weight)))
    between = [
        float(np.average((inner - outer) ** 2, weights=weight)) for outer, inner in pairwise(means)
    ]
    total = sums[WEIGHTED_SQUARE].sum() / weight.sum()
    within = float(total - np.average(means[-1] ** 2, weights=weight))
    observed = np.array([*between, max(within, 0.0)])
    noise = np.diff([*noises, sums[WEIGHTED_NOISE].sum() / weight.sum()])
    return observed, np.maximum(observed - noise, 0.0)


def sample_levels(sample: Sample) -> NestedVariance | None:
    """Particle and pixel level of a sample with labels; None without them."""
    if sample.labels is None:
        return None
    return split_variance(
        sample.values, {"particle": sample.labels}, sample.weights, sample.noise_variance
    )
