"""Which references, and how many: every subset of a library, compared by BIC or AIC."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import xarray as xr

from socwidgets.analysis.lcf_design import BACKGROUND_POWERS, background_rows, window_points
from socwidgets.analysis.sum_rule import sum_doubt
from socwidgets.model.errors import DataError, ParameterError, ReferenceSpectraError
from socwidgets.model.names import COMPONENT, spectral_dim
from socwidgets.model.parameters import Parameters, param
from socwidgets.model.references import MAX_COMPONENTS, align_references, component_names

_MOST_SUBSETS = 20000


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionParameters(Parameters):
    """Parameters of `choose_components`."""

    most: int = param(4, "Largest number of components.", low=1, high=MAX_COMPONENTS)
    criterion: str = param("bic", "What is minimized.", choices=("bic", "aic"))
    background_degree: int = param(1, "Degree of the background; -1 for none.", low=-1, high=1)
    background_law: str = param(
        "line",
        "How a background of degree 1 runs, as for the fit.",
        choices=tuple(BACKGROUND_POWERS),
    )
    low: float | None = param(None, "Lowest spectral value of the fit.", unit="axis units")
    high: float | None = param(None, "Highest spectral value of the fit.", unit="axis units")
    max_condition: float = param(100.0, "Subsets with a larger condition number are left out.")
    sum_to_one: bool = param(False, "Weights add up to one (normalized spectra).")


def choose_components(
    spectrum: xr.DataArray,
    library: xr.DataArray,
    params: SelectionParameters | None = None,
    *,
    std: xr.DataArray | None = None,
    **changes: object,
) -> pd.DataFrame:
    """Rank all subsets of a library by how well they explain a spectrum for their size.

    Parameters
    ----------
    spectrum : xarray.DataArray
        ``(spectral,)``, for instance the mean of the sample's pixels; NaN points are left out.
    library : xarray.DataArray
        ``(component, spectral)``, any number of references (`make_references` with ``most``).
    params : SelectionParameters, optional
        `changes` are laid over them.
    std : xarray.DataArray, optional
        ``(spectral,)``, standard uncertainty of each point; without it the noise is taken from the
        residuals.

    Returns
    -------
    pandas.DataFrame
        One row per subset, best first: ``components`` (names joined by " + "), ``n_components``,
        ``r_factor``, ``chi_square``, ``bic``, ``aic``, ``delta`` (to the best), ``weights`` (tuple,
        non-negative). Subsets closer than 2 are equally good, 6 is strong evidence (Kass and
        Raftery 1995). ``attrs["skipped"]`` counts collinear subsets.

    Raises
    ------
    DataError
        If there is more than one spectrum, or a background that falls as E^-3 on an axis that is
        not positive.
    ReferenceSpectraError
        If the library does not cover the window or no subset is left.
    ParameterError
        If there are more subsets than can be tried.

    Warns
    -----
    UserWarning
        With ``sum_to_one``, if the weights of the best subset add up to something else by
        themselves.

    Notes
    -----
    ``BIC = N ln(RSS/N) + P ln N`` (Schwarz 1978), with known noise ``chi2 + P ln N``. A mean
    spectrum is limited by the references, not by noise: then the criteria take too many
    components, and the ranking is a hint.
    """
    chosen = SelectionParameters.merged(params, changes)
    names = list(component_names(library))
    count = sum(comb(len(names), k) for k in range(1, chosen.most + 1))
    if count > _MOST_SUBSETS:
        raise ParameterError(
            "there are too many subsets to try",
            expected=f"up to {_MOST_SUBSETS}",
            found=f"{count} of up to {chosen.most} of {len(names)} references",
            fix="lower most, or drop references that cannot be there",
        )
    values, spectra, background, weight = _prepared(spectrum, library, chosen, std)
    rows, skipped = [], 0
    for k in range(1, min(chosen.most, len(names)) + 1):
        for subset in combinations(range(len(names)), k):
            picked = spectra[list(subset)]
            if np.linalg.cond(picked.T) > chosen.max_condition:
                skipped += 1
                continue
            row = _fit(values, picked, background, weight, chosen.sum_to_one, std is not None)
            together = " + ".join(names[i] for i in subset)
            rows.append({"components": together, "subset": subset, **row})
    if not rows:
        raise ReferenceSpectraError(
            "no subset of the library can be fitted",
            expected=f"condition numbers up to {chosen.max_condition:g}",
            found=f"{skipped} collinear subsets",
        )
    table = pd.DataFrame(rows).sort_values(chosen.criterion, kind="stable", ignore_index=True)
    table["delta"] = table[chosen.criterion] - table[chosen.criterion].iloc[0]
    table.attrs["skipped"] = skipped
    if chosen.sum_to_one:
        best = spectra[list(table["subset"].iloc[0])]
        text = sum_doubt(best, background, values[:, None], "sum_to_one")
        if text:
            warnings.warn(text, UserWarning, stacklevel=2)
    return table.drop(columns="subset")


def _prepared(
    spectrum: xr.DataArray,
    library: xr.DataArray,
    params: SelectionParameters,
    std: xr.DataArray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    dim = spectral_dim(spectrum)
    if spectrum.dims != (dim,):
        raise DataError(
            "components are chosen for one spectrum",
            expected=f"dims ({dim})",
            found=f"dims {spectrum.dims}",
            fix="give the mean spectrum of the sample, such as stack.signal.where(mask).mean()"
            " over y and x",
        )
    points = window_points(spectrum[dim], params.low, params.high)
    points = points & np.isfinite(spectrum.values)
    window = spectrum[dim][points]
    spectra = align_references(library, window).transpose(COMPONENT, dim).values
    background = background_rows(window.values, params.background_degree, params.background_law)
    root = np.ones(window.size) if std is None else 1.0 / std.values[points]
    return spectrum.values[points], spectra, background, root


def _fit(
    values: np.ndarray,
    spectra: np.ndarray,
    background: np.ndarray,
    root: np.ndarray,
    sum_to_one: bool,
    known_noise: bool,
) -> dict[str, object]:
    from scipy.optimize import nnls

    y, s, b = values * root, spectra * root, background * root
    base = np.linalg.qr(b.T)[0] if b.size else np.zeros((y.size, 0))
    left = y - base @ (base.T @ y)
    rest = s.T - base @ (base.T @ s.T)
    if sum_to_one:
        # A heavy extra equation: exact to one part in 10^8 and still non-negative.
        heavy = 1e4 * float(np.linalg.norm(rest))
        rest_h = np.vstack([rest, heavy * np.ones(rest.shape[1])])
        weights = nnls(rest_h, np.append(left, heavy))[0]
    else:
        weights = nnls(rest, left)[0]
    chi_square = float(np.sum((left - rest @ weights) ** 2))
    n, free = y.size, len(spectra) + len(background) - int(sum_to_one)
    misfit = chi_square if known_noise else n * float(np.log(max(chi_square, 1e-300) / n))
    return {
        "n_components": len(spectra),
        "r_factor": chi_square / float(np.sum(left**2)),
        "chi_square": chi_square,
        "bic": misfit + free * float(np.log(n)),
        "aic": misfit + 2.0 * free,
        "weights": tuple(float(w) for w in weights),
    }
