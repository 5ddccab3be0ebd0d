"""Lineshapes, steps and backgrounds with their derivatives, for lanes of pixels.

A model is a list of parts that add up; each part owns some consecutive parameters. `evaluate` runs
through the list at run time, so that a new combination needs no compilation.

Positions and widths refer to the axis that the caller gives, which for float32 must be scaled to
about [-1, 1]: single precision does not resolve a position on an axis of 8000 eV. Widths are full
widths at half maximum: of the peak itself, or of the derivative of a step.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numba import cfunc, config, njit, types

from socwidgets.kernels.lm_lanes import COLUMN, LANES, ONE, THREE, TWO, ZERO, L, NoOverlap, U
from socwidgets.kernels.lm_math import arctan, erf, exp, weideman
from socwidgets.kernels.lm_plan import Model

GAUSSIAN, LORENTZIAN, PSEUDO_VOIGT, VOIGT, ARCTAN_STEP, ERF_STEP, EXPONENTIAL, POLYNOMIAL = (
    np.uintp(n) for n in range(8)
)
#: Name, kind and parameters of the parts that are not polynomials.
PARTS = {
    "gaussian": (GAUSSIAN, ("height", "center", "fwhm")),
    "lorentzian": (LORENTZIAN, ("height", "center", "fwhm")),
    "pseudo_voigt": (PSEUDO_VOIGT, ("height", "center", "fwhm", "eta")),
    "voigt": (VOIGT, ("area", "center", "fwhm_gauss", "fwhm_lorentz")),
    "arctan": (ARCTAN_STEP, ("height", "center", "width")),
    "erf": (ERF_STEP, ("height", "center", "width")),
    "exponential": (EXPONENTIAL, ("amplitude", "rate")),
}

#: Integers of the numbers that describe a model: four, then four per part (kind, first parameter,
#: number of parameters, row of the axis).
_HEAD, _FIELDS = np.uintp(4), np.uintp(4)

_GAUSS = 2.0 * math.sqrt(math.log(2.0))
_LN2 = math.log(2.0)
_ROOT_PI = 1.0 / math.sqrt(math.pi)
_SCALE, _TERMS = weideman(24)
_COUNT = np.uintp(len(_TERMS))

_compiled = njit(
    nogil=True,
    cache=True,
    error_model="numpy",
    fastmath={"contract", "nsz", "arcp"},
    pipeline_class=NoOverlap,
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
        field = _HEAD + part * _FIELDS
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
            gr, gi = two_over * real(0.5) + real(2.0) * (pr * a - pi * b), real(2.0) * (
                pr * b + pi * a
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


@cache
def block(kind: type):
    """`evaluate` for one float type as a function pointer, whose type all models share."""
    if config.DISABLE_JIT:
        return evaluate
    return cfunc(block_signature(kind), nopython=True, cache=True, error_model="numpy")(
        evaluate.py_func
    )


def block_signature(kind: type):
    """Signature of the function that evaluates a model."""
    rows = types.Array(types.float32 if kind is np.float32 else types.float64, 1, "C")
    return types.void(types.Array(types.uintp, 1, "C"), rows, types.uintp, rows, rows, rows, rows)


def composite(
    parts: tuple[str, ...],
    axis: np.ndarray,
    *,
    degree: int = -1,
    own_axes: dict[int, np.ndarray] | None = None,
) -> Model:
    """A sum of parts and a polynomial.

    Parameters
    ----------
    parts : tuple of str
        Names in `PARTS`; their parameters follow each other in this order.
    axis : ndarray
        ``(E,)``, scaled to about [-1, 1].
    degree : int
        Degree of the polynomial, whose coefficients come last; -1 for none.
    own_axes : dict, optional
        ``{number of the part: (E,)}`` for parts that run on an axis of their own: a power law is
        an exponential of the logarithm.
    """
    rows, numbers, first = [np.asarray(axis, float)], [], 0
    for n, name in enumerate(parts):
        kind, names = PARTS[name]
        row = 0
        if own_axes and n in own_axes:
            rows.append(np.asarray(own_axes[n], float))
            row = len(rows) - 1
        numbers += [int(kind), first, len(names), row]
        first += len(names)
    if degree >= 0:
        numbers += [int(POLYNOMIAL), first, degree + 1, len(rows)]
        rows += [rows[0] ** power for power in range(degree + 1)]
        first += degree + 1
    head = [len(numbers) // int(_FIELDS), first, len(rows), LANES]
    return Model(block, first, np.array([*head, *numbers], np.uintp), np.stack(rows))
