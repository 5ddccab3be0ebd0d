"""From the top of a fitted polynomial to the shift of a spectrum of known shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from socwidgets.analysis.fit import fit_map
from socwidgets.model.names import SIGNAL, SIGNAL_STD, std_name
from socwidgets.model.stack import make_stack

ENERGY = "white_line_energy"
#: Shifts of the standard that are fitted, eV.
_SHIFTS = np.linspace(-3.5, 3.5, 141)


@dataclass(frozen=True, slots=True)
class WhiteLineScale:
    """What the fit finds for a standard that is shifted by known amounts.

    The top of a polynomial through an asymmetric line lies beside that of the line, and in a fixed
    window it loses up to a tenth of a shift. The standard is known, so this is.

    Attributes
    ----------
    shift : ndarray
        ``(n,)``, eV.
    energy : ndarray
        ``(n,)``, eV, as found; rising.
    disturbed : ndarray
        ``(energies, n)``, eV, as found with one photon energy wrong by its standard deviation.
    """

    shift: np.ndarray
    energy: np.ndarray
    disturbed: np.ndarray

    @classmethod
    def of(
        cls,
        standard: xr.DataArray,
        energies_ev: np.ndarray,
        error_ev: float,
        options: dict[str, Any],
    ) -> WhiteLineScale:
        """Fit the standard, ``(energy,)``, at known shifts and with wrong photon energies."""
        e = np.asarray(energies_ev, float)
        wrong = np.vstack([np.zeros(e.size), error_ev * np.eye(e.size)])
        at = e[:, None, None] + wrong.T[:, :, None] - _SHIFTS[None, None, :]
        inside = np.clip(at, float(standard["energy"][0]), float(standard["energy"][-1]))
        values = standard.interp(energy=xr.DataArray(inside, dims=("e", "y", "x")), method="cubic")
        stack = make_stack(values.values, e, quantity="optical_density", pixel_um=1.0)
        stack[SIGNAL_STD] = xr.full_like(stack[SIGNAL], 1e-3)
        found = fit_map(stack, "white_line", **options)[ENERGY].values.astype(float)
        known = np.isfinite(found).all(axis=0)
        # Only as far as the line rises: beyond, an energy means more than one shift.
        rising = np.maximum.accumulate(np.where(known, found[0], -np.inf)) == found[0]
        keep = known & rising
        return cls(_SHIFTS[keep], found[0, keep], found[1:, keep])

    def shifts_of(self, maps: xr.Dataset) -> xr.Dataset:
        """Map set of the shift and its uncertainty in the place of the energy and its own."""
        energy, std = maps[ENERGY], maps[std_name(ENERGY)]
        shift = np.interp(energy.values, self.energy, self.shift, left=np.nan, right=np.nan)
        slope = np.gradient(self.shift, self.energy)
        gain = np.interp(energy.values, self.energy, slope)
        return maps.assign(
            {ENERGY: energy.copy(data=shift), std_name(ENERGY): std.copy(data=std.values * gain)}
        )

    def sigma_of(self, statistic: Callable[[np.ndarray], float], true: np.ndarray) -> float:
        """Error that wrong photon energies give a number drawn from true shifts ``(n,)``, eV."""
        base = statistic(true)
        moved = (
            np.interp(np.interp(true, self.shift, row), self.energy, self.shift)
            for row in self.disturbed
        )
        return float(np.sqrt(sum((statistic(m) - base) ** 2 for m in moved)))
