"""Whether weights that are forced to add up to one would do so by themselves."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import xarray as xr

from socwidgets.analysis.mean_spectrum import thinning
from socwidgets.analysis.methods import BlockFit
from socwidgets.model.mapset import SUM_DOUBT

_WITH_RULE = ("sum_to_one", "simplex")
#: Spectra that are looked at.
_PIXELS = 4096
#: Distance of a free sum from one that no usual normalization leaves, beside three of its sigma.
_OFF = 0.1
#: Share of the spectra from which on the rule does not hold.
_MANY = 0.1


def sum_doubt(
    references: np.ndarray, background: np.ndarray, spectra: np.ndarray, constraint: str
) -> str | None:
    """Sentence that says why the weights of some spectra must not be forced to a sum of one.

    Parameters
    ----------
    references, background : ndarray
        ``(k, E)`` and ``(b, E)``, rows of the fit.
    spectra : ndarray
        ``(E, n)``; energies that most of them lack are left out, and then those with a gap.
    constraint : str
        Name of the constraint, for the sentence.

    Returns
    -------
    str or None
        None where the free weights of nine in ten spectra add up to one within a tenth and three
        standard uncertainties (from the residual), or where no spectrum is left.
    """
    # A frame that is missing in most spectra is no reason to look at none.
    points = np.isfinite(spectra).mean(axis=1) > 0.5 if spectra.size else np.zeros(0, bool)
    design = np.vstack([references, background]).T
    if np.count_nonzero(points) <= design.shape[1]:
        return None
    design, spectra = design[points], spectra[points]
    spectra = spectra[:, np.isfinite(spectra).all(axis=0)]
    if not spectra.size:
        return None
    inverse = np.linalg.pinv(design)
    weights = inverse @ spectra
    row = inverse[: len(references)].sum(axis=0)
    free = design.shape[0] - design.shape[1]
    rms = np.sqrt(np.sum((spectra - design @ weights) ** 2, axis=0) / free)
    sums = weights[: len(references)].sum(axis=0)
    off = np.abs(sums - 1.0) > _OFF + 3.0 * rms * np.linalg.norm(row)
    if not off.mean() > _MANY:
        return None
    low, middle, high = np.percentile(sums, [10, 50, 90])
    found = f"{middle:.2f}" if sums.size == 1 else f"{middle:.2f} ({low:.2f} to {high:.2f})"
    return (
        f"constraint={constraint!r} forces the weights to add up to 1, and by themselves they add "
        f"up to {found}: the spectra or the references are not normalized, and the fractions are "
        "wrong. For an optical density use constraint='non_negative' or 'none', whose fractions "
        "are shares of the sum at any thickness; or normalize both"
    )


def warn_of_sums(
    maps: xr.Dataset, fit: BlockFit, signal: xr.DataArray, excluded: xr.DataArray
) -> None:
    """Warn, and note in the attributes, where a sum rule does not hold.

    Parameters
    ----------
    maps : xarray.Dataset
        Result of the fit.
    fit : BlockFit
        What made it.
    signal : xarray.DataArray
        ``(..., spectral, y, x)``, at the points of the fit.
    excluded : xarray.DataArray
        ``(..., y, x)``; pixels where it is not zero are left out.
    """
    if fit.doubt is None:
        return
    thin = thinning(signal, _PIXELS)
    spectra = np.moveaxis(np.asarray(signal.isel(thin).values, np.float64), -3, 0)
    used = excluded.isel(thin).values.ravel() == 0
    text = fit.doubt(spectra.reshape(len(spectra), -1)[:, used])
    if text:
        maps.attrs[SUM_DOUBT] = text
        warnings.warn(text, UserWarning, stacklevel=3)


def doubt_of(
    references: np.ndarray, background: np.ndarray, constraint: str
) -> Callable[[np.ndarray], str | None] | None:
    """`sum_doubt` for any spectra ``(E, n)`` of one fit; None without a sum rule."""
    if constraint not in _WITH_RULE:
        return None
    return partial(sum_doubt, references, background, constraint=constraint)
