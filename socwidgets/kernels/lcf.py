"""Linear combination fit of blocks of spectra, compiled.

Twin: `socwidgets.kernels.lcf_reference`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from socwidgets.kernels import lcf_lanes as lanes
from socwidgets.kernels import lcf_sums
from socwidgets.kernels.lanes import (
    GROUPS,
    LANES,
    add_scaled,
    assign,
    door,
    inner,
    last_group,
    project,
)
from socwidgets.kernels.lcf_lanes import AT_BOUND, MISSING, OK, SINGULAR
from socwidgets.kernels.lcf_plan import LcfPlan

__all__ = ["AT_BOUND", "MISSING", "OK", "SCALARS", "SINGULAR", "fit_block", "result_rows"]

#: Rows of the result block after the ``6 k`` rows of the components and the ``b`` rows of the
#: background.
SCALARS = ("thickness", "thickness_std", "r_factor", "redchi", "residual_rms")


class LcfGroup(NamedTuple):
    """State of the fit of one group; every array ends in `LANES`.

    Attributes
    ----------
    q : ndarray
        ``(k, .)``, projections on the references.
    free, weight : ndarray
        ``(k, .)`` weights without constraint; ``(k, .)`` chosen ones, with a zero row for odd k.
    beta : ndarray
        ``(2, .)``, background coefficients, zero where there are fewer.
    sums : ndarray
        ``(4, .)``, sums of squares: residual, weighted residual, residual over sigma, and spectrum
        without background.
    chosen : ndarray
        ``(.)``, index of the subset of components that is not held at zero.
    """

    q: np.ndarray
    free: np.ndarray
    weight: np.ndarray
    beta: np.ndarray
    sums: np.ndarray
    chosen: np.ndarray


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
    whole = start + (stop - start) // LANES * LANES
    noise = signal if std is None else std
    _fit(plan.matrices, signal, noise, std is not None, start, whole, out, status)
    if whole < stop:
        results, codes = np.empty((out.shape[0], LANES), out.dtype), np.empty(LANES, np.uint8)
        last = last_group(signal, whole, stop, 0.0)
        noise = last if std is None else last_group(std, whole, stop, 1.0)
        _fit(plan.matrices, last, noise, std is not None, 0, LANES, results, codes)
        out[:, whole:stop] = results[:, : stop - whole]
        status[whole:stop] = codes[: stop - whole]


@door
def _fit(matrices, signal, std, has_std, start, stop, out, status):
    """Project a panel of pixels, then fit its groups one after the other."""
    projected = np.empty((GROUPS, matrices.projector.shape[0] + 1, LANES))
    results = np.empty((out.shape[0], LANES))
    pairs = np.empty((matrices.pairs.shape[0], LANES))
    for panel in range(start, stop, GROUPS * LANES):
        groups = min(GROUPS, (stop - panel) // LANES)
        project(signal, panel, groups, matrices.projector, projected)
        for g in range(groups):
            first = panel + g * LANES
            fit = begin(matrices, projected[g])
            squares = projected[g, -1]
            if has_std or matrices.weighted or lcf_sums.lost_digits(fit.sums, squares):
                lcf_sums.exact_sums(matrices, signal, std, has_std, first, fit, squares, pairs)
            finish(matrices, fit, pairs, has_std, results)
            store_group(results, fit, first, out, status)


@inner
def store_group(results, fit, first, out, status):
    """Write the rows of a group, NaN for spectra with a sample missing, and the status."""
    spoil = fit.sums[0]
    for p in range(LANES):
        # Zero where finite, else NaN, without a branch.
        spoil[p] -= spoil[p]
    for i in range(results.shape[0]):
        row, copy = results[i], out[i, first : first + LANES]
        for p in range(LANES):
            copy[p] = row[p] + spoil[p]
    thickness = results[results.shape[0] - len(SCALARS)]
    lanes.codes(spoil, thickness, fit.chosen, status[first : first + LANES])


@inner
def begin(matrices, projected):
    """Solve each pixel of a group from its projections, and get its sums of squares from them."""
    k, b = matrices.gram.shape[0], matrices.shadow.shape[0]
    fit = LcfGroup(
        projected[:k], np.empty((k, LANES)), np.zeros((k + k % 2, LANES)), np.zeros((2, LANES)),
        np.empty((4, LANES)), np.empty(LANES),
    )  # fmt: skip
    lanes.affine(matrices.solve[0], matrices.offset[0], fit.q, fit.free)
    lanes.choose_subset(
        fit.q, fit.free, matrices.gram, matrices.solve, matrices.offset, matrices.member,
        fit.weight[:k], fit.chosen,
    )  # fmt: skip
    for i in range(b):
        assign(fit.beta[i], projected[k + i])
        for j in range(k):
            add_scaled(fit.beta[i], -matrices.shadow[i, j], fit.weight[j])
    lcf_sums.sums_from_projections(matrices, projected, fit)
    return fit


@inner
def finish(matrices, fit, pairs, has_std, results):
    """Uncertainties, fractions and scalars of a group."""
    k = matrices.gram.shape[0]
    every, sigma = np.empty((k * k, LANES)), np.zeros((k + 1, LANES))
    weight = fit.weight[:k]
    lanes.clear_rounding(weight, fit.beta)
    if has_std:
        lanes.propagate(pairs, matrices.solve[0], every)
        lanes.active_sigma(pairs, every, matrices.solve, matrices.member, fit.chosen, sigma)
    else:
        lanes.scaled_sigma(
            fit.sums[1], matrices.per_freedom, matrices.unit, fit.chosen, matrices.every_unit,
            every, sigma,
        )  # fmt: skip
    lanes.fractions(weight, every, results, 2)
    lanes.fractions(fit.free, every, results, 4)
    _collect(matrices, fit, has_std, sigma, results)


@inner
def _collect(matrices, fit, has_std, sigma, results):
    """Weights, background and scalars into their rows."""
    k, b = matrices.gram.shape[0], matrices.shadow.shape[0]
    for i in range(k):
        assign(results[6 * i], fit.weight[i])
        assign(results[6 * i + 1], sigma[i])
    for i in range(b):
        assign(results[6 * k + i], fit.beta[i])
    row = 6 * k + b
    total = results[row]
    assign(total, fit.weight[0])
    for i in range(1, k):
        add_scaled(total, 1.0, fit.weight[i])
    assign(results[row + 1], sigma[k])
    square, free_of_background = fit.sums[0], fit.sums[3]
    chi = fit.sums[2] if has_std else fit.sums[1]
    r_factor, redchi, rms = results[row + 2], results[row + 3], results[row + 4]
    for p in range(LANES):
        r_factor[p] = square[p] / free_of_background[p] if free_of_background[p] > 0.0 else math.nan
        redchi[p] = chi[p] * matrices.per_freedom[int(fit.chosen[p])]
        rms[p] = math.sqrt(square[p] * matrices.per_point)
