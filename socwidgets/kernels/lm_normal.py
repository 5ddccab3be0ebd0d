"""Normal equations of lanes of pixels: one pass over the samples."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from socwidgets.kernels.lm_lanes import (
    COLUMN,
    ONE,
    ZERO,
    L,
    U,
    accumulate,
    equations_pointer,
    function_pointer,
    jit_disabled,
    leaf,
)
from socwidgets.kernels.lm_math import log

#: Weighting codes of the compiled functions.
NONE, STD, POISSON = np.uintp(0), np.uintp(1), np.uintp(2)

#: Expected counts below this are taken for it: the weight of a sample is their inverse.
LEAST_COUNTS = 1e-3


@leaf
def normal_equations(
    block, numbers, axis, points, count, y, root, weighting, ties, scales, columns, unknowns, q,
    work, jac, model, sums, deviance,
):  # fmt: skip
    """``J^T W J``, ``J^T W r`` and ``r^T W r`` at the parameters `q`.

    Parameters
    ----------
    block : callable
        The model.
    points, count : uintp
        Samples and parameters.
    y, root : ndarray
        ``padded E * LANES``: data, and square roots of the weights (used with `STD`).
    weighting : uintp
        `NONE`, `STD` or `POISSON`; the last weights by the inverse of the *model*, which makes the
        equations those of the maximum likelihood of counts. Weights from the data themselves would
        bias every fit of few counts.
    ties : ndarray
        ``(T, 2)`` uintp: tied parameter and its master; `scales` their factors.
    columns, unknowns : ndarray, uintp
        The free parameters, the residual, and the residual again if that makes the number even;
        how many of them are free parameters.
    jac : ndarray
        Columns: M derivatives, the residual.
    model : ndarray
        A column.
    sums : ndarray
        Overwritten, as `lm_lanes.accumulate` lays it out.
    deviance : ndarray
        ``LANES``, overwritten with `POISSON`: the deviance, which a step must not raise.
    """
    zero = jac.dtype.type(0.0)
    for k in range(np.uintp(sums.size)):
        sums[k] = zero
    for p in range(L):
        deviance[p] = zero
    residual = count * COLUMN
    for e in range(ZERO, points, U):
        block(numbers, axis, e, q, work, jac, model)
        for t in range(np.uintp(ties.shape[0])):
            slave, master = ties[t, ZERO] * COLUMN, ties[t, ONE] * COLUMN
            for k in range(COLUMN):
                jac[master + k] += scales[t] * jac[slave + k]
        rows = min(U, points - e)
        if weighting == POISSON:
            _add_deviance(y, e, rows, model, deviance)
            _weigh_counts(jac, model, residual, columns, unknowns, y, e)
        else:
            for k in range(COLUMN):
                jac[residual + k] = y[e * L + k] - model[k]
            if weighting == STD:
                for c in range(unknowns + ONE):
                    _multiply(jac, columns[c] * COLUMN, root, e * L)
        if rows < U:
            for c in range(unknowns + ONE):
                for k in range(rows * L, COLUMN):
                    jac[columns[c] * COLUMN + k] = zero
        accumulate(jac, columns, sums)


@leaf
def _multiply(jac, f, root, e):
    for k in range(COLUMN):
        jac[f + k] *= root[e + k]


@leaf
def _add_deviance(y, e, rows, model, deviance):
    """``2 (m - y + y log(y / m))`` of counts y expected to be m."""
    real = model.dtype.type
    least, tiny, two = real(LEAST_COUNTS), real(1e-30), real(2.0)
    for u in range(rows):
        for p in range(L):
            m = max(model[u * L + p], least)
            counts = max(y[(e + u) * L + p], real(0.0))
            deviance[p] += two * (m - counts + counts * log(max(counts, tiny) / m))


@leaf
def _weigh_counts(jac, model, residual, columns, unknowns, y, e):
    """Divide by the square root of the expected counts; the model becomes that root."""
    real = jac.dtype.type
    for k in range(COLUMN):
        m = model[k]
        root = real(1.0) / np.sqrt(max(m, real(LEAST_COUNTS)))
        jac[residual + k] = (y[e * L + k] - m) * root
        model[k] = root
    for c in range(unknowns):
        _multiply(jac, columns[c] * COLUMN, model, ZERO)


def _no_sums(numbers, axis, points, y, root, q, work, jac, sums):
    """Nothing."""


@cache
def no_equations(kind: type) -> Any:
    """Something of the type of a model's own normal equations, for models that have none."""
    return _no_sums if jit_disabled() else equations_pointer(_no_sums, kind, cache=True)


def _no_values(numbers, axis, e, q, work, jac, model):
    """Nothing."""


@cache
def no_block(kind: type) -> Any:
    """Something of the type of a model, where its own normal equations are all that is asked."""
    return _no_values if jit_disabled() else function_pointer(_no_values, kind, cache=True)
