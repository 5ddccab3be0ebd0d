"""Pre- and post-edge coefficients, edge jump and normalized spectra of blocks, compiled.

Twin: `socwidgets.kernels.normalization_reference`.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.normalization_plan import NormalizationPlan
from socwidgets.kernels.rows import door, inner, project, project_squares, residual_squares

#: Pixels that go through the energies together: long runs of memory are what the prefetcher wants,
#: more so than rows that are still in the L2 cache where samples are looked at twice.
_LANES_ONCE, _LANES_TWICE = 8192, 4096

#: Status codes; the values of `socwidgets.model.status.Status`, which kernels may not import.
OK, LOW_SIGNAL = 0, 2
#: A sample is not finite.
MISSING = 255
#: A jump below so many times the rounding of the pre-edge is none.
ROUNDING = 64.0


def student_factor(freedom: int) -> float:
    """Factor from a standard deviation with few degrees of freedom to a standard uncertainty.

    ``sqrt(n / (n - 2))``, NaN up to two degrees of freedom (JCGM 101:2008, 6.4.9): with it, errors
    divided by their uncertainty have unit standard deviation.
    """
    return math.sqrt(freedom / (freedom - 2)) if freedom > 2 else math.nan


def result_rows(plan: NormalizationPlan) -> int:
    """Number of rows of the result block of `coefficients_block`."""
    return 2 * (2 + plan.post_weights.shape[0]) + 1


def coefficients_block(
    plan: NormalizationPlan,
    signal: np.ndarray,
    std: np.ndarray | None,
    start: int,
    stop: int,
    out: np.ndarray,
    status: np.ndarray,
    *,
    sigma: bool = True,
) -> None:
    """Coefficients of pixels ``start:stop``; only the samples of the two windows are read.

    Parameters
    ----------
    plan : NormalizationPlan
        From `make_plan`.
    signal : ndarray
        ``(E, N)``, C-contiguous, float32 or float64; optical density or intensity.
    std : ndarray or None
        ``(E, N)``, standard uncertainty of each sample, same dtype. Without it the noise comes
        from the residuals of both windows, taken as one constant noise.
    start, stop : int
        Range of pixels.
    out : ndarray
        ``(result_rows(plan), N)``: value and standard uncertainty of the pre-edge at E0 and its
        slope (per eV), of the edge jump and of the higher post-edge coefficients (per eV^k); last
        the standard deviation of the samples about the two curves.
    status : ndarray
        ``(N,)`` uint8: OK, LOW_SIGNAL (the jump is not positive; values are there) or MISSING (a
        sample of the windows is not finite; all values are NaN).
    sigma : bool
        False leaves the rows of the uncertainties and of the noise as they are, and saves a second
        look at the samples.
    """
    kind = signal.dtype
    powers = np.concatenate([np.arange(2), np.arange(plan.post_weights.shape[0])])
    functionals = plan.functionals()
    per_freedom = 1.0 / plan.freedom if plan.freedom > 0 else math.nan
    student = student_factor(plan.freedom) ** 2 * per_freedom
    _coefficients(
        signal, signal[:1, :1] if std is None else std, std is not None, sigma, start, stop,
        _LANES_TWICE if sigma else _LANES_ONCE, plan.rows, plan.windows(kind),
        (functionals**2).astype(kind), (functionals**2 * student).sum(axis=1).astype(kind),
        (plan.scale**-powers).astype(kind), kind.type(per_freedom**0.5), out, status,
    )  # fmt: skip


@door
def _coefficients(
    signal, std, has_std, sigma, start, stop, lanes, rows, windows,
    squares, square_sums, units, root, out, status,
):  # fmt: skip
    count = 2 + windows.post_weights.shape[0]
    value = np.empty((count, lanes), signal.dtype)
    variance = np.empty((count, lanes), signal.dtype)
    merged = np.empty((windows.merge.shape[0], lanes), signal.dtype)
    rest = np.empty(lanes, signal.dtype)
    gap = np.empty(lanes, signal.dtype)
    for first in range(start, stop, lanes):
        n = min(lanes, stop - first)
        solve(signal, first, n, windows, value)
        # NaN where one of the samples is not finite, else zero: added to all results of a pixel.
        for p in range(n):
            gap[p] = 0.0 * value[2, p]
        if sigma:
            rest[:n] = 0.0
            residual_squares(signal, first, n, windows.pre, windows.pre_basis, value[:2], rest)
            combine(windows.merge, value, n, merged)
            residual_squares(signal, first, n, windows.post, windows.basis, merged, rest)
            if has_std:
                project_squares(std, first, n, rows, squares, variance)
            for k in range(count):
                if not has_std:
                    _scaled(rest[:n], square_sums[k], gap, variance[k])
                _write_root(variance[k], gap, units[k], out[2 * k + 1, first : first + n])
            _write_root(rest, gap, root, out[2 * count, first : first + n])
        for k in range(count):
            _write(value[k], gap, units[k], out[2 * k, first : first + n])
        _judge(value[2], status[first : first + n])


@inner
def _scaled(source, factor, gap, target):
    for p in range(source.size):
        target[p] = factor * source[p] + gap[p]


@inner
def _write(source, gap, factor, target):
    for p in range(target.size):
        target[p] = factor * source[p] + gap[p]


@inner
def _write_root(source, gap, factor, target):
    for p in range(target.size):
        target[p] = factor * math.sqrt(source[p]) + gap[p]


@inner
def _judge(jump, status):
    """Status without branches: the jump is NaN or infinite as soon as one sample is."""
    for p in range(status.size):
        low = np.uint8(0 if jump[p] > 0.0 else LOW_SIGNAL)
        status[p] = low if abs(jump[p]) < math.inf else np.uint8(MISSING)


@inner
def solve(signal, first, n, windows, value):
    """Pre-edge coefficients into ``value[:2]``, post-edge coefficients into ``value[2:]``."""
    project(signal, first, n, windows.pre, windows.pre_weights, value[:2])
    project(signal, first, n, windows.post, windows.post_weights, value[2:])
    take_off_pre(windows.post_from_pre, n, value)


@inner
def take_off_pre(post_from_pre, n, value):
    """From the post-edge window's own coefficients to those above the pre-edge curve."""
    for k in range(post_from_pre.shape[0]):
        a, b = post_from_pre[k, 0], post_from_pre[k, 1]
        for p in range(n):
            value[2 + k, p] -= a * value[0, p] + b * value[1, p]


@inner
def combine(matrix, value, n, result):
    """``result[:, p] = matrix @ value[:, p]``."""
    for t in range(matrix.shape[0]):
        for p in range(n):
            result[t, p] = 0.0
        for k in range(matrix.shape[1]):
            if matrix[t, k] != 0.0:
                _add(matrix[t, k], value[k], n, result[t])


@inner
def _add(factor, source, n, target):
    for p in range(n):
        target[p] += factor * source[p]


def normalize_block(
    plan: NormalizationPlan,
    signal: np.ndarray,
    start: int,
    stop: int,
    out: np.ndarray,
    jump: np.ndarray,
    *,
    flatten: bool = True,
) -> None:
    """Normalized spectra of pixels ``start:stop``.

    Parameters
    ----------
    plan, signal, start, stop
        As for `coefficients_block`.
    out : ndarray
        ``(E, N)``, C-contiguous, the signal's dtype; may be `signal` itself. Gets
        ``(mu - pre) / jump``; NaN where the jump is not positive or a window sample is missing.
    jump : ndarray
        ``(N,)``, the signal's dtype; gets the edge jump, NaN where a window sample is missing, zero
        where it is no more than the rounding of the pre-edge.
    flatten : bool
        Take the curvature of the post-edge curve off, from E0 on, so that it becomes 1 there.
    """
    kind = signal.dtype
    merge, basis = plan.merge.copy(), plan.basis.copy()
    # Flattening leaves the jump in: mu - pre - (post - pre - jump).
    if (plan.post_basis[0] == 1.0).all():
        merge[:, 2] = 0.0
    else:
        basis[2] -= 1.0
    _normalize(
        signal, start, stop, _LANES_TWICE, plan.windows(kind), plan.pre_basis.astype(kind),
        basis.astype(kind), merge.astype(kind),
        plan.edge if flatten else signal.shape[0],
        np.may_share_memory(out, signal), kind.type(ROUNDING * np.finfo(kind).eps), out, jump,
    )  # fmt: skip


@door
def _normalize(
    signal, start, stop, lanes, windows, pre_basis, basis, merge, flat_from, in_place, rounding,
    out, jump,
):  # fmt: skip
    value = np.empty((2 + windows.post_weights.shape[0], lanes), signal.dtype)
    merged = np.empty((merge.shape[0], lanes), signal.dtype)
    scale = np.empty(lanes, signal.dtype)
    copy = np.empty(lanes, signal.dtype)
    for first in range(start, stop, lanes):
        n = min(lanes, stop - first)
        solve(signal, first, n, windows, value)
        combine(merge, value, n, merged)
        _invert(value[0], value[2], rounding, scale, jump[first : first + n])
        for k in range(2):
            _multiply(value[k], scale, n)
        for k in range(merged.shape[0]):
            _multiply(merged[k], scale, n)
        for e in range(signal.shape[0]):
            row = signal[e, first : first + n]
            target = out[e, first : first + n]
            if in_place:
                # Reading and writing one array in a loop would forbid vectorizing it.
                copy[:n] = row
                row = copy[:n]
            if e < flat_from:
                _affine(row, scale, pre_basis[:, e], value[0], value[1], target)
            elif basis.shape[0] == 2:
                _affine(row, scale, basis[:, e], merged[0], merged[1], target)
            else:
                _affine_three(row, scale, basis[:, e], merged[0], merged[1], merged[2], target)
                for k in range(3, basis.shape[0]):
                    _add(-basis[k, e], merged[k], n, target)


@inner
def _invert(level, step, rounding, scale, jump):
    """Reciprocal of a positive jump; NaN for others, and for one that an infinite sample made.

    What rounding leaves of a constant spectrum is no jump.
    """
    for p in range(jump.size):
        least = rounding * abs(level[p])
        # NaN fails the comparison and stays; so does what is infinite, which makes NaN.
        jump[p] = 0.0 if abs(step[p]) < least else step[p] + 0.0 * step[p]
        scale[p] = 1.0 / step[p] if step[p] > least else math.nan


@inner
def _multiply(target, factor, n):
    for p in range(n):
        target[p] *= factor[p]


@inner
def _affine(row, scale, f, u, v, target):
    a, b = f[0], f[1]
    for p in range(row.size):
        target[p] = row[p] * scale[p] - a * u[p] - b * v[p]


@inner
def _affine_three(row, scale, f, u, v, w, target):
    a, b, c = f[0], f[1], f[2]
    for p in range(row.size):
        target[p] = row[p] * scale[p] - a * u[p] - b * v[p] - c * w[p]
