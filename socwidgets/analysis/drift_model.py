"""What is known of a drift beyond its single frames: it is smooth; rows of a scan move in it."""

from __future__ import annotations

import numpy as np

#: Residuals beyond this many robust standard deviations get no weight (Tukey's biweight).
_BIWEIGHT = 4.685
_ROUNDS = 30
#: A frame this far off the curve in robust standard deviations is an outlier, but never below px.
_OUTLIER_SIGMA, _OUTLIER_FLOOR_PX = 5.0, 0.1


def smooth_path(
    path: np.ndarray, trusted: np.ndarray, degree: int
) -> tuple[np.ndarray, np.ndarray]:
    """Polynomial through a drift that single bad frames do not bend.

    Parameters
    ----------
    path : ndarray
        ``(frame, 2)``, px.
    trusted : ndarray of bool
        ``(frame,)``, frames that may take part.
    degree : int
        Of the polynomial over frames; lowered where fewer frames are trusted.

    Returns
    -------
    curve : ndarray
        ``(frame, 2)``, px.
    outliers : ndarray of bool
        ``(frame,)``, trusted frames far off the curve.

    Notes
    -----
    Iteratively reweighted least squares with Tukey's biweight (Beaton and Tukey 1974) on
    Legendre polynomials; both axes share the weights, because a frame is right or wrong as a whole.
    """
    n = len(path)
    at = np.linspace(-1.0, 1.0, n)
    known = np.flatnonzero(trusted)
    basis = np.polynomial.legendre.legvander(at, min(degree, max(known.size - 2, 0)))
    weights = np.ones(known.size)
    curve = np.zeros_like(path)
    for _ in range(_ROUNDS):
        root = np.sqrt(weights)[:, None]
        found, *_ = np.linalg.lstsq(root * basis[known], root * path[known], rcond=None)
        curve = basis @ found
        off = np.hypot(*(path[known] - curve[known]).T)
        spread = max(1.4826 * float(np.median(off)), 1e-6)
        fresh = np.clip(1.0 - (off / (_BIWEIGHT * spread)) ** 2, 0.0, None) ** 2
        if np.abs(fresh - weights).max() < 1e-4:
            break
        weights = fresh
    outliers = np.zeros(n, bool)
    outliers[known] = off > max(_OUTLIER_SIGMA * spread, _OUTLIER_FLOOR_PX)
    return curve, outliers


def row_drift(path: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Displacement of the rows of a raster scan within their frames.

    The sample does not wait for the end of a frame: row r of frame i is taken at the time
    ``i + (r + 1/2)/rows``, and the drift of the frames, read at that time, displaces it.

    Parameters
    ----------
    path : ndarray
        ``(frame, 2)``, px, drift of whole frames (of their middle).
    rows : int
        Rows of a frame, scanned one after the other without a pause between frames.

    Returns
    -------
    row_dy, row_dx : ndarray
        ``(frame, rows)``, px, to be added to the frame's own drift.

    Notes
    -----
    The rows themselves are not compared (`socwidgets.analysis.row_comparison` does that, starting
    from here): what is taken is the drift that the frames show, assumed to go on evenly between
    their middles. It holds the shear that all frames share, which no comparison can see.
    """
    n = len(path)
    inside = (np.arange(rows) + 0.5) / rows - 0.5
    when = np.arange(n)[:, None] + inside[None, :]
    found = []
    for axis in path.T:
        # The scan goes on as it was before its first and after its last middle.
        before, after = (
            (2 * axis[0] - axis[1], 2 * axis[-1] - axis[-2]) if n > 1 else (axis[0],) * 2
        )
        longer = np.concatenate([[before], axis, [after]])
        found.append(np.interp(when, np.arange(-1, n + 1), longer) - axis[:, None])
    return found[0], found[1]
