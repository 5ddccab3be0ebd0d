"""Mixtures of two standards as each row of a 2-D XAFS camera reads them.

Every row samples the edge at other points, and an edge that is read off a coarse grid lies a few
hundredths of an eV beside where it is, differently in every row. The standards are known, so this
is: they are read through the same rows, and what is measured is compared with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.names import SIGNAL, spectral_dim
from socwidgets.model.stack import make_stack
from socwidgets.techniques.xafs2d import RowEnergy

#: Shares of the second standard that are read: noise leads beyond pure ones. Straight lines between
#: 25 of them read pure pixels wrong by 0.0007.
_SHARES = np.linspace(-0.25, 1.25, 97)
#: Nodes and weights of the mean over a Gaussian of width one, exact up to the fifth power.
_NODES = ((0.0, 2.0 / 3.0), (-(3.0**0.5), 1.0 / 6.0), (3.0**0.5, 1.0 / 6.0))
Reader = Callable[[xr.Dataset], xr.DataArray]


@dataclass(frozen=True, slots=True)
class RowStandards:
    """Energy that is read for known mixtures, row by row.

    Attributes
    ----------
    shares : ndarray
        ``(n,)``, share of the second standard.
    energy : ndarray
        ``(y, n)``, eV; rises along each row.
    disturbed : ndarray
        ``(energies, y, n)``, eV: change if one photon energy is wrong by its standard deviation.
    """

    shares: np.ndarray
    energy: np.ndarray
    disturbed: np.ndarray

    @classmethod
    def of(
        cls,
        references: xr.DataArray,
        energies_ev: np.ndarray,
        y_um: np.ndarray,
        model: RowEnergy,
        read: Reader,
        *,
        error_ev: float = 0.0,
        within_ev: tuple[float, float] | None = None,
    ) -> RowStandards:
        """Read mixtures of the first two references through the rows of `model`.

        Parameters
        ----------
        references : xarray.DataArray
            ``(component, energy)``, normalized, on a finer grid than the scan.
        energies_ev : ndarray
            ``(energy,)``, of the scan, eV.
        y_um : ndarray
            ``(y,)``, positions of the rows, um.
        model : RowEnergy
            From `fit_row_energy`.
        read : callable
            From a stack ``(energy, y, x)`` as the camera measures it to a map of the energy
            ``(y, x)``, eV, with the rows corrected: the same as for the sample.
        error_ev : float
            Standard deviation of each photon energy; 0 leaves `disturbed` empty.
        within_ev : (float, float), optional
            Energies whose errors matter; all if left out.

        Raises
        ------
        DataError
            If what is read does not rise with the share.
        """
        e = np.asarray(energies_ev, np.float64)
        seen = e[:, None] + model.shift(y_um)[None, :]
        found = read(_stack(_mixtures(references, seen), e, y_um)).values
        if not (np.diff(found, axis=1) > 0).all():
            raise DataError(
                "the edge of the standards does not rise with their share",
                expected="two standards whose edges differ in every row",
                found=f"{int((~(np.diff(found, axis=1) > 0)).any(axis=1).sum())} rows where not",
                fix="read another part of the edge, or scan it in smaller steps",
            )
        low, high = within_ev or (-np.inf, np.inf)
        wrong = np.flatnonzero((e >= low) & (e <= high)) if error_ev > 0 else np.empty(0, int)
        moved = np.empty((wrong.size, *found.shape))
        for change, i in zip(moved, wrong, strict=True):
            at = seen.copy()
            at[i] += error_ev
            change[:] = read(_stack(_mixtures(references, at), e, y_um)).values - found
        return cls(_SHARES, found, moved)

    def shares_of(
        self, energy: xr.DataArray, std: xr.DataArray, offset_ev: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Share of the second standard and its standard uncertainty, ``(y, x)``.

        Parameters
        ----------
        energy, std : xarray.DataArray
            ``(y, x)``, eV, as `read` gives it; NaN stays NaN, as does what lies beyond a quarter
            outside the pure standards.
        offset_ev : float
            Energy by which the scan reads too high, from a sample that is known.

        Notes
        -----
        The mean of a bent function of a noisy energy is not the function of its mean: by how much
        the function changes when it is averaged over the noise once more is taken off.
        """
        value, sigma = np.full(energy.shape, np.nan), np.full(energy.shape, np.nan)
        for row, known in enumerate(self.energy):
            here, noise = energy.values[row] - offset_ev, std.values[row]
            read = np.interp(here, known, self.shares, left=np.nan, right=np.nan)
            blurred = sum(w * np.interp(here + u * noise, known, self.shares) for u, w in _NODES)
            value[row] = 2.0 * read - blurred
            gain = np.gradient(self.shares, known)
            sigma[row] = noise * np.interp(here, known, gain)
        return value, sigma

    def sigma_of_mean(self, shares: np.ndarray) -> float:
        """Error that wrong photon energies give the mean of a map of shares ``(y, x)``."""
        errors = np.zeros(len(self.disturbed))
        for row, known in enumerate(self.energy):
            here = shares[row][np.isfinite(shares[row])]
            gain = np.gradient(self.shares, known)
            for i, change in enumerate(self.disturbed[:, row]):
                errors[i] += np.interp(here, self.shares, change * gain).sum()
        return float(np.sqrt(np.sum(errors**2)) / np.isfinite(shares).sum())

    def sigma_of_offset(self) -> float:
        """Error that wrong photon energies give the mean energy of the first standard, eV."""
        pure = np.abs(self.shares).argmin()
        return float(np.sqrt(np.sum(self.disturbed[:, :, pure].mean(axis=1) ** 2)))


def refine_rows(model: RowEnergy, pure: xr.DataArray, known: RowStandards) -> RowEnergy:
    """Take the slope out that an edge map of the first standard still has against the rows.

    Bands of rows that are aligned with each other beat with the steps of the scan; read against
    the standard, each row has only its own error.

    Parameters
    ----------
    model : RowEnergy
        From `fit_row_energy`.
    pure : xarray.DataArray
        ``(y, x)``, eV: the energy that is read on a sample of the first standard, rows corrected
        with `model`.
    known : RowStandards
        Through the rows of `model`, with the errors of the photon energies where they are known.

    Returns
    -------
    RowEnergy
        With another ``b``. Its uncertainty holds the scatter of the rows and the errors of the
        photon energies.
    """
    first = int(np.abs(known.shares).argmin())
    rest = (pure.values - known.energy[:, [first]]).mean(axis=1)
    y = pure["y"].values - model.y0
    (slope, _), cov = np.polyfit(y, rest, 1, cov=True)
    common = [np.polyfit(y, change[:, first], 1)[0] for change in known.disturbed]
    # Read too high where the row was given too high an energy.
    return replace(
        model, b=model.b - float(slope), b_std=float(np.sqrt(cov[0, 0] + np.sum(np.square(common))))
    )


def _mixtures(references: xr.DataArray, seen: np.ndarray) -> np.ndarray:
    """Noise-free mixtures ``(energy, y, share)`` at the energies ``(energy, y)`` of each row."""
    dim = spectral_dim(references)
    inside = np.clip(seen, float(references[dim].min()), float(references[dim].max()))
    pure = references[:2].interp({dim: xr.DataArray(inside, dims=("e", "y"))}, method="cubic")
    first, second = pure.transpose(..., "e", "y").values
    return np.asarray(first[:, :, None] + _SHARES * (second - first)[:, :, None])


def _stack(values: np.ndarray, energies: np.ndarray, y_um: np.ndarray) -> xr.Dataset:
    stack = make_stack(values, energies, quantity="normalized")
    return stack.assign_coords({"y": ("y", y_um, stack[SIGNAL]["y"].attrs)})
