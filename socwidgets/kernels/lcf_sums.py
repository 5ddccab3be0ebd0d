"""Sums of squares of a linear combination fit, for one group of pixels at a time."""

from __future__ import annotations

import numpy as np

from socwidgets.kernels.lanes import (
    LANES,
    UNROLL,
    add_four,
    add_product,
    assign,
    inner,
    last_energies,
)

#: Residual sums of squares come from projections, ``y y - c (2 q - G c)`` without background, as
#: long as they are more than this part of ``y y``: float64 then leaves eight digits. Below it (a
#: signal-to-noise ratio above 3000) the residual is formed point by point.
CANCELLATION = 1e-7


@inner
def sums_from_projections(matrices, projected, fit):
    """Residual and background-free sums of squares without another look at the spectra.

    Exact for equal weights of all energies; `exact_sums` replaces them elsewhere.
    """
    k, b = matrices.gram.shape[0], matrices.background_gram.shape[0]
    square, free = fit.sums[0], fit.sums[3]
    assign(free, projected[k + b])
    for i in range(b):
        for j in range(b):
            add_product(free, -matrices.background_gram[i, j], projected[k + i], projected[k + j])
    assign(square, free)
    for i in range(k):
        add_product(square, -2.0, fit.q[i], fit.weight[i])
        for j in range(k):
            add_product(square, matrices.gram[i, j], fit.weight[i], fit.weight[j])
            add_product(free, matrices.shadow_gram[i, j], fit.weight[i], fit.weight[j])
    assign(fit.sums[1], square)


@inner
def lost_digits(sums, squares):
    """Whether any sum of squares of the group is mostly rounding; NaN is not."""
    found = False
    for p in range(LANES):
        found |= sums[0, p] <= CANCELLATION * squares[p] and squares[p] > 0.0
    return found


@inner
def exact_sums(matrices, signal, std, has_std, first, fit, squares, pairs):
    """Form the residual of each sample of a group and replace its sums of squares.

    With known noise the propagated variance of `q` is summed into `pairs` in the same pass. Where
    noise or weights are given all sums are replaced, else those that lost digits.
    """
    points = signal.shape[0]
    whole = points - points % UNROLL
    sums, work = np.zeros((4, LANES)), np.empty((2 * UNROLL, LANES))
    pairs[:, :] = 0.0
    to = first + LANES
    for e in range(0, whole, UNROLL):
        _four_residuals(
            matrices, e, signal[e, first:to], signal[e + 1, first:to],
            signal[e + 2, first:to], signal[e + 3, first:to], fit, sums, work,
        )  # fmt: skip
        if has_std:
            _four_variances(
                matrices, e, std[e, first:to], std[e + 1, first:to],
                std[e + 2, first:to], std[e + 3, first:to], pairs, sums, work,
            )  # fmt: skip
    if whole < points:
        rest = last_energies(signal, first, 0.0)
        _four_residuals(matrices, whole, rest[0], rest[1], rest[2], rest[3], fit, sums, work)
        if has_std:
            rest = last_energies(std, first, 1.0)
            _four_variances(matrices, whole, rest[0], rest[1], rest[2], rest[3], pairs, sums, work)
    if not matrices.weighted:
        assign(sums[1], sums[0])
    everywhere = has_std or matrices.weighted
    for p in range(LANES):
        if everywhere or (fit.sums[0, p] <= CANCELLATION * squares[p] and squares[p] > 0.0):
            for i in range(4):
                fit.sums[i, p] = sums[i, p]


@inner
def _four_residuals(matrices, e, y0, y1, y2, y3, fit, sums, work):
    """Residuals of four energies into the first rows of `work`, and their sums of squares.

    The padded matrices have an even number of rows, so that each sample is loaded once for two.
    """
    references, background = matrices.references, matrices.background
    _take_off(y0, y1, background[:, e:], references[:, e:], fit, work[0], work[1], sums[3])
    _take_off(
        y2, y3, background[:, e + 2 :], references[:, e + 2 :], fit, work[2], work[3], sums[3]
    )
    for i in range(2, references.shape[0], 2):
        for u in range(UNROLL):
            left, right = references[i, e + u], references[i + 1, e + u]
            weight0, weight1, rest = fit.weight[i], fit.weight[i + 1], work[u]
            for p in range(LANES):
                rest[p] -= left * weight0[p] + right * weight1[p]
    r0, r1, r2, r3 = work[0], work[1], work[2], work[3]
    total = sums[0]
    for p in range(LANES):
        total[p] += r0[p] * r0[p] + r1[p] * r1[p] + r2[p] * r2[p] + r3[p] * r3[p]
    if matrices.weighted:
        w = matrices.weights
        w0, w1, w2, w3 = w[e], w[e + 1], w[e + 2], w[e + 3]
        total = sums[1]
        for p in range(LANES):
            half = w0 * (r0[p] * r0[p]) + w1 * (r1[p] * r1[p])
            total[p] += half + w2 * (r2[p] * r2[p]) + w3 * (r3[p] * r3[p])


@inner
def _take_off(y0, y1, background, references, fit, rest0, rest1, total):
    """Subtract background and two references at two energies; sum the squares in between."""
    a0, a1, b0, b1 = background[0, 0], background[0, 1], background[1, 0], background[1, 1]
    s0, s1, t0, t1 = references[0, 0], references[0, 1], references[1, 0], references[1, 1]
    beta0, beta1, weight0, weight1 = fit.beta[0], fit.beta[1], fit.weight[0], fit.weight[1]
    for p in range(LANES):
        free0 = y0[p] - a0 * beta0[p] - b0 * beta1[p]
        free1 = y1[p] - a1 * beta0[p] - b1 * beta1[p]
        total[p] += free0 * free0 + free1 * free1
        rest0[p] = free0 - s0 * weight0[p] - t0 * weight1[p]
        rest1[p] = free1 - s1 * weight0[p] - t1 * weight1[p]


@inner
def _four_variances(matrices, e, s0, s1, s2, s3, pairs, sums, work):
    """Noise of four energies: into the variance of the projections, and under the residuals."""
    r0, r1, r2, r3 = work[0], work[1], work[2], work[3]
    v0, v1, v2, v3 = work[4], work[5], work[6], work[7]
    total = sums[2]
    for p in range(LANES):
        a, b = np.float64(s0[p]) * s0[p], np.float64(s1[p]) * s1[p]
        c, d = np.float64(s2[p]) * s2[p], np.float64(s3[p]) * s3[p]
        v0[p], v1[p], v2[p], v3[p] = a, b, c, d
        # Four quotients over one common denominator: divisions are what this pass waits for.
        left = r0[p] * r0[p] * b + r1[p] * r1[p] * a
        right = r2[p] * r2[p] * d + r3[p] * r3[p] * c
        ab, cd = a * b, c * d
        total[p] += (left * cd + right * ab) / (ab * cd)
    add_four(v0, v1, v2, v3, matrices.pairs[:, e : e + UNROLL], pairs)
