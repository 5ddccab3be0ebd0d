"""Kappa and active fraction of the very particles of a figure: found, true, and how well known.

The intervals of `concurrency` and `active_fraction` speak about the population that particles were
drawn from. A figure compares with the particles that are in it, of which only the measurement is
uncertain.
"""

from __future__ import annotations

import numpy as np

from socwidgets.heterogeneity.particles import particle_table
from socwidgets.heterogeneity.pathway.active import ActiveFraction, active_fraction
from socwidgets.heterogeneity.pathway.concurrency import concurrency
from socwidgets.heterogeneity.sample import compact
from socwidgets.plotting.review.analyzed import Analyzed, Statistic
from socwidgets.plotting.review.chain import inner

#: Pixels at a particle's rim that are left out: neighbor and background are blurred into them (two
#: leave a slope of 0.996 of the charge, which kappa, known to half a percent, shows).
_RIM_PX = 3
#: What counts as active, as a part of the range (the default of `active_fraction`).
WINDOW = (0.1, 0.9)


def particle_means(found: Analyzed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of every particle, the noise of it, and its truth, ``(particle,)``."""
    weights, labels = found.truth["thickness"], inner(found.labels, _RIM_PX)
    seen = particle_table(found.soc, labels, weights=weights)
    true = particle_table(found.as_true(), labels, weights=weights)
    return tuple(np.asarray(c, float) for c in (seen["mean"], seen["mean_std"], true["mean"]))  # type: ignore[return-value]


def kappa_of_these(found: Analyzed) -> tuple[float, float, float]:
    """Kappa of the particles in the field, its truth, and the uncertainty that measuring adds."""
    means, noise, true = particle_means(found)

    def kappa(values: np.ndarray) -> float:
        return concurrency(values, draws=0).kappa

    step = np.maximum(noise, 1e-6)
    moved = [kappa(means + step * one) - kappa(means - step * one) for one in np.eye(means.size)]
    by_noise = 0.5 * np.array(moved) * noise / step
    sigma = float(np.hypot(np.sqrt(np.sum(by_noise**2)), _common(found, kappa)))
    return concurrency(means, noise, draws=0).kappa, kappa(true), sigma


def _common(found: Analyzed, statistic: Statistic) -> float:
    """Error that photon energies and light give a number drawn from the means of the particles."""
    labels = inner(found.labels, _RIM_PX).values
    inside = (labels > 0) & np.isfinite(found.soc["soc"].values)
    inside &= np.isfinite(found.truth["soc"].values)
    group = compact(labels[inside])
    w = found.truth["thickness"].values[inside]
    mass = np.bincount(group, w)
    return found.common_sigma_of(lambda x: statistic(np.bincount(group, w * x) / mass), inside)


def active_of_these(found: Analyzed) -> tuple[ActiveFraction, float]:
    """Active share of the particles in the field, and its truth."""
    means, noise, true = particle_means(found)
    exact = active_fraction(true, window=WINDOW)
    return active_fraction(means, noise, window=WINDOW), float(exact.observed)
