"""A phantom, its raw data and what the chain made of them, with the errors that pixels share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.lcf_design import BACKGROUND_POWERS
from socwidgets.heterogeneity.sample import take_sample
from socwidgets.model.names import LABELS, SIGNAL_STD, X, Y
from socwidgets.phantoms import Phantom
from socwidgets.phantoms.common_errors import FitPlan, energy_errors, illumination_errors
from socwidgets.phantoms.phantom import FRACTION

#: How the background falls in the fits of the figures.
BACKGROUND_LAW = "E^-3"
Statistic = Callable[[np.ndarray], float]


@dataclass(frozen=True, slots=True)
class Analyzed:
    """A phantom, its raw data and what the chain made of them.

    `instrument` holds the fields of the instrument as it was used, `truth` the phantom at the
    instrument's resolution on the pixels of the registered stack.
    """

    phantom: Phantom
    counts: xr.Dataset
    od: xr.Dataset
    fit: xr.Dataset
    soc: xr.Dataset
    truth: xr.Dataset
    instrument: Mapping[str, Any]

    @property
    def labels(self) -> xr.DataArray:
        """Labels of the phantom on the pixels of the registered stack."""
        return self.truth[LABELS]

    @property
    def plan(self) -> FitPlan:
        """The linear combination fit, as far as its errors depend on it."""
        noise = (self.od[SIGNAL_STD].astype(float) ** 2).mean((Y, X)).values
        energies = self.od["energy"].values.astype(float)
        power = BACKGROUND_POWERS[BACKGROUND_LAW]
        return FitPlan(self.phantom.references, energies, 1.0 / noise, power)

    def mean(
        self, weighted: bool = True, labels: xr.DataArray | None = None
    ) -> tuple[float, float]:
        """Mean SOC over the particles, or over `labels`, and its standard uncertainty.

        By thickness, or of plain pixels. The uncertainty holds the counting noise of the pixels
        and what all of them share.
        """
        weights = self.truth["thickness"] if weighted else None
        inside = self.labels if labels is None else labels
        sample = take_sample(self.soc, "soc", labels=inside, weights=weights)
        w = sample.weights / sample.weights.sum()
        noise = sample.noise_shape.area * float(np.sum(w**2 * sample.noise_variance))
        common = self.common_sigma_of(lambda x: float(w @ x), sample.seen())
        return float(w @ sample.values), float(np.hypot(np.sqrt(noise), common))

    def as_true(self) -> xr.Dataset:
        """Truth in the place of the measured map: the same pixels, the same status."""
        maps = self.soc[["soc", "soc_std", "status"]].copy()
        return maps.assign(soc=self.truth["soc"].where(self.soc["soc"].notnull()))

    def fractions(self, inside: np.ndarray) -> np.ndarray:
        """True shares of the components, ``(n, component)``, of some pixels."""
        if len(self.phantom.components) == 2:
            soc = self.truth["soc"].values[inside]
            return np.stack([1.0 - soc, soc], axis=1)
        names = [f"{FRACTION}{name}" for name in self.phantom.components]
        return np.stack([self.truth[name].values[inside] for name in names], axis=1)

    def common_errors(
        self, inside: np.ndarray, values: Sequence[float] = (0.0, 1.0)
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compositions of some pixels and their errors from what all pixels share.

        Parameters
        ----------
        inside : ndarray
            ``(y, x)`` bool; n pixels with a true composition.
        values : sequence of float
            ``(component,)``, composition of each pure component.

        Returns
        -------
        exact : ndarray
            ``(n,)``, true compositions.
        energy : ndarray
            ``(energy, n)``, by one standard deviation of each photon energy: they add up.
        light : ndarray
            ``(draw, n)``, by changes of the illumination, one of which happened.
        """
        plan, shares = self.plan, self.fractions(inside)
        energy = energy_errors(plan, float(self.instrument["jitter_ev"]), shares, values)
        drift = np.stack([self.counts[f"truth_drift_{axis}"].values for axis in (Y, X)], axis=1)
        jump = self.truth["thickness"].values[inside] * self.phantom.od_per_um
        change = float(self.instrument["illumination_drift"])
        light = illumination_errors(plan.rows(shares, values), jump, inside, drift, change)
        return shares @ np.asarray(values, float), energy, light

    def common_sigma_of(
        self, statistic: Statistic, inside: np.ndarray, values: Sequence[float] = (0.0, 1.0)
    ) -> float:
        """Error that photon energies and illumination give a number drawn from compositions.

        Parameters
        ----------
        statistic : callable
            Of compositions ``(n,)`` in the order of the pixels inside.
        inside, values
            As `common_errors`.
        """
        exact, energy, light = self.common_errors(inside, values)
        base = statistic(exact)
        of_energy, of_light = (
            np.square([statistic(exact + moved) - base for moved in errors])
            for errors in (energy, light)
        )
        return float(np.sqrt(of_energy.sum() + of_light.mean()))
