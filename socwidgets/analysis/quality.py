"""Which pixels of a fitted map set can be trusted: poor fits, and how good the rest are."""

from __future__ import annotations

import numpy as np
import xarray as xr

from socwidgets.model import provenance
from socwidgets.model.errors import ParameterError
from socwidgets.model.mapset import status_variable
from socwidgets.model.names import STATUS
from socwidgets.model.status import USABLE, Status, usable

R_FACTOR = "r_factor"
POOR_FITS = "n_poor_fits"


def reject_poor_fits(maps: xr.Dataset, r_max: float | None) -> xr.Dataset:
    """Take the pixels whose R-factor exceeds a limit out of the statistics.

    The R-factor grows with noise as well as with a wrong model: a limit below the noise level
    selects pixels, and not fits. So there is no limit unless the user sets one.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with ``r_factor`` (dimensionless, after background) and ``status``, ``(y, x)``.
    r_max : float or None
        Largest R-factor that is kept; None keeps all.

    Returns
    -------
    xarray.Dataset
        The map set with status ``not_converged`` where a usable pixel was rejected; its values
        stay, so that they can be looked at. ``attrs["n_poor_fits"]`` counts them. A NaN R-factor
        is not judged.

    Raises
    ------
    ParameterError
        If the limit is not positive, or the maps hold no R-factor to judge.
    """
    if r_max is None:
        return maps.assign_attrs({POOR_FITS: 0})
    if not r_max > 0:
        raise ParameterError("the limit of the R-factor must be positive", found=f"{r_max:g}")
    if R_FACTOR not in maps or STATUS not in maps:
        raise ParameterError(
            "these maps cannot be judged by their R-factor",
            expected=f"variables {R_FACTOR} and {STATUS}",
            found=", ".join(map(str, maps.data_vars)),
            fix="leave r_max empty for this method",
        )
    poor = usable(maps) & (maps[R_FACTOR] > r_max)
    codes = maps[STATUS].where(~poor, np.uint8(Status.NOT_CONVERGED))
    result = maps.copy()
    result[STATUS] = status_variable(codes.values, tuple(str(d) for d in codes.dims))
    result.attrs[POOR_FITS] = int(poor.sum())
    return provenance.record(
        result, "socwidgets.analysis.quality.reject_poor_fits", {"r_max": r_max}, source=maps
    )


def fit_quality(maps: xr.Dataset) -> dict[str, float]:
    """Medians over the usable pixels that tell how well a fit describes the data.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set, ``(y, x)``.

    Returns
    -------
    dict
        ``n_usable``, ``n_fitted`` (every pixel with a status other than masked or low signal), and
        the medians ``redchi``, ``r_factor``, ``residual_rms`` where the maps hold them, NaN where
        no pixel is usable.
    """
    keep = usable(maps).values
    found = {"n_usable": float(np.count_nonzero(keep))}
    if STATUS in maps:
        codes = maps[STATUS].values
        left_out = np.isin(codes, [Status.MASKED, Status.LOW_SIGNAL])
        found["n_fitted"] = float(np.count_nonzero(~left_out))
        at_bound = int(np.count_nonzero(codes == Status.AT_BOUND))
        found["share_at_bound"] = at_bound / max(int(np.count_nonzero(np.isin(codes, USABLE))), 1)
    for name in ("redchi", R_FACTOR, "residual_rms"):
        if name in maps:
            values = maps[name].values[keep]
            values = values[np.isfinite(values)]
            found[name] = float(np.median(values)) if values.size else float("nan")
    return found


#: Limits of the checks below, with what each one means.
MAX_REDCHI = 2.0
MIN_REDCHI = 0.5
MAX_SHARE_AT_BOUND = 0.2
MAX_SHARE_LEFT_OUT = 0.3
MAX_CONDITION = 30.0


def fit_warnings(maps: xr.Dataset) -> list[str]:
    """Sentences about what could make the numbers of a fitted map set wrong.

    Parameters
    ----------
    maps : xarray.Dataset
        Map set with ``status``, and ``redchi`` where fitted; ``attrs["sigma_source"]`` says
        whether the reduced chi-square is scaled by a known noise, which alone makes 1 its target.

    Returns
    -------
    list of str
        Empty where every check passed.
    """
    found, quality = [], fit_quality(maps)
    redchi = quality.get("redchi", float("nan"))
    if "propagated" in str(maps.attrs.get("sigma_source", "")):
        if redchi > MAX_REDCHI:
            found.append(
                f"The median reduced chi-square is {redchi:.2f}: the residuals are larger than the "
                "noise. Either the references do not describe all of the sample, or the noise is "
                "understated; the uncertainties are too small by about the square root of it."
            )
        elif redchi < MIN_REDCHI:
            found.append(
                f"The median reduced chi-square is {redchi:.2f}: the noise is overstated, and so "
                "are the uncertainties."
            )
    share = quality.get("share_at_bound", 0.0)
    if share > MAX_SHARE_AT_BOUND:
        found.append(
            f"In {share:.0%} of the pixels the constrained fit is at a bound. Means and spreads "
            "use the unconstrained fractions, which noise may push beyond 0 or 1."
        )
    poor, fitted = int(maps.attrs.get(POOR_FITS, 0)), quality.get("n_fitted", 0.0)
    if poor:
        found.append(f"{poor} of {fitted:.0f} fitted pixels exceed the limit of the R-factor and "
                     "were left out; a limit below the noise prefers thick pixels.")  # fmt: skip
    left_out = 1.0 - quality["n_usable"] / fitted if fitted else 0.0
    if left_out > MAX_SHARE_LEFT_OUT:
        found.append(f"{left_out:.0%} of the fitted pixels do not enter the statistics; the status "
                     "map says why.")  # fmt: skip
    condition = float(maps.attrs.get("condition_number", 0.0))
    if condition > MAX_CONDITION:
        found.append(f"The references are hard to tell apart (condition number {condition:.0f}).")
    return found
