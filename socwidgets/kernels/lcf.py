"""Linear combination fit of blocks of spectra, compiled.

Twin: `socwidgets.kernels.lcf_reference`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from socwidgets.kernels.lcf_plan import LcfPlan

#: Pixels that go through the energies together: their accumulators stay in the L1 cache, and the
#: inner loop runs over pixels, which vectorizes.
_LANES = 256

#: Status codes; the values of `socwidgets.model.status.Status`, which kernels may not import.
OK, AT_BOUND, SINGULAR = 0, 4, 5
#: A sample is NaN: the caller fits this pixel on the energies that it has.
MISSING = 255

#: Rows of the result block after the ``6 k`` rows of the components and the ``b`` rows of the
#: background.
SCALARS = ("thickness", "thickness_std", "r_factor", "redchi", "residual_rms")

# fastmath without nnan/ninf: NaN must stay visible (a fully fast mode removes the tests).
_compiled = njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "nsz"})


def result_rows(components: int, background: int) -> int:
    """Number of rows of the result block of `fit_block`."""
    return 6 * components + background + len(SCALARS)


def fit_block(
    plan: LcfPlan,
    signal: np.ndarray,
    std: np.ndarray | None,
    start: int,
    stop: int,
    out: np.ndarray,
    status: np.ndarray,
) -> None:
    """Fit pixels ``start:stop`` of a stack.

    Parameters
    ----------
    plan : LcfPlan
        From `make_plan`; its references have as many points as the signal.
    signal : ndarray
        ``(E, N)``, C-contiguous, float32 or float64; any unit.
    std : ndarray or None
        ``(E, N)``, standard uncertainty of each sample, same dtype. With it, uncertainties are
        propagated from it; without it, they come from the residual of the same pixel.
    start, stop : int
        Range of pixels.
    out : ndarray
        ``(result_rows, N)``; rows are, for every component, weight, its sigma, fraction, its sigma,
        unconstrained fraction, its sigma; then the background coefficients; then `SCALARS`.
        Fractions are weights over their sum, NaN where that sum is not positive.
    status : ndarray
        ``(N,)`` uint8: OK, AT_BOUND (a weight is held at zero), SINGULAR (no positive sum) or
        MISSING (a sample is not finite; all results are NaN).

    Notes
    -----
    The sigma of a weight is conditional on the active constraints; a weight held at zero gets the
    sigma it would have if it were free, the scale of how far below zero the data could reach.
    Fractions use the covariance of the unconstrained problem for the same reason. R is the sum of
    squared residuals over that of the spectrum *after* the fitted background is taken away: an
    offset of the optical density must not make a fit look good. Reduced chi-square uses `std`, or
    is the unscaled ``sum(w res^2)/(N - P)`` without it.
    """
    has_std = std is not None
    known = std if std is not None else signal[:1, :1]
    _fit(
        signal, known, has_std, start, stop,
        plan.references, plan.background, plan.weights, plan.projector, plan.gram,
        plan.solve, plan.offset, plan.size, plan.member,
        plan.background_from_data, plan.background_from_weights,
        out, status,
    )  # fmt: skip


@_compiled
def _fit(
    signal, std, has_std, start, stop,
    references, background, weights, projector, gram,
    solve, offset, size, member, from_data, from_weights,
    out, status,
):  # fmt: skip
    """Loop over lanes of pixels: accumulate, solve each pixel, then pass over the residuals."""
    k, points = references.shape
    b = background.shape[0]
    q = np.empty((k, _LANES))
    beta = np.empty((b, _LANES))
    cov = np.empty((k * (k + 1) // 2, _LANES))
    sums = np.empty((4, _LANES))
    weight = np.empty((k, _LANES))
    subset = np.empty(_LANES, np.int64)
    for first in range(start, stop, _LANES):
        n = min(_LANES, stop - first)
        _project(signal, first, n, projector, q)
        _project(signal, first, n, from_data, beta)
        if has_std:
            _noise_of_projection(std, first, n, projector, cov)
        for p in range(n):
            subset[p] = _best_subset(q[:, p], gram, solve, offset, member, weight[:, p])
            for i in range(b):
                for j in range(k):
                    beta[i, p] -= from_weights[i, j] * weight[j, p]
        _residuals(
            signal, std, has_std, first, n, references, background, weights, weight, beta, sums
        )
        for p in range(n):
            status[first + p] = _finish(
                p, first + p, has_std, q, cov, weight, beta, sums, subset[p], points,
                gram, solve, offset, size, member, out,
            )  # fmt: skip


@_compiled
def _project(signal, first, n, rows, result):
    """``result[i, p] = sum_E rows[i, E] signal[E, first + p]``."""
    for i in range(rows.shape[0]):
        for p in range(n):
            result[i, p] = 0.0
        for e in range(rows.shape[1]):
            factor = rows[i, e]
            for p in range(n):
                result[i, p] += factor * signal[e, first + p]


@_compiled
def _noise_of_projection(std, first, n, projector, cov):
    """Upper triangle of ``P^T diag(std^2) P`` for each pixel."""
    k, points = projector.shape
    row = 0
    for i in range(k):
        for j in range(i, k):
            for p in range(n):
                cov[row, p] = 0.0
            for e in range(points):
                factor = projector[i, e] * projector[j, e]
                for p in range(n):
                    sigma = std[e, first + p]
                    cov[row, p] += factor * (sigma * sigma)
            row += 1


@_compiled
def _best_subset(q, gram, solve, offset, member, weight):
    """Solve on the subset whose solution is feasible and has the least squares; its index."""
    k = q.size
    best, least = 0, math.inf
    trial = np.empty(k)
    for s in range(solve.shape[0]):
        feasible = True
        for i in range(k):
            total = offset[s, i]
            for j in range(k):
                total += solve[s, i, j] * q[j]
            trial[i] = total
            if member[s, i] and total < 0.0:
                feasible = False
        if s == 0 and (feasible or solve.shape[0] == 1):
            weight[:] = trial
            return 0
        if feasible:
            loss = 0.0
            for i in range(k):
                slope = -2.0 * q[i]
                for j in range(k):
                    slope += gram[i, j] * trial[j]
                loss += trial[i] * slope
            if loss < least:
                least, best = loss, s
                weight[:] = trial
    if least == math.inf:
        weight[:] = math.nan
    return best


@_compiled
def _residuals(signal, std, has_std, first, n, references, background, weights, weight, beta, sums):
    """Sums of squares: residual, weighted residual, residual over sigma, background-free signal."""
    k, points = references.shape
    b = background.shape[0]
    res = np.empty(_LANES)
    model = np.empty(_LANES)
    sums[:, :n] = 0.0
    for e in range(points):
        for p in range(n):
            res[p] = signal[e, first + p]
            model[p] = 0.0
        for i in range(b):
            for p in range(n):
                res[p] -= background[i, e] * beta[i, p]
        for i in range(k):
            for p in range(n):
                model[p] += references[i, e] * weight[i, p]
        for p in range(n):
            sums[3, p] += res[p] * res[p]
            res[p] -= model[p]
            square = res[p] * res[p]
            sums[0, p] += square
            sums[1, p] += weights[e] * square
            if has_std:
                sums[2, p] += square / (std[e, first + p] * std[e, first + p])


@_compiled
def _covariance(p, scale, has_std, cov, gram, matrix, result):
    """``M C M^T`` with ``C`` the covariance of ``q`` (propagated, or ``scale`` times Gram)."""
    k = gram.shape[0]
    full = np.empty((k, k))
    row = 0
    for i in range(k):
        for j in range(i, k):
            full[i, j] = cov[row, p] if has_std else scale * gram[i, j]
            full[j, i] = full[i, j]
            row += 1
    for i in range(k):
        for j in range(k):
            total = 0.0
            for a in range(k):
                for c in range(k):
                    total += matrix[i, a] * full[a, c] * matrix[j, c]
            result[i, j] = total


@_compiled
def _fractions(weight, covariance, out, row, column):
    """Fractions ``c_k / sum(c)`` and their sigma by the delta method, every sixth row of `out`."""
    k = weight.size
    total = weight.sum()
    for i in range(k):
        if not total > 0.0:
            out[row + 6 * i, column] = math.nan
            out[row + 6 * i + 1, column] = math.nan
            continue
        fraction = weight[i] / total
        variance = 0.0
        for a in range(k):
            for c in range(k):
                left = (1.0 if a == i else 0.0) - fraction
                right = (1.0 if c == i else 0.0) - fraction
                variance += left * right * covariance[a, c]
        out[row + 6 * i, column] = fraction
        out[row + 6 * i + 1, column] = math.sqrt(max(variance, 0.0)) / total


@_compiled
def _finish(
    p, column, has_std, q, cov, weight, beta, sums, subset, points,
    gram, solve, offset, size, member, out,
):  # fmt: skip
    """Write the results of one pixel; return its status."""
    k, b = weight.shape[0], beta.shape[0]
    if not math.isfinite(sums[0, p]):
        out[:, column] = math.nan
        return MISSING
    largest = 0.0
    for i in range(b):
        out[6 * k + i, column] = beta[i, p]
        largest = max(largest, abs(beta[i, p]))
    # A constant spectrum is all background: what is left of its weights is rounding.
    if not abs(weight[:, p].sum()) > 1e-9 * largest:
        weight[:, p] = 0.0
    freedom = points - size[subset] - b
    scale = sums[1, p] / freedom if freedom > 0 else math.nan
    every = np.empty((k, k))
    active = np.empty((k, k))
    free = np.empty(k)
    _covariance(p, scale, has_std, cov, gram, solve[0], every)
    _covariance(p, scale, has_std, cov, gram, solve[subset], active)
    for i in range(k):
        held = not member[subset, i]
        out[6 * i, column] = weight[i, p]
        out[6 * i + 1, column] = math.sqrt(max(every[i, i] if held else active[i, i], 0.0))
        free[i] = offset[0, i]
        for j in range(k):
            free[i] += solve[0, i, j] * q[j, p]
    _fractions(weight[:, p], every, out, 2, column)
    _fractions(free, every, out, 4, column)
    row = 6 * k + b
    total = weight[:, p].sum()
    out[row, column] = total
    out[row + 1, column] = math.sqrt(max(active.sum(), 0.0))
    out[row + 2, column] = sums[0, p] / sums[3, p] if sums[3, p] > 0.0 else math.nan
    chi = sums[2, p] if has_std else sums[1, p]
    out[row + 3, column] = chi / freedom if freedom > 0 else math.nan
    out[row + 4, column] = math.sqrt(sums[0, p] / points)
    if not total > 0.0:
        return SINGULAR
    return OK if subset == 0 else AT_BOUND
