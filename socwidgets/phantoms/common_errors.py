"""Errors that the pixels of a map have in common, which propagated counting noise does not hold.

Two sources: the stated photon energies are wrong, for all pixels alike; and the illumination has
changed since the flats were taken, so that a sample that drifts sees another part of that change
in every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.phantoms.fields import gaussian_field
from socwidgets.phantoms.optics import ILLUMINATION_PARTS


@dataclass(frozen=True, slots=True)
class FitPlan:
    """A linear combination fit as far as its errors depend on it.

    Attributes
    ----------
    references : xarray.DataArray
        ``(component, energy)`` on a fine grid.
    energies_ev : ndarray
        ``(energy,)``, eV.
    weights : ndarray or None
        ``(energy,)``, of the least squares; equal if None.
    power : float
        The background is a constant and this power of the energy: 1 for a line, -3 as absorption
        falls.
    """

    references: xr.DataArray
    energies_ev: np.ndarray
    weights: np.ndarray | None = None
    power: float = 1.0

    def rows(self, fractions: np.ndarray, values: Sequence[float]) -> np.ndarray:
        """What a wrong optical density does to a composition, at a sum of weights of 1.

        With the rows ``h_k`` of the least-squares fit that give the weights ``c_k`` and the
        composition ``x = sum_k v_k c_k / sum_k c_k``: ``sum_k v_k h_k - x sum_k h_k``.

        Parameters
        ----------
        fractions : ndarray
            ``(n, component)``; the sum of each row is 1.
        values : sequence of float
            ``(component,)``, composition of each pure component: (0, 1) for the SOC of two.

        Returns
        -------
        ndarray
            ``(n, energy)``.
        """
        energies = np.asarray(self.energies_ev, float)
        spectra = self.references.interp(energy=energies, method="cubic").values
        rest = (energies / energies.mean()) ** self.power
        rest = (rest - rest.mean()) / np.ptp(rest)
        design = np.stack([*spectra, np.ones_like(energies), rest], axis=1)
        root = np.ones_like(energies) if self.weights is None else np.sqrt(self.weights)
        v = np.asarray(values, float)
        h = np.linalg.pinv(design * root[:, None])[: v.size] * root
        f = np.atleast_2d(np.asarray(fractions, float))
        return np.asarray((v @ h)[None] - (f @ v)[:, None] * h.sum(axis=0)[None])


def energy_errors(
    plan: FitPlan, error_ev: float, fractions: np.ndarray, values: Sequence[float]
) -> np.ndarray:
    """What an error of one photon energy does to a composition, pixel by pixel.

    All pixels see the same wrong energies, so this error does not average out over a map. To first
    order ``delta x = sum_i h_i S'(E_i) eps_i``. As h and S' depend on the composition, the contrast
    of a map changes too.

    Parameters
    ----------
    plan : FitPlan
        The fit.
    error_ev : float
        Standard deviation of each energy's error, eV.
    fractions, values
        As `FitPlan.rows`.

    Returns
    -------
    ndarray
        ``(energy, n)``, change of the composition by one standard deviation of each energy.
    """
    energies, step = np.asarray(plan.energies_ev, float), 0.05
    after, before = (
        plan.references.interp(energy=energies + move, method="cubic").values
        for move in (step, -step)
    )
    f = np.atleast_2d(np.asarray(fractions, float))
    slope = f @ (after - before) / (2.0 * step)
    return np.asarray(error_ev * (plan.rows(f, values) * slope).T)


def illumination_errors(
    rows: np.ndarray,
    jump: np.ndarray,
    inside: np.ndarray,
    drift_px: np.ndarray,
    change: float,
    *,
    draws: int = 24,
    seed: int = 0,
) -> np.ndarray:
    """What a change of the illumination does to the compositions of a sample that drifts.

    Flats see the light L, the sample ``L (1 + a F)`` with a smooth field F. On the aligned pixels
    frame i has the error ``-a F(r + d_i) = -a F(r) - a d_i grad F(r)``: the first part is the same
    in all frames and goes into the background, the second follows the drift and does not.

    Parameters
    ----------
    rows : ndarray
        ``(n, energy)``, of `FitPlan.rows` at the pixels inside.
    jump : ndarray
        ``(n,)``, edge jump (sum of the weights).
    inside : ndarray
        ``(y, x)`` bool with n pixels.
    drift_px : ndarray
        ``(energy, 2)``, along y and x.
    change : float
        a, the relative change.
    draws, seed : int
        Number of random fields and their seed.

    Returns
    -------
    ndarray
        ``(draws, n)``, change of the composition for each field.
    """
    rng = np.random.default_rng(seed)
    along = rows @ drift_px / jump[:, None]
    length = inside.shape[0] / ILLUMINATION_PARTS
    out = np.empty((draws, rows.shape[0]))
    for draw in out:
        gy, gx = np.gradient(gaussian_field(inside.shape, length, rng))
        draw[:] = -change * (along[:, 0] * gy[inside] + along[:, 1] * gx[inside])
    return out
