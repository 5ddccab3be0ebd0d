"""The slow, right path for spectra with missing points: one fit per pattern of missing points."""

from __future__ import annotations

import numpy as np

from socwidgets.analysis.methods import BlockFit
from socwidgets.model.status import Status

#: What a kernel answers for a spectrum with a sample that is not finite.
MISSING = 255


def refit_missing(
    fit: BlockFit,
    signal: np.ndarray,
    std: np.ndarray | None,
    start: int,
    stop: int,
    out: np.ndarray,
    status: np.ndarray,
) -> None:
    """Fit the spectra that the fast path refused on the points that they have.

    Pixels that miss the same points share one fit. A spectrum with too few points left keeps NaN
    and the status ``SINGULAR``; one without any finite point gets ``MASKED``.

    Parameters
    ----------
    fit : BlockFit
        The method; its `narrow` makes it ready for a subset of the points.
    signal, std, start, stop, out, status
        As for the method's `fill`; rows of `out` and codes of `status` are overwritten.
    """
    waiting = start + np.flatnonzero(status[start:stop] == MISSING)
    if not waiting.size:
        return
    seen = np.isfinite(signal[:, waiting])
    if std is not None:
        seen &= np.isfinite(std[:, waiting])
    patterns, group = np.unique(seen, axis=1, return_inverse=True)
    group = group.ravel()
    for number in range(patterns.shape[1]):
        pixels, points = waiting[group == number], patterns[:, number]
        narrowed = fit.narrow(points) if points.any() else None
        if narrowed is None:
            status[pixels] = Status.SINGULAR if points.any() else Status.MASKED
            continue
        part = np.ascontiguousarray(signal[np.ix_(points, pixels)])
        noise = None if std is None else np.ascontiguousarray(std[np.ix_(points, pixels)])
        results = np.full((out.shape[0], pixels.size), np.nan, out.dtype)
        codes = np.zeros(pixels.size, np.uint8)
        narrowed(part, noise, 0, pixels.size, results, codes)
        out[:, pixels], status[pixels] = results, codes
