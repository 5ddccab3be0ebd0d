"""Lineshapes, steps and backgrounds with their derivatives, for lanes of pixels.

A model is a list of parts that add up; each part owns some consecutive parameters. `evaluate` runs
through the list at run time, so that a new combination needs no compilation.

Positions and widths refer to the axis that the caller gives, which for float32 must be scaled to
about [-1, 1]: single precision does not resolve a position on an axis of 8000 eV. Widths are full
widths at half maximum: of the peak itself, or of the derivative of a step.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from socwidgets.kernels.lm_lanes import COLUMN, ONE, THREE, TWO, ZERO, L, NoOverlap, U
from socwidgets.kernels.lm_math import arctan, erf, exp, weideman

GAUSSIAN, LORENTZIAN, PSEUDO_VOIGT, VOIGT, ARCTAN_STEP, ERF_STEP, EXPONENTIAL, POLYNOMIAL = (
    np.uintp(n) for n in range(8)
)
#: Integers of the numbers that describe a model: four, then four per part (kind, first parameter,
#: number of parameters, row of the axis).
HEAD, FIELDS = np.uintp(4), np.uintp(4)

_GAUSS = 2.0 * math.sqrt(math.log(2.0))
_LN2 = math.log(2.0)
_ROOT_PI = 1.0 / math.sqrt(math.pi)
_SCALE, _TERMS = weideman(24)
_COUNT = np.uintp(len(_TERMS))

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
            _arctan_step(axis, x, q, o, work, jac, f, model)
        elif kind == ERF_STEP:
            _erf_step(axis, x, q, o, work, jac, f, model)
        elif kind == EXPONENTIAL:
            _exponential(axis, x, q, o, jac, f, model)
        else:
            _polynomial(axis, x, stride, q, o, numbers[field + TWO], lanes, jac, f, model)


@_compiled
def _gaussian(axis, x, q, o, work, jac, f, model):
    """``h exp(-4 ln2 ((x - c) / w)^2)`` with height h, center c, width w."""
    real = jac.dtype.type
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            inverse = work[o + TWO * L + p]
            narrow = inverse * real(_GAUSS)
            t = (at - q[o + L + p]) * narrow
            shape = exp(-t * t)
            value = q[o + p] * shape
            slope = (value + value) * t
            jac[f + k + p] = shape
            jac[f + COLUMN + k + p] = slope * narrow
            jac[f + TWO * COLUMN + k + p] = slope * t * inverse
            model[k + p] += value


@_compiled
def _lorentzian(axis, x, q, o, work, jac, f, model):
    """``h / (1 + 4 ((x - c) / w)^2)``."""
    real = jac.dtype.type
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            inverse = work[o + TWO * L + p]
            t = (at - q[o + L + p]) * (inverse + inverse)
            shape = real(1.0) / (real(1.0) + t * t)
            value = q[o + p] * shape
            slope = (value + value) * shape * t * inverse
            jac[f + k + p] = shape
            jac[f + COLUMN + k + p] = slope + slope
            jac[f + TWO * COLUMN + k + p] = slope * t
            model[k + p] += value


@_compiled
def _pseudo_voigt(axis, x, q, o, work, jac, f, model):
    """``h (eta Lorentzian + (1 - eta) Gaussian)`` of one width; eta is the fourth parameter."""
    real = jac.dtype.type
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            height, eta = q[o + p], q[o + THREE * L + p]
            inverse = work[o + TWO * L + p]
            t = (at - q[o + L + p]) * (inverse + inverse)
            square = t * t
            lorentz = real(1.0) / (real(1.0) + square)
            gauss = exp(-square * real(_LN2))
            shape = gauss + eta * (lorentz - gauss)
            # Derivative along t^2, without its sign.
            fall = real(_LN2) * gauss + eta * (lorentz * lorentz - real(_LN2) * gauss)
            slope = height * (fall + fall) * t * inverse
            jac[f + k + p] = shape
            jac[f + COLUMN + k + p] = slope + slope
            jac[f + TWO * COLUMN + k + p] = slope * t
            jac[f + THREE * COLUMN + k + p] = height * (lorentz - gauss)
            model[k + p] += height * shape


@_compiled
def _voigt(axis, x, q, o, work, jac, f, model):
    """``A / (sigma sqrt(2 pi)) Re w(z)``: area, center, widths of the Gaussian and Lorentzian.

    w is the Faddeeva function by Weideman's expansion with 24 terms: 8e-11 of the peak.
    """
    real = jac.dtype.type
    size, two_over = real(_SCALE), real(2.0 * _ROOT_PI)
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            narrow = real(_GAUSS) * work[o + TWO * L + p]
            t = (at - q[o + L + p]) * narrow
            y = real(0.5) * narrow * q[o + THREE * L + p]
            up, down = size + y, size - y
            inverse = real(1.0) / (up * up + t * t)
            zr, zi = (down * up - t * t) * inverse, (down + up) * t * inverse
            # 1 / (L - i z) = (a, b)
            a, b = up * inverse, t * inverse
            pr, pi = real(_TERMS[0]), real(0.0)
            for n in range(ONE, _COUNT):
                pr, pi = pr * zr - pi * zi + real(_TERMS[n]), pr * zi + pi * zr
            gr, gi = (
                two_over * real(0.5) + real(2.0) * (pr * a - pi * b),
                real(2.0) * (pr * b + pi * a),
            )
            wr, wi = gr * a - gi * b, gr * b + gi * a
            by_t = real(-2.0) * (t * wr - y * wi)
            by_y = real(2.0) * (t * wi + y * wr) - two_over
            shape = narrow * real(_ROOT_PI)
            value = q[o + p] * shape
            jac[f + k + p] = shape * wr
            jac[f + COLUMN + k + p] = -value * by_t * narrow
            jac[f + TWO * COLUMN + k + p] = (
                -value * (wr + t * by_t + y * by_y) * narrow * real(1.0 / _GAUSS)
            )
            jac[f + THREE * COLUMN + k + p] = value * by_y * narrow * real(0.5)
            model[k + p] += value * wr


@_compiled
def _arctan_step(axis, x, q, o, work, jac, f, model):
    """``h (1/2 + arctan(2 (x - c) / w) / pi)``."""
    real = jac.dtype.type
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            inverse = work[o + TWO * L + p]
            t = (at - q[o + L + p]) * (inverse + inverse)
            shape = real(0.5) + arctan(t) * real(1.0 / math.pi)
            slope = q[o + p] * real(1.0 / math.pi) * inverse / (real(1.0) + t * t)
            jac[f + k + p] = shape
            jac[f + COLUMN + k + p] = -(slope + slope)
            jac[f + TWO * COLUMN + k + p] = -slope * t
            model[k + p] += q[o + p] * shape


@_compiled
def _erf_step(axis, x, q, o, work, jac, f, model):
    """``h (1 + erf(2 sqrt(ln 2) (x - c) / w)) / 2``."""
    real = jac.dtype.type
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            inverse = work[o + TWO * L + p]
            narrow = inverse * real(_GAUSS)
            t = (at - q[o + L + p]) * narrow
            shape = real(0.5) + real(0.5) * erf(t)
            slope = q[o + p] * exp(-t * t) * real(_ROOT_PI)
            jac[f + k + p] = shape
            jac[f + COLUMN + k + p] = -slope * narrow
            jac[f + TWO * COLUMN + k + p] = -slope * t * inverse
            model[k + p] += q[o + p] * shape


@_compiled
def _exponential(axis, x, q, o, jac, f, model):
    """``a exp(-r s)``; with s the logarithm of an axis it is a power law of exponent -r."""
    for u in range(U):
        at, k = axis[x + u], u * L
        for p in range(L):
            shape = exp(-at * q[o + L + p])
            value = q[o + p] * shape
            jac[f + k + p] = shape
            jac[f + COLUMN + k + p] = -at * value
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
