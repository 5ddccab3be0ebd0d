"""Non-negative factors of spectra: a start at the corners of their cloud, and when to stop."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr

from socwidgets.analysis.vertices import simplex_vertices
from socwidgets.model.errors import DataError

#: Iterations between two looks at what is left.
_ROUND = 20
#: A round that lowers what is left by less than this share of it is the last one.
_GAIN = 1e-3
#: What is left below this share of the sum of squares is rounding in float32.
_NOTHING = 1e-8
#: Numbers of corners that are looked for.
_CORNERS = range(2, 7)


@dataclass(frozen=True, slots=True)
class Factors:
    """``signal = amounts x spectra``, both non-negative.

    Attributes
    ----------
    amounts, spectra : ndarray
        ``(pixel, component)`` and ``(component, E)``.
    residual : float
        Share of the sum of squares that is left.
    iterations : int
        How many it took.
    converged : bool
        Whether the last round gained next to nothing.
    """

    amounts: np.ndarray
    spectra: np.ndarray
    residual: float
    iterations: int
    converged: bool


def corner_spectra(stack: xr.Dataset, mask: xr.DataArray | None, number: int) -> np.ndarray | None:
    """Purest spectra of an image ``(number, E)``, none below zero; None where it has no corners."""
    if number not in _CORNERS:
        return None
    try:
        found = simplex_vertices(stack, mask=mask, n_vertices=number)
    except DataError:
        # Too few pixels or components for a simplex: there may be factors for all that.
        return None
    spectra: np.ndarray = np.maximum(found["reference"].values, 0.0)
    return spectra if (spectra.sum(axis=1) > 0.0).all() else None


def factorize(
    spectra: np.ndarray, number: int, start: np.ndarray | None, most: int, seed: int
) -> Factors:
    """Coordinate descent in rounds, until one of them gains next to nothing.

    The gradient, which scikit-learn compares with the one at the start, says little after a good
    start. What is left of the signal says when there is nothing more to explain; the directions in
    which factors may turn without changing it are not followed any further.

    Parameters
    ----------
    spectra : ndarray
        ``(pixel, E)`` float32, zero or more.
    number : int
        Number of factors.
    start : ndarray or None
        ``(number, E)``, spectra to begin with; the singular vectors (NNDSVDa: Boutsidis and
        Gallopoulos 2008) without them.
    most : int
        Iterations at most.
    seed : int
        Of the small values that replace zeros in the latter.
    """
    total = float(np.sum(spectra.astype(np.float64) ** 2)) or 1.0
    amounts, factors = _begin(spectra, number, start, seed)
    left, done = _left(spectra, amounts, factors) / total, 0
    while done < most:
        more = min(_ROUND, most - done)
        amounts, factors = _iterated(spectra, number, (amounts, factors), "custom", more, seed)
        before, left = left, _left(spectra, amounts, factors) / total
        done += more
        if more == _ROUND and (left < _NOTHING or before - left < _GAIN * left):
            return Factors(amounts, factors, left, done, True)
    return Factors(amounts, factors, left, done, left < _NOTHING)


def _begin(
    spectra: np.ndarray, number: int, start: np.ndarray | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    if start is None:
        return _iterated(spectra, number, None, "nndsvda", 1, seed)
    factors = np.ascontiguousarray(start, spectra.dtype)
    amounts = np.maximum(spectra @ np.linalg.pinv(factors), 0.0)
    return np.ascontiguousarray(amounts, spectra.dtype), factors


def _iterated(
    spectra: np.ndarray, number: int, at: tuple[np.ndarray, np.ndarray] | None, init: str,
    iterations: int, seed: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Some iterations of scikit-learn, from where the last ones ended."""
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    model = NMF(number, init=init, solver="cd", tol=0.0, max_iter=iterations, random_state=seed)
    given = {} if at is None else {"W": at[0], "H": at[1]}
    with warnings.catch_warnings():
        # It is told to stop early; `factorize` says whether that was the end.
        warnings.simplefilter("ignore", ConvergenceWarning)
        amounts = model.fit_transform(spectra, **given)
    return amounts, model.components_


def _left(spectra: np.ndarray, amounts: np.ndarray, factors: np.ndarray) -> float:
    """Sum of squares that the factors leave, in blocks: no copy of the stack is made."""
    return sum(
        float(np.sum((spectra[i : i + 16384] - amounts[i : i + 16384] @ factors) ** 2, dtype=float))
        for i in range(0, len(spectra), 16384)
    )
