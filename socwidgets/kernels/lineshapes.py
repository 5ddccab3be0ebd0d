"""Sums of lineshapes, steps and backgrounds with their derivatives, for lanes of pixels.

A model is a list of parts that add up; each part owns some consecutive parameters. `evaluate` runs
through the list at run time, so that a new combination needs no compilation.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from socwidgets.kernels.lineshape_points import (
    arctan_at,
    erf_at,
    exponential_at,
    gaussian_at,
    lorentzian_at,
    pseudo_voigt_at,
    voigt_at,
)
from socwidgets.kernels.lm_lanes import COLUMN, ONE, THREE, TWO, ZERO, L, NoOverlap, U

GAUSSIAN, LORENTZIAN, PSEUDO_VOIGT, VOIGT, ARCTAN_STEP, ERF_STEP, EXPONENTIAL, POLYNOMIAL = (
    np.uintp(n) for n in range(8)
)
#: Integers of the numbers that describe a model: four, then four per part (kind, first parameter,
#: number of parameters, row of the axis).
HEAD, FIELDS = np.uintp(4), np.uintp(4)

_compiled = njit(  # type: ignore[call-overload]
    nogil=True,
    cache=True,
    error_model="numpy",
    fastmath={"contract", "nsz", "arcp"},
    pipeline_class=NoOverlap,
    _nrt=False,
)


@_compiled
def evaluate(numbers, axis, e, q, work, jac, model):
    """Model and derivatives on one chunk of samples.

    Parameters
    ----------
    numbers : ndarray
        uintp: parts, parameters M, rows of `axis`, `LANES`; then four numbers per part.
    axis : ndarray
        Rows of the padded length, one after the other: the axis, then axes of single parts.
    e : uintp
        First sample of the chunk.
    q : ndarray
        ``M * LANES``, parameters.
    work : ndarray
        ``M * LANES``, filled on the first chunk with the inverse widths, used on the others.
    jac, model : ndarray
        M columns of derivatives, and one of values.
    """
    count, lanes = numbers[ONE], numbers[THREE]
    stride = np.uintp(axis.size) // numbers[TWO]
    if e == ZERO:
        for k in range(count * L):
            work[k] = jac.dtype.type(1.0) / q[k]
    for k in range(COLUMN):
        model[k] = jac.dtype.type(0.0)
    for part in range(numbers[ZERO]):
        field = HEAD + part * FIELDS
        kind, first = numbers[field], numbers[field + ONE]
        x = numbers[field + THREE] * stride + e
        o, f = first * L, first * COLUMN
        if kind == GAUSSIAN:
            _gaussian(axis, x, q, o, work, jac, f, model)
        elif kind == LORENTZIAN:
            _lorentzian(axis, x, q, o, work, jac, f, model)
        elif kind == PSEUDO_VOIGT:
            _pseudo_voigt(axis, x, q, o, work, jac, f, model)
        elif kind == VOIGT:
            _voigt(axis, x, q, o, work, jac, f, model)
        elif kind == ARCTAN_STEP:
            _arctan(axis, x, q, o, work, jac, f, model)
        elif kind == ERF_STEP:
            _erf(axis, x, q, o, work, jac, f, model)
        elif kind == EXPONENTIAL:
            _exponential(axis, x, q, o, jac, f, model)
        else:
            _polynomial(axis, x, stride, q, o, numbers[field + TWO], lanes, jac, f, model)


@_compiled
def _gaussian(axis, x, q, o, work, jac, f, model):
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            value, by_height, by_center, by_width = gaussian_at(
                at, q[o + p], q[o + L + p], work[o + TWO * L + p]
            )
            jac[f + k + p] = by_height
            jac[f + COLUMN + k + p] = by_center
            jac[f + TWO * COLUMN + k + p] = by_width
            model[k + p] += value


@_compiled
def _lorentzian(axis, x, q, o, work, jac, f, model):
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            value, by_height, by_center, by_width = lorentzian_at(
                at, q[o + p], q[o + L + p], work[o + TWO * L + p]
            )
            jac[f + k + p] = by_height
            jac[f + COLUMN + k + p] = by_center
            jac[f + TWO * COLUMN + k + p] = by_width
            model[k + p] += value


@_compiled
def _pseudo_voigt(axis, x, q, o, work, jac, f, model):
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            value, by_first, by_center, by_width, by_last = pseudo_voigt_at(
                at, q[o + p], q[o + L + p], work[o + TWO * L + p], q[o + THREE * L + p]
            )
            jac[f + k + p] = by_first
            jac[f + COLUMN + k + p] = by_center
            jac[f + TWO * COLUMN + k + p] = by_width
            jac[f + THREE * COLUMN + k + p] = by_last
            model[k + p] += value


@_compiled
def _voigt(axis, x, q, o, work, jac, f, model):
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            value, by_first, by_center, by_width, by_last = voigt_at(
                at, q[o + p], q[o + L + p], work[o + TWO * L + p], q[o + THREE * L + p]
            )
            jac[f + k + p] = by_first
            jac[f + COLUMN + k + p] = by_center
            jac[f + TWO * COLUMN + k + p] = by_width
            jac[f + THREE * COLUMN + k + p] = by_last
            model[k + p] += value


@_compiled
def _arctan(axis, x, q, o, work, jac, f, model):
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            value, by_height, by_center, by_width = arctan_at(
                at, q[o + p], q[o + L + p], work[o + TWO * L + p]
            )
            jac[f + k + p] = by_height
            jac[f + COLUMN + k + p] = by_center
            jac[f + TWO * COLUMN + k + p] = by_width
            model[k + p] += value


@_compiled
def _erf(axis, x, q, o, work, jac, f, model):
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            value, by_height, by_center, by_width = erf_at(
                at, q[o + p], q[o + L + p], work[o + TWO * L + p]
            )
            jac[f + k + p] = by_height
            jac[f + COLUMN + k + p] = by_center
            jac[f + TWO * COLUMN + k + p] = by_width
            model[k + p] += value


@_compiled
def _exponential(axis, x, q, o, jac, f, model):
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            value, by_height, by_rate = exponential_at(at, q[o + p], q[o + L + p])
            jac[f + k + p] = by_height
            jac[f + COLUMN + k + p] = by_rate
            model[k + p] += value


@_compiled
def _polynomial(axis, x, stride, q, o, count, lanes, jac, f, model):
    """``sum c_n x^n``; the powers are rows of `axis`, because all pixels share them."""
    for n in range(count):
        for u in range(U):
            _fill(lanes, axis[x + n * stride + u], jac, f + n * COLUMN + u * L)
        for u in range(U):
            _add_term(lanes, axis[x + n * stride + u], q, o + n * L, model, u * L)


@_compiled
def _fill(lanes, factor, jac, f):
    """Derivative by a parameter that enters with a factor."""
    for p in range(lanes):
        jac[f + p] = factor


@_compiled
def _add_term(lanes, factor, q, o, model, m):
    """The factor times the parameter."""
    for p in range(lanes):
        model[m + p] += factor * q[o + p]
