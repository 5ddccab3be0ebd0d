"""What a linear combination fit does to one group of pixels; every inner loop runs over pixels.

Choices are made with masks that are 0 or 1, not with stores under a condition, which compile to
slow masked moves. Arrays are ``(rows, LANES)`` float64.
"""

from __future__ import annotations

import math

import numpy as np

from socwidgets.kernels.lanes import LANES, add_product, add_scaled, assign, inner

#: Status codes; the values of `socwidgets.model.status.Status`, which kernels may not import.
OK, AT_BOUND, SINGULAR = 0, 4, 5
#: A sample is NaN: the caller fits this pixel on the energies that it has.
MISSING = 255


@inner
def affine(matrix, offset, q, result):
    """``result = matrix q + offset`` for each pixel."""
    for i in range(matrix.shape[0]):
        row = result[i]
        row[:] = offset[i]
        for j in range(matrix.shape[1]):
            if matrix[i, j] != 0.0:
                add_scaled(row, matrix[i, j], q[j])


@inner
def choose_subset(q, free, gram, solve, offset, member, weight, chosen):
    """Weights of the feasible subset with the least squares, and its index (as a float).

    `free` holds the solution on all components (subset 0).
    """
    k = q.shape[0]
    for i in range(k):
        assign(weight[i], free[i])
    chosen[:] = 0.0
    if solve.shape[0] == 1:
        return
    trial, loss = np.empty((k, LANES)), np.empty(LANES)
    least, take = np.empty(LANES), np.empty(LANES)
    assign(take, free[0])
    for i in range(1, k):
        _lower(take, free[i])
    waiting = 0.0
    for p in range(LANES):
        # Nothing beats the unconstrained solution where that one is allowed.
        least[p] = -math.inf if take[p] >= 0.0 else math.inf
        waiting = max(waiting, least[p])
    if waiting < 0.0:
        return
    for s in range(1, solve.shape[0]):
        affine(solve[s], offset[s], q, trial)
        _score(q, trial, gram, member[s], loss, least, take)
        for p in range(LANES):
            chosen[p] = take[p] * s + (1.0 - take[p]) * chosen[p]
        for i in range(k):
            _blend(weight[i], trial[i], take)


@inner
def _lower(lowest, values):
    for p in range(LANES):
        lowest[p] = min(lowest[p], values[p])


@inner
def _blend(target, values, take):
    """`values` where `take` is 1, `target` where it is 0."""
    for p in range(LANES):
        target[p] = take[p] * values[p] + (1.0 - take[p]) * target[p]


@inner
def _score(q, trial, gram, member, loss, least, take):
    """Set `take` to 1 where `trial` is allowed and lowers `least`, which follows; else to 0."""
    k = q.shape[0]
    loss[:] = 0.0
    take[:] = 0.0
    for i in range(k):
        if not member[i]:
            continue
        own, weight, projection = gram[i, i], trial[i], q[i]
        _lower(take, weight)
        for p in range(LANES):
            loss[p] += weight[p] * (own * weight[p] - 2.0 * projection[p])
        for j in range(i + 1, k):
            if member[j]:
                add_product(loss, 2.0 * gram[i, j], weight, trial[j])
    for p in range(LANES):
        better = take[p] >= 0.0 and loss[p] < least[p]
        take[p] = 1.0 if better else 0.0
        least[p] = loss[p] if better else least[p]


@inner
def fractions(weight, every, results, row):
    """Fractions ``c_k / sum(c)`` and their sigma by the delta method, in every sixth row.

    `every` is the covariance of the weights, one row per entry.
    """
    k = weight.shape[0]
    over, whole, against = np.zeros(LANES), np.zeros(LANES), np.empty(LANES)
    for i in range(k):
        add_scaled(over, 1.0, weight[i])
        for j in range(k):
            add_scaled(whole, 1.0, every[i * k + j])
    for p in range(LANES):
        over[p] = 1.0 / over[p] if over[p] > 0.0 else math.nan
    for i in range(k):
        assign(against, every[i * k])
        for j in range(1, k):
            add_scaled(against, 1.0, every[i * k + j])
        own, part, value, sigma = (
            every[i * k + i],
            weight[i],
            results[row + 6 * i],
            results[row + 6 * i + 1],
        )
        for p in range(LANES):
            fraction = part[p] * over[p]
            variance = own[p] - 2.0 * fraction * against[p] + fraction * fraction * whole[p]
            value[p] = fraction
            sigma[p] = _root(variance) * over[p]


@inner
def _root(variance):
    """Square root; rounding below zero counts as zero, NaN stays NaN."""
    return math.sqrt(variance if not variance < 0.0 else 0.0)


@inner
def propagate(pairs, matrix, result):
    """``M C M^T`` for each pixel, `pairs` being the upper triangle of ``C`` by rows."""
    k = matrix.shape[0]
    half = np.empty((k, LANES))
    result[:, :] = 0.0
    for i in range(k):
        half[:, :] = 0.0
        for a in range(k):
            if matrix[i, a] != 0.0:
                for c in range(k):
                    low, high = min(a, c), max(a, c)
                    row = low * k - low * (low - 1) // 2 + high - low
                    add_scaled(half[c], matrix[i, a], pairs[row])
        for j in range(k):
            for c in range(k):
                add_scaled(result[i * k + j], matrix[j, c], half[c])


@inner
def active_sigma(pairs, every, solve, member, chosen, results):
    """Sigma of each weight and of their sum where the noise of every sample is known.

    A weight that is held at zero gets the sigma that it would have if it were free. Subsets that no
    pixel of the group chose cost nothing.
    """
    k = member.shape[1]
    spare, whole, take = np.empty_like(every), np.empty(LANES), np.empty(LANES)
    for s in range(member.shape[0]):
        found = 0.0
        for p in range(LANES):
            take[p] = 1.0 if chosen[p] == s else 0.0
            found = max(found, take[p])
        if found == 0.0:
            continue
        source = every
        if s > 0:
            propagate(pairs, solve[s], spare)
            source = spare
        whole[:] = 0.0
        for entry in range(k * k):
            add_scaled(whole, 1.0, source[entry])
        for i in range(k):
            _blend_roots(results[i], source[i * k + i] if member[s, i] else every[i * k + i], take)
        _blend_roots(results[k], whole, take)


@inner
def _blend_roots(target, variance, take):
    for p in range(LANES):
        sigma = _root(variance[p])
        target[p] = sigma if take[p] == 1.0 else target[p]


@inner
def scaled_sigma(total, per_freedom, unit, chosen, every_unit, every, results):
    """The same from the residual: `unit` (rows: subsets) holds sigma for residual variance one."""
    scale, root = np.empty(LANES), np.empty(LANES)
    for p in range(LANES):
        scale[p] = total[p] * per_freedom[int(chosen[p])]
        root[p] = _root(scale[p])
    for i in range(every.shape[0]):
        row = every[i]
        for p in range(LANES):
            row[p] = scale[p] * every_unit[i]
    for i in range(unit.shape[1]):
        row = results[i]
        for p in range(LANES):
            row[p] = root[p] * unit[int(chosen[p]), i]


@inner
def clear_rounding(weight, beta):
    """A constant spectrum is all background: what is left of its weights is rounding."""
    beta0, beta1, total = beta[0], beta[1], np.zeros(LANES)
    for i in range(weight.shape[0]):
        add_scaled(total, 1.0, weight[i])
    for p in range(LANES):
        largest = max(abs(beta0[p]), abs(beta1[p]))
        total[p] = 1.0 if abs(total[p]) > 1e-9 * largest else 0.0
    for i in range(weight.shape[0]):
        row = weight[i]
        for p in range(LANES):
            row[p] *= total[p]


@inner
def codes(spoil, total, chosen, status):
    """Status of each pixel of a group; `status` may be shorter than the group."""
    for p in range(status.size):
        if spoil[p] != 0.0:
            status[p] = MISSING
        elif not total[p] > 0.0:
            status[p] = SINGULAR
        else:
            status[p] = OK if chosen[p] == 0.0 else AT_BOUND
