"""What belongs to the distribution of the shown values: noise floor, mixture, other states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from socwidgets.model.names import STATUS, X, Y
from socwidgets.model.status import usable
from socwidgets.session import display
from socwidgets.session.derived import usable_mask
from socwidgets.session.session import Session

#: Values that a mixture is fitted to, at most: it must not hold up a click.
MOST_VALUES = 40_000


@dataclass(frozen=True, slots=True)
class Gaussians:
    """A sum of Gaussians, in the unit of the map.

    Attributes
    ----------
    means, stds, shares : tuple of float
        One each; shares add up to one.
    """

    means: tuple[float, ...]
    stds: tuple[float, ...]
    shares: tuple[float, ...]

    def percent(self, x: np.ndarray, width: float) -> np.ndarray:
        """Percent of the values in bins of `width` at the places `x`, ``(n,)``."""
        total = np.zeros_like(x)
        for mean, std, share in zip(self.means, self.stds, self.shares, strict=True):
            total += share / std * np.exp(-0.5 * ((x - mean) / std) ** 2)
        return 100.0 * width * total / np.sqrt(2.0 * np.pi)


def noise_floor(session: Session) -> Gaussians | None:
    """How wide the distribution would be if all pixels were alike and only noise spread them.

    A Gaussian at the median with the root mean square of the map's own standard uncertainty; None
    where that is not known.
    """
    state = session.state
    spread = session.sigma()
    if spread is None:
        return None
    shown = session.displayed()
    good = usable_mask(state, shown) & np.isfinite(spread.values)
    if not good.any():
        return None
    sigma = float(np.sqrt(np.mean(spread.values[good].astype(np.float64) ** 2)))
    if not sigma > 0:
        return None
    return Gaussians((float(np.median(shown.values[good])),), (sigma,), (1.0,))


def mixture(session: Session) -> Gaussians | None:
    """Mixture of one to three Gaussians that BIC chooses; None where there are too few values.

    Components are no narrower than the noise. Of an even sample where there are many pixels; every
    value counts as independent, so that the number of components is an upper estimate.
    """
    state, shown = session.state, session.displayed()
    if shown.name == STATUS:
        return None

    def compute() -> Gaussians | None:
        from socwidgets.heterogeneity.phases.mixtures import gaussian_mixtures

        values = shown.values[usable_mask(state, shown)].astype(np.float64)
        values = values[:: max(1, values.size // MOST_VALUES)]
        if values.size < 30:
            return None
        low, high = (float(v) for v in np.percentile(values, (0.5, 99.5)))
        if not high > low:
            return None
        floor = noise_floor(session)
        found = gaussian_mixtures(
            values[(values >= low) & (values <= high)],
            0.0 if floor is None else floor.stds[0],
            ends=(low, high),
            margin=0.1 * (high - low),
        ).best
        return None if found is None else Gaussians(found.means, found.stds, found.shares)

    at = state.energy_index if state.show_frame else -1
    return session.cached(("mixture", display.key(state), at), compute)


def other_states(session: Session) -> list[tuple[str, np.ndarray]]:
    """Usable values of the chosen map in the other states of the series, with their names."""
    state = session.state
    series, name = state.series, state.map_name
    if series is None or name is None or state.show_frame or name not in series.maps:
        return []
    names = (
        series.maps[series.dim].values if series.dim in series.maps.coords else range(series.size)
    )
    found = []
    for index, label in enumerate(names):
        if index == state.state_index:
            continue
        maps = series.maps.isel({series.dim: index})
        good = usable(maps).transpose(Y, X).values
        values = maps[name].transpose(Y, X).values
        found.append((f"{series.dim} {label}", values[good & np.isfinite(values)]))
    return found
