"""How far a recovered map is from a known truth: bias, rms error and pull (phantoms only)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.model.errors import DataError
from socwidgets.model.names import X, Y, std_name
from socwidgets.model.status import usable


@dataclass(frozen=True, slots=True)
class Recovery:
    """Estimate against truth over the usable pixels.

    Attributes
    ----------
    n_pixels : int
        Pixels compared.
    bias, bias_std : float
        Mean of estimate minus truth, and its standard error for independent pixels.
    rms, theory : float
        Root-mean-square error, and what the stated uncertainties predict for it.
    pull_mean, pull_sd : float
        Mean and standard deviation of (estimate - truth)/sigma; 0 and 1 for calibrated sigmas.
    """

    n_pixels: int
    bias: float
    bias_std: float
    rms: float
    theory: float
    pull_mean: float
    pull_sd: float

    @property
    def ratio(self) -> float:
        """Rms error over the theoretical one."""
        return self.rms / self.theory


def compare_with_truth(
    maps: xr.Dataset,
    truth: xr.DataArray,
    *,
    variable: str = "soc",
    inside: xr.DataArray | None = None,
) -> Recovery:
    """Compare a map with the truth behind it.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with `variable`, its ``_std`` and ``status``, ``(y, x)``.
    truth : xarray.DataArray
        ``(y, x)`` on the same pixels; NaN where there is none.
    variable : str
        The map to compare.
    inside : xarray.DataArray, optional
        ``(y, x)`` bool; only these pixels count.

    Raises
    ------
    DataError
        If the truth is on another grid, or fewer than ten pixels can be compared.
    """
    estimate = maps[variable].transpose(Y, X).values.astype(float)
    if truth.transpose(Y, X).shape != estimate.shape:
        raise DataError(
            "the truth does not lie on the pixels of the map",
            expected=str(estimate.shape),
            found=str(truth.shape),
        )
    sigma = maps[std_name(variable)].transpose(Y, X).values.astype(float)
    known = truth.transpose(Y, X).values.astype(float)
    keep = usable(maps).transpose(Y, X).values & np.isfinite(estimate + known) & (sigma > 0)
    if inside is not None:
        keep &= inside.transpose(Y, X).values.astype(bool)
    count = int(np.count_nonzero(keep))
    if count < 10:
        raise DataError(
            "too few pixels to compare with the truth", expected="at least ten", found=str(count)
        )
    error, spread = (estimate - known)[keep], sigma[keep]
    pull = error / spread
    return Recovery(
        n_pixels=count,
        bias=float(error.mean()),
        bias_std=float(error.std(ddof=1) / np.sqrt(count)),
        rms=float(np.sqrt(np.mean(error**2))),
        theory=float(np.sqrt(np.mean(spread**2))),
        pull_mean=float(pull.mean()),
        pull_sd=float(pull.std(ddof=1)),
    )
