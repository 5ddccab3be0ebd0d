"""Sums of lineshapes, steps and backgrounds with their derivatives, for lanes of pixels.

A model is a list of parts that add up; each part owns some consecutive parameters. `evaluate` runs
through the list at run time, so that a new combination needs no compilation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from socwidgets.kernels import doors
from socwidgets.kernels.lineshape_points import (
    arctan_at,
    arctan_factors,
    erf_at,
    erf_factors,
    exponential_at,
    exponential_factors,
    gaussian_at,
    gaussian_factors,
    lorentzian_at,
    lorentzian_factors,
    pseudo_voigt_at,
    pseudo_voigt_factors,
    voigt_at,
    voigt_factors,
)
from socwidgets.kernels.lm_lanes import COLUMN, ONE, THREE, TWO, ZERO, L, NoOverlap, U

GAUSSIAN, LORENTZIAN, PSEUDO_VOIGT, VOIGT, ARCTAN_STEP, ERF_STEP, EXPONENTIAL, POLYNOMIAL = (
    np.uintp(n) for n in range(8)
)
#: Integers of the numbers that describe a model: four, then four per part (kind, first parameter,
#: number of parameters, row of the axis).
HEAD, FIELDS = np.uintp(4), np.uintp(4)

_inner = doors.inner(
    error_model="numpy",
    fastmath={"contract", "nsz", "arcp"},
    pipeline_class=NoOverlap,
    _nrt=False,
)


def _two(at: Callable, factors: Callable) -> Any:
    """Model and derivatives of a part of two parameters."""

    @_inner
    def fill(axis, x, q, o, jac, f, model):
        for u in range(U):
            position, k = axis[x + u], u * L
            for p in range(L):
                height, rate = q[o + p], q[o + L + p]
                f0, f1 = factors(height, rate)
                j0, j1 = at(position, rate)
                jac[f + k + p] = f0 * j0
                jac[f + COLUMN + k + p] = f1 * j1
                model[k + p] += height * f0 * j0

    return fill


def _three(at: Callable, factors: Callable) -> Any:
    """The same of three parameters, the last of them a width."""

    @_inner
    def fill(axis, x, q, o, work, jac, f, model):
        for u in range(U):
            position, k = axis[x + u], u * L
            for p in range(L):
                height, center, inverse = q[o + p], q[o + L + p], work[o + TWO * L + p]
                f0, f1, f2 = factors(height, center, inverse)
                j0, j1, j2 = at(position, center, inverse)
                jac[f + k + p] = f0 * j0
                jac[f + COLUMN + k + p] = f1 * j1
                jac[f + TWO * COLUMN + k + p] = f2 * j2
                model[k + p] += height * f0 * j0

    return fill


def _four(at: Callable, factors: Callable) -> Any:
    """The same of four parameters, the third of them a width."""

    @_inner
    def fill(axis, x, q, o, work, jac, f, model):
        for u in range(U):
            position, k = axis[x + u], u * L
            for p in range(L):
                height, center, inverse = q[o + p], q[o + L + p], work[o + TWO * L + p]
                last = q[o + THREE * L + p]
                f0, f1, f2, f3 = factors(height, center, inverse, last)
                j0, j1, j2, j3 = at(position, center, inverse, last)
                jac[f + k + p] = f0 * j0
                jac[f + COLUMN + k + p] = f1 * j1
                jac[f + TWO * COLUMN + k + p] = f2 * j2
                jac[f + THREE * COLUMN + k + p] = f3 * j3
                model[k + p] += height * f0 * j0

    return fill


_gaussian = _three(gaussian_at, gaussian_factors)
_lorentzian = _three(lorentzian_at, lorentzian_factors)
_pseudo_voigt = _four(pseudo_voigt_at, pseudo_voigt_factors)
_voigt = _four(voigt_at, voigt_factors)
_arctan = _three(arctan_at, arctan_factors)
_erf = _three(erf_at, erf_factors)
_exponential = _two(exponential_at, exponential_factors)


@_inner
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


@_inner
def _polynomial(axis, x, stride, q, o, count, lanes, jac, f, model):
    """``sum c_n x^n``; the powers are rows of `axis`, because all pixels share them."""
    for n in range(count):
        for u in range(U):
            _fill(lanes, axis[x + n * stride + u], jac, f + n * COLUMN + u * L)
        for u in range(U):
            _add_term(lanes, axis[x + n * stride + u], q, o + n * L, model, u * L)


@_inner
def _fill(lanes, factor, jac, f):
    """Derivative by a parameter that enters with a factor."""
    for p in range(lanes):
        jac[f + p] = factor


@_inner
def _add_term(lanes, factor, q, o, model, m):
    """The factor times the parameter."""
    for p in range(lanes):
        model[m + p] += factor * q[o + p]
