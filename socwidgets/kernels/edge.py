"""Edge jump, edge energies and white line of blocks of spectra in one pass, compiled.

The rows that are looked at again are copied for a run of pixels into buffers that stay in the L2
cache; all that follows works there. Twin: `socwidgets.kernels.edge_reference`.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.edge_energies import (
    LOW_FLAG,
    centroids,
    crossings,
    derivative_maxima,
    integral_energies,
)
from socwidgets.kernels.edge_output import NOISE, RESULT_ROWS, judge, write
from socwidgets.kernels.edge_peak import fixed_maxima, local_fits, white_lines
from socwidgets.kernels.edge_plan import EdgePlan
from socwidgets.kernels.edge_scan import (
    coarse_maxima,
    first_crossings,
    index_of,
    integral_crossings,
    steepest,
)
from socwidgets.kernels.edge_sliding import sliding_maxima
from socwidgets.kernels.edge_stage import (
    LANES,
    PAD,
    covariance_of_baseline,
    finish_fits,
    read_above_line,
    read_squares,
    read_window,
    residuals,
    take_off_line,
)
from socwidgets.kernels.edge_tables import INTEGRAL_LEVELS
from socwidgets.kernels.normalization import student_factor
from socwidgets.kernels.rows import door, inner


def edge_block(
    plan: EdgePlan,
    signal: np.ndarray,
    std: np.ndarray | None,
    start: int,
    stop: int,
    out: np.ndarray,
    status: np.ndarray,
    *,
    rows: np.ndarray,
    min_signal: float = 0.0,
    signal_sigma: float = 0.0,
    saturation: float = math.inf,
) -> None:
    """Edge and white-line quantities of pixels ``start:stop``.

    Parameters
    ----------
    plan : EdgePlan
        From `make_plan`.
    signal : ndarray
        ``(E, N)``, C-contiguous, float32 or float64; optical density or intensity.
    std : ndarray or None
        ``(E, N)``, standard uncertainty of each sample, same dtype. Without it the noise of a
        pixel comes from the residuals of its pre-edge, post-edge and white-line fits.
    start, stop : int
        Range of pixels.
    out : ndarray
        ``(M, N)``, energies in eV; row ``rows[2 i]`` gets quantity ``QUANTITIES[i]``, row
        ``rows[2 i + 1]`` its standard uncertainty, row ``rows[NOISE]`` the noise of one sample.
    status : ndarray
        ``(N,)`` uint8: OK; MISSING (a sample is not finite); LOW_SIGNAL (the jump, or without one
        the peak, is too small: only the jump has a value); SATURATED (a sample reaches
        `saturation`; values are there); OUT_OF_RANGE (a level is not crossed in the search window:
        that energy is NaN); AT_BOUND (the white line is not a maximum inside its window, or the
        derivative is largest at the end of the search window: that energy is NaN; or noise is too
        large for an uncertainty: only that is NaN). The first that applies is told.
    rows : ndarray
        ``(RESULT_ROWS,)`` int, -1 for what is not wanted; a quantity that is not wanted is not
        computed.
    min_signal, signal_sigma : float
        Smallest signal, and smallest signal in units of its uncertainty.
    saturation : float
        Threshold in units of the signal.

    Notes
    -----
    Uncertainties are propagated to first order from the samples to the result, through jump,
    baseline and levels; samples shared by a window and a level crossing count as independent.
    A position has no uncertainty where noise is so large that the first order does not hold: the
    slope at a level, the bend of a white line or of the largest slope is lost in it, or another
    slope may be the largest one. The last alone does not make a status when other energies are
    wanted too.
    """
    kind = signal.dtype
    x, *tables = plan.tables(kind)
    wanted = (rows[0:NOISE:2] >= 0) | (rows[1:NOISE:2] >= 0)
    # The height's and the half-height level's way leads through the peak.
    wanted[1] |= wanted[2] | wanted[4]
    student = student_factor(plan.freedom) ** 2 / max(plan.freedom, 1)
    limits = np.array([min_signal, signal_sigma, saturation, student, 1.0 / max(plan.freedom, 1)])
    _edge(
        signal, signal[:1, :1] if std is None else std, std is not None, start, stop,
        plan.rows, x, plan.kept, plan.outside, plan.shared, plan.search, *tables,
        plan.has_jump, plan.has_pre, plan.tilted, plan.noise_of, wanted, limits.astype(kind),
        plan.origin, plan.scale, rows, out, status,
    )  # fmt: skip


@door
def _edge(
    signal, std, has_std, start, stop, rows, x, kept, outside, shared, search,
    windows, line, slide, centroid, derivative, levels, has_jump, has_pre, tilted, noise_of, wanted,
    limits, origin, scale, out_rows, out, status,
):  # fmt: skip
    kind = signal.dtype
    run = LANES // 2 if has_std else LANES
    lanes = run + PAD
    watched = limits[2] < math.inf
    # The higher post-edge coefficients serve the noise alone.
    terms = windows.post_weights.shape[0] if noise_of[1] else 1
    stage = np.empty((rows.size, lanes), kind)
    variance = np.empty((rows.size if has_std else 1, lanes), kind)
    value = np.empty((2 + windows.post_weights.shape[0], lanes), kind)
    merged = np.empty((windows.merge.shape[0], lanes), kind)
    covariance = np.empty((6, lanes), kind)
    peak = np.empty((line.weights.shape[1], lanes), kind)
    peak_covariance = np.empty((line.pairs.shape[0], lanes), kind)
    # Center and half width of the white-line window, x of the peak, variance of its height.
    place = np.empty((4, lanes), kind)
    level = np.empty((3, lanes), kind)
    index = np.empty((6, lanes), kind)
    slopes = np.empty((derivative.rows.size, lanes), kind)
    work = np.empty((10, lanes), kind)
    noise, top, gap = np.empty(lanes, kind), np.empty(lanes, kind), np.empty(lanes, kind)
    result = np.empty((RESULT_ROWS, lanes), kind)
    flags = np.empty(lanes, np.uint8)
    for first in range(start, stop, run):
        n = min(run, stop - first)
        flags[:n] = 0
        result[:, :n] = math.nan
        noise[:n] = 0.0
        top[:n] = -math.inf
        gap[:n] = 0.0
        # One call for both windows: compiled code is put in at every call.
        for after in range(2):
            at = windows.post if after else windows.pre
            weights = windows.post_weights[:terms] if after else windows.pre_weights
            total = value[2 * after :]
            read_window(signal, rows, at, kept, first, n, weights, watched, total, stage, top)
        if has_std:
            read_squares(std, rows, first, n, variance, gap)
        finish_fits(n, windows.post_from_pre[:terms], has_jump, value, gap)
        if not has_std:
            residuals(stage, n, windows, noise_of[1], value, merged, noise)
        take_off_line(stage, x, n, shared, tilted, value)
        read_above_line(signal, rows, outside, first, n, x, tilted, watched, value, stage, top, gap)
        if wanted[1]:
            if line.first.size == 1:
                local_fits(
                    stage, variance, has_std, n, line, peak, peak_covariance, place, noise,
                    noise_of[2],
                )  # fmt: skip
            else:
                coarse_maxima(stage, n, line.candidates, index[0])
        # From the sum of squared residuals to the variance of one sample.
        for p in range(n):
            result[NOISE, p] = math.sqrt(noise[p] * limits[4])
            noise[p] *= limits[3]
        covariance_of_baseline(variance, has_std, noise, n, windows, covariance)
        _jump(value, covariance, has_jump, n, result, level)
        if wanted[1]:
            if line.first.size > 1:
                sliding_maxima(
                    stage, variance, has_std, noise, n, line, slide, index[0], covariance, peak,
                    peak_covariance, place, result[2:6],
                )  # fmt: skip
            else:
                if not has_std:
                    _scale_rows(peak_covariance, noise, n)
                fixed_maxima(n, covariance, peak, peak_covariance, line.pairs, place, result[2:6])
            white_lines(n, value[2], covariance, place, level[1], result[2:6], flags)
        if wanted[3]:
            first_crossings(stage, n, search, level[0], index[1])
            crossings(
                stage, variance, has_std, noise, x, n, search, levels, index[1], level[0],
                covariance, place, False, work, result[6:8], flags,
            )  # fmt: skip
        if wanted[4]:
            first_crossings(stage, n, search, level[1], index[2])
            crossings(
                stage, variance, has_std, noise, x, n, search, levels, index[2], level[1],
                covariance, place, True, work, result[8:10], flags,
            )  # fmt: skip
        if wanted[5]:
            integral_crossings(stage, n, search, level[2], value[2], index[3], index[4])
            integral_energies(
                stage, variance, has_std, noise, x, n, index[3], index[4], value[2], covariance,
                work, result[10:12], flags,
            )  # fmt: skip
        if wanted[6]:
            centroids(stage, variance, has_std, noise, n, centroid, covariance, result[12:14])
        if wanted[7]:
            steepest(stage, n, derivative, slopes, index[5])
            alone = not (wanted[3] | wanted[4] | wanted[5] | wanted[6])
            derivative_maxima(
                variance, has_std, noise, x, n, derivative, slopes, index[5], alone, work,
                result[14:16], flags,
            )  # fmt: skip
        _size(n, has_jump, has_pre, value, covariance, peak, peak_covariance, limits, work, flags)
        judge(n, flags, top, gap, limits[2], status[first : first + n])
        write(n, first, result, flags, gap, origin, scale, out_rows, out)


@inner
def _jump(value, covariance, has_jump, n, result, level):
    """Jump and its uncertainty into the result; the levels of the normalized spectrum."""
    low, half = index_of(level, INTEGRAL_LEVELS[0]), index_of(level, 0.5)
    for p in range(n):
        level[0, p] = half * value[2, p]
        level[2, p] = low * value[2, p]
    if has_jump:
        for p in range(n):
            result[0, p] = value[2, p]
            result[1, p] = math.sqrt(covariance[5, p])


@inner
def _scale_rows(target, factor, n):
    for k in range(target.shape[0]):
        for p in range(n):
            target[k, p] *= factor[p]


@inner
def _size(n, has_jump, has_pre, value, covariance, peak, peak_covariance, limits, work, flags):
    """Flag pixels whose jump (or else peak height, or else curvature) is too small.

    A comparison with an unknown (NaN) uncertainty flags nothing.
    """
    size, square = work[0], work[1]
    if has_jump:
        size[:n] = value[2, :n]
        square[:n] = covariance[5, :n]
    elif has_pre:
        size[:n] = peak[0, :n]
        square[:n] = peak_covariance[0, :n] + covariance[0, :n]
    else:
        # The pair of the squared term with itself: pairs are sorted, row by row of a triangle.
        size[:n] = np.abs(peak[2, :n])
        square[:n] = peak_covariance[2 * peak.shape[0] - 1, :n]
    for p in range(n):
        small = (size[p] <= limits[0]) | (size[p] <= limits[1] * math.sqrt(square[p]))
        flags[p] |= np.uint8(LOW_FLAG if small else 0)
